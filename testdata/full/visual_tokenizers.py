"""Records what the classes of openai/DALL-E and of microsoft/unilm (beit2) compute in float64 with the weights of docs/recipe.md at full size.

    python visual_tokenizers.py DALL_E UNILM    # needs torch, timm, einops, attrs and safetensors

DALL_E is the folder above the package dall_e, UNILM the folder beit2 of microsoft/unilm. The input is probe image 0 of the seed 0. The activations are millions of
numbers, so of each matrix, [rows, columns], the file has what every number counts in: for each row the sum (`NAME.rows`), the root of the sum of squares
(`NAME.lengths`), the largest value (`NAME.largest`) and the second largest (`NAME.second`), and for each column the sum (`NAME.columns`).
"""

import math
import pathlib
import sys
import types
from functools import partial

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

dall_e, unilm = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(unilm), str(dall_e)]
for unused, names in {"requests": (), "utils": (), "vqkd_teacher": ("clip", "get_dino_vit_base")}.items():  # only training and downloads use them
    sys.modules[unused] = types.ModuleType(unused)
    for name in names:
        setattr(sys.modules[unused], name, None)

GOLDEN, MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1


def splitmix64(x):
    z = x + np.uint64(GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def unit(name, count):
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) & MASK
    with np.errstate(over="ignore"):
        start = np.uint64(key) ^ splitmix64(np.zeros(1, np.uint64))[0]
        bits = splitmix64(start + np.arange(count, dtype=np.uint64) * np.uint64(GOLDEN)) >> np.uint64(40)
    return (bits.astype(np.int64) - (1 << 23)) / float(1 << 23)


def weight(name, shape):
    last = name.rsplit(".", 1)[-1]
    if last in ("cluster_size", "initted"):
        return np.ones(shape, np.float32)
    centre, scale = 0.0, 0.0
    if name.endswith(("norm.weight", "norm1.weight", "norm2.weight")):
        centre, scale = 1.0, 2.0**-3
    elif last in ("cls_token", "pos_embed"):
        scale = 2.0**-3
    elif last in ("b", "bias", "q_bias", "v_bias"):
        scale = 2.0**-4
    else:
        scale = 2.0 ** -math.floor(math.log2(np.prod(shape[1:])) / 2)
    values = (centre + scale * unit(name, int(np.prod(shape)))).astype(np.float32).reshape(shape)
    if last == "embed_avg" or name == "quantize.embedding.weight":
        wide = values.astype(np.float64)
        values = (wide / np.sqrt((wide**2).sum(axis=1, keepdims=True))).astype(np.float32)
    return values


def fill(model):
    model.load_state_dict({name: torch.from_numpy(weight(name, tuple(p.shape))) for name, p in model.state_dict().items()})
    return model.double().eval()


def image(size):
    return torch.from_numpy((2 * unit("input.0", 3 * size * size)).astype(np.float32).reshape(1, 3, size, size)).double()


def summary(name, matrix):
    ordered = np.sort(matrix, axis=1)
    return {f"{name}.rows": matrix.sum(axis=1), f"{name}.lengths": np.sqrt((matrix**2).sum(axis=1)), f"{name}.columns": matrix.sum(axis=0),
            f"{name}.largest": ordered[:, -1].copy(), f"{name}.second": ordered[:, -2].copy()}


def save(name, implementation, tensors):
    metadata = {"implementation": implementation, "framework": "torch", "framework_version": torch.__version__, "dtype": "float64"}
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, HERE / f"{name}.summary.safetensors", metadata=metadata)
    print(name, {k: v.shape for k, v in tensors.items()})


def convolve(self, x):  # Conv2d.forward without the casts to float32
    return nn.functional.conv2d(x, self.w, self.b, padding=(self.kw - 1) // 2)


@torch.no_grad()
def dvae():
    import dall_e.utils
    from dall_e.decoder import Decoder
    from dall_e.encoder import Encoder

    dall_e.utils.Conv2d.forward = convolve
    logits = fill(Encoder()).blocks(image(112))
    tokens = logits.argmax(dim=1).flatten(1)
    save("dvae_encoder_112", "openai/DALL-E 5be4b23", {"tokens": tokens[0].numpy(), **summary("logits", logits[0].flatten(1).T.numpy())})
    # Other tokens than these, which stand close together: each place has another one.
    tokens = (torch.arange(14 * 14) * 41) % 8192
    decoded = fill(Decoder()).blocks(nn.functional.one_hot(tokens.view(1, 14, 14), num_classes=8192).permute(0, 3, 1, 2).double())
    save("dvae_decoder_112", "openai/DALL-E 5be4b23", {"tokens": tokens.numpy(), **summary("decoded", decoded[0].flatten(0, 1).numpy())})


@torch.no_grad()
def vqkd():
    from modeling_vqkd import VQKD

    shape = dict(img_size=224, patch_size=16, in_chans=3, num_classes=0, embed_dim=768, depth=12, num_heads=12, mlp_ratio=4, qkv_bias=True, init_values=0.0,
                 use_abs_pos_emb=True, use_mean_pooling=True, norm_layer=partial(nn.LayerNorm, eps=1e-6))
    decoder = dict(shape, img_size=14, patch_size=1, in_chans=32, depth=3)
    model = fill(VQKD(shape, decoder, n_embed=8192, embed_dim=32, teacher_model_type="None", decoder_out_dim=512))
    codes = []
    model.encode_task_layer.register_forward_hook(lambda _, inputs, output: codes.append(output[0]))
    quantised, tokens, _ = model.encode(image(224))
    target = model.decode(quantised)
    save("vqkd_base_p16_224_clip", "unilm beit2 VQKD 768a3c8", {"tokens": tokens.numpy(), **summary("codes", codes[0].numpy()), **summary("target", target[0].numpy())})


dvae()
vqkd()
