"""Records every stage of the small tokenizers, as the classes of openai/DALL-E and of microsoft/unilm (beit2) compute them in float64.

    python make.py DALL_E UNILM GOLDEN    # needs torch, timm, einops and safetensors

DALL_E is the folder above the package dall_e, UNILM the folder beit2 of microsoft/unilm. GOLDEN has the checkpoints, and recordings of which the inputs are taken.
Stages are named as docs/recording.md has them; blocks.{i} of a dVAE are counted through all groups, before the pooling or the upsampling behind some of them.
"""

import pathlib
import sys
import types

import torch
from safetensors.torch import load_file, save_file
from torch import nn

dall_e, unilm, golden = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(unilm), str(dall_e)]
for unused, names in {"utils": (), "vqkd_teacher": ("clip", "get_dino_vit_base")}.items():  # only training uses them
    sys.modules[unused] = types.ModuleType(unused)
    for name in names:
        setattr(sys.modules[unused], name, None)


def save(name, tensors, implementation):
    metadata = {"format": "beitzoo.recording.v1", "dtype": "float64", "task": "image tokenizer", "framework": "torch", "framework_version": torch.__version__}
    metadata["implementation"] = implementation
    if "unilm" in implementation:
        metadata["epsilon"] = "1e-06"
    save_file({k: v.contiguous() for k, v in tensors.items()}, HERE / f"{name}.stages.float64.recording.safetensors", metadata=metadata)


def catch(stages, name, module, of=lambda value: value):
    def hook(_, inputs, output):
        stages[name] = of(output).detach().clone()

    module.register_forward_hook(hook)


def dvae(model, inputs, last):
    """Returns the stages of a half of a dVAE, whose last convolution is called last. Its own check of the dtype is for float32 alone, so the blocks are called."""
    import dall_e.utils

    def forward(self, x):  # the same without the casts to float32
        return nn.functional.conv2d(x, self.w, self.b, padding=(self.kw - 1) // 2)

    dall_e.utils.Conv2d.forward = forward
    model = model.double().eval()
    stages = {}
    catch(stages, "embed", model.blocks.input)
    blocks = [m for group in model.blocks if isinstance(group, nn.Sequential) for name, m in group.named_children() if name.startswith("block_")]
    for i, block in enumerate(blocks):
        catch(stages, f"blocks.{i}", block)
    catch(stages, last, model.blocks.output.conv)
    with torch.no_grad():
        model.blocks(inputs)
    return stages


def digits():
    from dall_e.utils import unmap_pixels

    recorded = load_file(golden / "digits_dvae.openai.float32.recording.safetensors")
    pixels, name = recorded["input"][:1], "openai/DALL-E 5be4b23"
    encoder = torch.load(golden / "digits_dvae.encoder.pkl", weights_only=False)
    stages = dvae(encoder, pixels.double(), "logits")
    tokens = stages["logits"].argmax(dim=1)
    save("digits_dvae_encoder", {"input": pixels, "tokens": tokens.flatten(1), **stages}, name)
    decoder = torch.load(golden / "digits_dvae.decoder.pkl", weights_only=False)
    one_hot = nn.functional.one_hot(tokens, num_classes=encoder.vocab_size).permute(0, 3, 1, 2).double()
    stages = dvae(decoder, one_hot, "decoded")
    # The function for pictures is for float32 alone, too.
    picture = torch.clamp((torch.sigmoid(stages["decoded"][:, :3]) - 0.1) / 0.8, 0, 1)
    assert (picture - unmap_pixels(torch.sigmoid(stages["decoded"][:, :3]).float())).abs().max() < 1e-6
    save("digits_dvae_decoder", {"tokens": tokens.flatten(1), "picture": picture, **stages}, name)


def vqkd():
    from functools import partial

    from modeling_vqkd import VQKD

    weights = torch.load(golden / "vqkd_p16_64.unilm.pth", weights_only=True)
    weights = weights.get("model", weights)
    shape = dict(img_size=64, patch_size=16, in_chans=3, num_classes=0, embed_dim=48, depth=3, num_heads=3, mlp_ratio=4, qkv_bias=True, init_values=0.0,
                 use_abs_pos_emb=True, use_mean_pooling=True, norm_layer=partial(nn.LayerNorm, eps=1e-6))
    model = VQKD(shape, dict(shape, img_size=4, patch_size=1, in_chans=8, depth=1), n_embed=64, embed_dim=8, teacher_model_type="None", decoder_out_dim=24)
    model.load_state_dict(weights)
    model = model.double().eval()
    pixels, stages = load_file(golden / "vqkd_p16_64.unilm.float64.recording.safetensors")["input"][:2], {}
    for prefix, part in {"": model.encoder, "decoder.": model.decoder}.items():
        part.blocks[0].register_forward_pre_hook(lambda _, inputs, prefix=prefix: stages.update({prefix + "embed": inputs[0].detach().clone()}))
        for i, block in enumerate(part.blocks):
            catch(stages, f"{prefix}blocks.{i}.attn", block.attn)
            catch(stages, f"{prefix}blocks.{i}", block)
        catch(stages, prefix + "pool", part.fc_norm)
    catch(stages, "codes", model.encode_task_layer)
    catch(stages, "target", model.decode_task_layer)
    with torch.no_grad():
        quantised, tokens, _ = model.encode(pixels.double())
        model.decode(quantised)
    stages = {name: value[:, 1:] if name.endswith("pool") and value.shape[1] == 17 else value for name, value in stages.items()}
    save("vqkd_p16_64", {"input": pixels, "tokens": tokens.view(len(pixels), -1), **stages}, "unilm beit2 VQKD 768a3c8")


digits()
vqkd()
