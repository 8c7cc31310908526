"""Records what a BEiT in PyTorch computes, for `beitzoo verify MODEL --recording FILE`.

    python record_torch.py timm/beit_base_patch16_224.in22k_ft_in22k_in1k out.safetensors
    python record_torch.py path/to/huggingface/folder out.safetensors

Or from your own code: record(model, images, "out.safetensors"). Needs torch and safetensors, and timm or transformers for the model.
"""

import sys

import torch
from safetensors.torch import save_file


def parts(model):
    """The modules to record: the one whose output is the tokens before the first block, the blocks, and the head, whose input is recorded."""
    if hasattr(model, "beit"):  # Hugging Face
        encoder = model.beit.encoder if hasattr(model.beit, "encoder") else model.beit
        layers = encoder.layer if hasattr(encoder, "layer") else encoder.layers
        return model.beit.embeddings, layers, model.classifier
    return model.pos_drop, model.blocks, model.head  # timm, unilm


def epsilon(model):
    for module in model.modules():
        if isinstance(module, torch.nn.LayerNorm):
            return module.eps
    raise ValueError("the model has no LayerNorm")


def record(model, images, path, **metadata):
    """Runs model on images [N, 3, H, W] (normalised) and writes the recording to path."""
    seen, hooks = {}, []

    def keep(name, take_input=False):
        def hook(_, inputs, output):
            value = inputs[0] if take_input else output
            value = value[0] if isinstance(value, tuple) else value
            seen[name] = value.detach().to(torch.promote_types(value.dtype, torch.float32)).contiguous().clone()

        return hook

    embed, blocks, head = parts(model)
    hooks.append(embed.register_forward_hook(keep("embed")))
    hooks.append(head.register_forward_hook(keep("pool", take_input=True)))
    for i, block in enumerate(blocks):
        hooks.append(block.register_forward_hook(keep(f"blocks.{i}")))
    dtype = next(model.parameters()).dtype
    with torch.no_grad():
        output = model.eval()(images.to(dtype))
    for hook in hooks:
        hook.remove()
    logits = output.logits if hasattr(output, "logits") else output
    seen["logits"] = logits.to(torch.promote_types(logits.dtype, torch.float32)).contiguous().clone()
    seen["input"] = images.to(torch.float32).contiguous().clone()
    save_file(seen, path, metadata={
        "format": "beitzoo.recording.v1",
        "framework": "torch",
        "framework_version": torch.__version__,
        "implementation": type(model).__module__ + "." + type(model).__name__,
        "dtype": str(dtype).removeprefix("torch."),
        "epsilon": repr(epsilon(model)),
        **{key: str(value) for key, value in metadata.items()},
    })


def load(name):
    if name.startswith("timm/"):
        import timm

        return timm.create_model(name.removeprefix("timm/"), pretrained=True)
    from transformers import BeitForImageClassification

    return BeitForImageClassification.from_pretrained(name)


def side(model):
    if hasattr(model, "config"):
        return model.config.image_size
    return model.patch_embed.img_size[0]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    loaded = load(sys.argv[1])
    torch.manual_seed(0)
    record(loaded, torch.rand(2, 3, side(loaded), side(loaded)) * 2 - 1, sys.argv[2], seed=0)
