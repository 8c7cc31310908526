"""Makes the files of this folder: small members of the family, as their own programs save them, and recordings of what these compute in float64.

    python make.py UNILM OUT    # UNILM: a checkout of microsoft/unilm; needs timm, transformers, mmpretrain and mmsegmentation

mmcv's compiled operators, which BEiT does not use, are stood in for by an empty module, so mmcv-lite will do.
"""

import importlib.machinery
import pathlib
import sys
import types

import torch
from safetensors.torch import save_file

UNILM, OUT = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
DIM, DEPTH, HEADS, SIDE, PATCH, CLASSES = 24, 2, 4, 12, 4, 5
PATCHES = (SIDE // PATCH) ** 2


def randomise(model, seed=0, dtype=torch.float32):
    """Fills every parameter with noise that float32 holds. Biases of keys are zero in every BEiT."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float32) * 0.3
            is_norm = parameter.dim() == 1 and name.endswith("weight") and any(part in name for part in ("norm", "ln1", "ln2"))
            parameter.copy_(noise + (1 if is_norm else 0))
    model.to(dtype).eval()  # mmsegmentation's backbone returns nothing here
    return model


def images(channels=3, count=2):
    generator = torch.Generator().manual_seed(9)
    return torch.randn(count, channels, SIDE, SIDE, generator=generator)


def mask():
    return (torch.arange(2 * PATCHES) % 3 == 1).reshape(2, PATCHES)


def record(name, program, epsilon, pixels, blocks, run, masked=None, **seen):
    """Runs a model in float64 with hooks on its blocks, and saves what was seen."""
    hooks = []

    def keep(key):
        def hook(_, __, output):
            output = output[0] if isinstance(output, tuple) else output
            seen[key] = output.detach().clone()
        return hook

    for i, block in enumerate(blocks):
        hooks.append(block.register_forward_hook(keep(f"blocks.{i}")))
    with torch.no_grad():
        found = run(pixels.double())
    for hook in hooks:
        hook.remove()
    seen.update(found)
    tensors = {key: value.double().contiguous() for key, value in seen.items()}
    tensors["input"] = pixels.contiguous()
    if masked is not None:
        tensors["mask"] = masked.to(torch.uint8).contiguous()
    save_file(tensors, OUT / f"{name}.recording.safetensors", metadata={
        "format": "beitzoo.recording.v1", "framework": "torch", "framework_version": torch.__version__, "implementation": program,
        "dtype": "float64", "epsilon": repr(epsilon)})


def pytorch(tensors, name):
    torch.save(tensors, OUT / name)


def timm_models():
    import timm
    from timm.models.beit import Beit
    from timm.models.eva import Eva

    program = f"timm {timm.__version__}"
    small = dict(
        img_size=SIDE, patch_size=PATCH, embed_dim=DIM, depth=DEPTH, num_heads=HEADS, mlp_ratio=2, init_values=0.1, use_abs_pos_emb=False)

    def run(name, model, dtype=torch.float32, channels=3, headless=False):
        randomise(model, dtype=dtype)
        save_file(model.state_dict(), OUT / f"{name}.safetensors")
        record(name, program, 1e-6, images(channels), model.double().blocks, lambda x: {"pool" if headless else "logits": model(x)})

    for dtype in (torch.float32, torch.float64):
        run(f"timm_both_biases.{str(dtype)[6:]}", Beit(**small, num_classes=CLASSES, use_rel_pos_bias=True, use_shared_rel_pos_bias=True), dtype)
    run("timm_one_channel", Beit(**small, num_classes=CLASSES, in_chans=1, use_rel_pos_bias=True), channels=1)
    run("timm_five_channels", Beit(**small, num_classes=CLASSES, in_chans=5, use_rel_pos_bias=True), channels=5)
    run("timm_headless", Beit(**small, num_classes=0, use_rel_pos_bias=True), headless=True)
    run("timm_headless_token", Beit(**small, num_classes=0, global_pool="token", use_rel_pos_bias=True), headless=True)
    # global_pool='' only lets the caller pool: the parameters are those of 'token', and so is token 0 of the result.
    whole = randomise(Beit(**small, num_classes=0, global_pool="", use_rel_pos_bias=True))
    save_file(whole.state_dict(), OUT / "timm_headless_unpooled.safetensors")
    record("timm_headless_unpooled", program, 1e-6, images(), whole.double().blocks, lambda x: {"pool": whole(x)[:, 0]})

    features = timm.create_model("beit_base_patch16_224", features_only=True, out_indices=[DEPTH - 1], **small)
    randomise(features)
    save_file(features.state_dict(), OUT / "timm_features_only.safetensors")
    record("timm_features_only", program, 1e-6, images(), features.double().model.blocks, lambda x: (features(x), {})[1])

    giant = timm.create_model("eva_giant_patch14_224", img_size=SIDE, patch_size=PATCH, embed_dim=DIM, depth=DEPTH, num_heads=HEADS, num_classes=CLASSES)
    assert isinstance(giant, Eva)
    run("timm_eva_giant", giant)


def transformers_models():
    import transformers

    program = f"transformers {transformers.__version__}"
    small = dict(
        hidden_size=DIM, num_hidden_layers=DEPTH, num_attention_heads=HEADS, intermediate_size=2 * DIM, image_size=SIDE, patch_size=PATCH,
        layer_norm_eps=1e-12, layer_scale_init_value=0.1, vocab_size=7)

    def layers(model):
        for part in ("beit", "data2vec_vision"):
            model = getattr(model, part, model)
        return model.layers if hasattr(model, "layers") else model.encoder.layer

    def run(name, model, outputs, masked=None, dtype=torch.float32):
        randomise(model, dtype=dtype)
        model.save_pretrained(OUT / name)
        model.double()
        record(name, program, 1e-12, images(), layers(model), lambda x: outputs(model(x) if masked is None else model(x, bool_masked_pos=masked)), masked)

    logits = lambda out: {"logits": out.logits}
    beit = lambda **more: transformers.BeitConfig(**small, **more)
    relative = dict(use_relative_position_bias=True)
    both = dict(use_relative_position_bias=True, use_shared_relative_position_bias=True)
    run("hf_both_biases", transformers.BeitForImageClassification(beit(**both, num_labels=CLASSES)), logits, dtype=torch.float64)
    run("hf_model", transformers.BeitModel(beit(**relative)), lambda out: {"pool": out.pooler_output})
    run("hf_model_token", transformers.BeitModel(beit(**relative, use_mean_pooling=False)), lambda out: {"pool": out.pooler_output})
    run("hf_model_unpooled", transformers.BeitModel(beit(**relative), add_pooling_layer=False), lambda out: {})
    run("hf_backbone", transformers.BeitBackbone(beit(**relative)), lambda out: {})
    run("hf_masked", transformers.BeitForMaskedImageModeling(beit(use_shared_relative_position_bias=True, use_mask_token=True)), logits, mask())
    run("hf_masked_without_token", transformers.BeitForMaskedImageModeling(beit(use_shared_relative_position_bias=True, use_mask_token=False)), logits)
    d2v = lambda **more: transformers.Data2VecVisionConfig(**{k: v for k, v in small.items() if k != "vocab_size"}, **more)
    run("data2vec_classifier", transformers.Data2VecVisionForImageClassification(d2v(**relative, num_labels=CLASSES)), logits)
    # facebook/data2vec-vision-base: a table for all blocks, and the norm of the class token.
    run("data2vec_model", transformers.Data2VecVisionModel(d2v(use_shared_relative_position_bias=True, use_mean_pooling=False)),
        lambda out: {"pool": out.last_hidden_state[:, 0]})


def openmmlab_models():
    class Empty(types.ModuleType):
        """Has every operator, and none that works."""

        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return None

    sys.modules["mmcv._ext"] = Empty("mmcv._ext")
    sys.modules["mmcv._ext"].__spec__ = importlib.machinery.ModuleSpec("mmcv._ext", None)
    import mmpretrain
    from mmpretrain.models.backbones import BEiTViT
    from mmpretrain.models.heads import BEiTV1Head, BEiTV2Head, LinearClsHead
    from mmpretrain.models.necks import BEiTV2Neck
    from mmpretrain.models.selfsup import BEiTPretrainViT

    program = f"mmpretrain {mmpretrain.__version__}"
    small = dict(
        arch=dict(embed_dims=DIM, num_layers=DEPTH, num_heads=HEADS, feedforward_channels=2 * DIM), img_size=SIDE, patch_size=PATCH)

    class Parts(torch.nn.Module):
        def __init__(self, **parts):
            super().__init__()
            for name, part in parts.items():
                self.add_module(name, part)

    def save(name, model, **meta):
        pytorch({"meta": {"mmengine_version": "0.10.7", **meta}, "state_dict": model.state_dict()}, name + ".pth")

    classifier = randomise(Parts(backbone=BEiTViT(**small), head=LinearClsHead(CLASSES, DIM)))
    save("openmmlab_classifier", classifier, dataset_meta={"classes": [f"class {i}" for i in range(CLASSES)]})
    classifier.double()
    record("openmmlab_classifier", program, 1e-6, images(), classifier.backbone.layers, lambda x: {"logits": classifier.head(classifier.backbone(x))})

    masked, loss = mask(), dict(type="CrossEntropyLoss")
    v1 = randomise(Parts(backbone=BEiTPretrainViT(**small), head=BEiTV1Head(DIM, 7, loss), target_generator=torch.nn.Linear(3, 4)))
    save("openmmlab_masked", v1)
    v1.double()
    record("openmmlab_masked", program, 1e-6, images(), v1.backbone.layers,
           lambda x: {"logits": v1.head.cls_head(v1.backbone(x, masked)[0][:, 1:])}, masked)

    neck = BEiTV2Neck(num_layers=2, early_layers=1, backbone_arch=dict(small["arch"], depth=DEPTH))
    v2 = randomise(Parts(backbone=BEiTPretrainViT(**small, out_indices=[0, DEPTH - 1], final_norm=False), neck=neck, head=BEiTV2Head(DIM, 7, loss)))
    save("openmmlab_v2", v2)
    v2.double()

    def main_branch(x):
        features, _ = v2.neck(v2.backbone(x, masked), rel_pos_bias=v2.backbone.shared_rel_pos_bias)
        return {"logits": v2.head.cls_head(features)}

    record("openmmlab_v2", program, 1e-6, images(), v2.backbone.layers, main_branch, masked)

    import mmseg
    from mmseg.models.backbones import BEiT

    backbone = randomise(BEiT(
        img_size=SIDE, patch_size=PATCH, embed_dims=DIM, num_layers=DEPTH, num_heads=HEADS, mlp_ratio=2, out_indices=(DEPTH - 1,), qv_bias=True,
        init_values=0.1, norm_cfg=dict(type="LN", eps=1e-6)))
    holder = Parts(backbone=backbone)
    pytorch({"meta": {}, "state_dict": holder.state_dict()}, "openmmlab_mmseg_backbone.pth")
    backbone.double()
    record("openmmlab_mmseg_backbone", f"mmsegmentation {mmseg.__version__}", 1e-6, images(), backbone.layers, lambda x: (backbone(x), {})[1])


def unilm_models():
    import timm.layers
    import timm.models

    for old in ("timm.models.layers", "timm.models.registry"):
        sys.modules.setdefault(old, types.ModuleType(old))
    for name in ("drop_path", "to_2tuple", "trunc_normal_"):
        setattr(sys.modules["timm.models.layers"], name, getattr(timm.layers, name))
    sys.modules["timm.models.registry"].register_model = lambda function: function
    sys.path.insert(0, str(UNILM / "beit2"))
    import modeling_pretrain
    from functools import partial

    small = dict(
        img_size=SIDE, patch_size=PATCH, embed_dim=DIM, depth=DEPTH, num_heads=HEADS, mlp_ratio=2, qkv_bias=True, init_values=0.1,
        use_abs_pos_emb=False, use_shared_rel_pos_bias=True, vocab_size=7, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
    masked = mask()
    for name, shared in (("unilm_v2", True), ("unilm_v2_own_head", False)):
        model = randomise(modeling_pretrain.VisionTransformerForMaskedImageModelingCLS(**small, early_layers=1, head_layers=2, shared_lm_head=shared))
        pytorch({"model": model.state_dict()}, name + ".pth")
        model.double()
        record(name, "microsoft/unilm 768a3c8 beit2", 1e-6, images(), model.blocks,
               lambda x: {"logits": model(x, masked, return_all_tokens=True)[0]}, masked)
    # data2vec's pre-training: unilm's names, and a head that regresses the features of a teacher (facebookresearch/data2vec_vision beit/modeling_cyclical.py).
    model = randomise(modeling_pretrain.VisionTransformerForMaskedImageModeling(**dict(small, vocab_size=DIM)))
    pytorch({"model": model.state_dict()}, "data2vec_regression.pth")
    model.double()
    record("data2vec_regression", "microsoft/unilm 768a3c8 beit2", 1e-6, images(), model.blocks,
           lambda x: {"logits": model(x, masked, return_all_tokens=True)}, masked)


timm_models()
transformers_models()
openmmlab_models()
unilm_models()
