"""Records how much tokens attend to each other, as transformers computes it in float64, with the softmax in float32 (output_attentions, eager).

    python make.py    # needs torch, safetensors and transformers

Each file has "input", [N, 3, H, W] in float32, for each block "blocks.{i}", [N, heads, tokens, tokens] in float64, and "rollout", [N, tokens, tokens]: the product
over the blocks, later ones on the left, of the mean over the heads and the identity, half and half (samiraabnar/attention_flow, attention_graph_util.py,
compute_joint_attention).
"""

import pathlib

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, BeitForImageClassification, BeitModel

TESTDATA = pathlib.Path(__file__).parent.parent


def record(name, cls, folder, recording, images):
    config = AutoConfig.from_pretrained(folder, attn_implementation="eager")
    model = cls.from_pretrained(folder, config=config, dtype=torch.float64, attn_implementation="eager").eval()
    pixels = load_file(recording)["input"][:images].contiguous()
    with torch.no_grad():
        attentions = model(pixels.double(), output_attentions=True).attentions
    rollout = None
    for attention in attentions:
        mixed = attention.mean(dim=1) + torch.eye(attention.shape[-1], dtype=torch.float64)
        mixed = mixed / mixed.sum(dim=-1, keepdim=True)
        rollout = mixed if rollout is None else mixed @ rollout
    tensors = {"input": pixels, "rollout": rollout.contiguous()}
    tensors |= {f"blocks.{i}": a.contiguous() for i, a in enumerate(attentions)}
    save_file(tensors, TESTDATA / "attention" / f"{name}.safetensors", metadata={"made_by": f"transformers {transformers.__version__}, torch {torch.__version__}"})


record("digits", BeitForImageClassification, TESTDATA / "digits/hf", TESTDATA / "digits/digits_p16_64.hf.float64.recording.safetensors", 2)
record("hf_model", BeitModel, TESTDATA / "family/hf_model", TESTDATA / "family/hf_model.recording.safetensors", 2)
record("hf_both_biases", BeitModel, TESTDATA / "family/hf_both_biases", TESTDATA / "family/hf_both_biases.recording.safetensors", 2)
