"""Records what timm and transformers call the features of models of this folder, in float64.

    python make.py    # needs timm, torch, safetensors and transformers

Each file has "input", [N, 3, H, W] in float32, "tokens", [N, tokens, C], which is timm's forward_features or transformers' last_hidden_state, and "pool", [N, C],
which is timm's forward_head(pre_logits=True) or transformers' pooler_output.
"""

import pathlib

import timm
import torch
import transformers
from safetensors.torch import load_file, save_file
from timm.models.beit import Beit
from transformers import BeitModel

TESTDATA = pathlib.Path(__file__).parent.parent


def save(name, program, pixels, tokens, pool):
    tensors = {"input": pixels, "tokens": tokens.contiguous(), "pool": pool.contiguous()}
    save_file(tensors, TESTDATA / "features" / f"{name}.safetensors", metadata={"made_by": f"{program}, torch {torch.__version__}"})


def of_timm(name, weights, recording, **options):
    model = Beit(**options)
    model.load_state_dict(load_file(weights))
    model = model.double().eval()
    pixels = load_file(recording)["input"][:2].contiguous()
    with torch.no_grad():
        tokens = model.forward_features(pixels.double())
        save(name, f"timm {timm.__version__}", pixels, tokens, model.forward_head(tokens, pre_logits=True))


def of_transformers(name):
    model = BeitModel.from_pretrained(TESTDATA / "family" / name, dtype=torch.float64).eval()
    pixels = load_file(TESTDATA / "family" / f"{name}.recording.safetensors")["input"][:2].contiguous()
    with torch.no_grad():
        seen = model(pixels.double())
    save(name, f"transformers {transformers.__version__}", pixels, seen.last_hidden_state, seen.pooler_output)


of_timm(
    "digits", TESTDATA / "digits/digits_p16_64.timm.safetensors", TESTDATA / "digits/digits_p16_64.timm.float32.recording.safetensors",
    img_size=64, patch_size=16, embed_dim=48, depth=3, num_heads=3, mlp_ratio=4, init_values=0.1, num_classes=10, use_abs_pos_emb=False, use_rel_pos_bias=True,
)
of_transformers("hf_model")
of_transformers("hf_model_token")
