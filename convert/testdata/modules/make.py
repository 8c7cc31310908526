"""Makes the files of this folder with torch, timm 1.0 and transformers 5: models of two blocks, pickled whole or in the wrappers of training programs."""

import functools
import os

import torch
import timm.models.beit
import transformers
import timm.models.vision_transformer
from torch import nn

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def beit(**more):
    torch.manual_seed(0)
    size = {"img_size": (16, 32), "patch_size": 8, "embed_dim": 8, "depth": 2, "num_heads": 2, "mlp_ratio": 2, "num_classes": 3, "init_values": 0.1}
    return timm.models.beit.Beit(**{**size, **more, }, use_rel_pos_bias=True)


def vit(**more):
    return timm.models.vision_transformer.VisionTransformer(img_size=16, patch_size=8, embed_dim=8, depth=2, num_heads=2, mlp_ratio=2, num_classes=3, **more)


def activation(made):
    model = beit()
    model.blocks[1].mlp.act = made
    return model


def epsilons():
    model = beit()
    model.blocks[1].norm2.eps = 1e-3
    return model


def of_transformers(**more):
    torch.manual_seed(0)
    return transformers.BeitForImageClassification(transformers.BeitConfig(
        hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, image_size=[16, 32], patch_size=8, use_relative_position_bias=True,
        id2label={0: "ant", 1: "bee", 2: "cat"}, problem_type="multi_label_classification", layer_norm_eps=1e-5, **more)).eval()


files = {
    "transformers.pth": of_transformers(),
    "transformers_relu.pth": of_transformers(hidden_act="relu"),
    "epsilon.pth": beit(norm_layer=functools.partial(nn.LayerNorm, eps=1e-5)),
    "epsilons.pth": epsilons(),
    "relu.pth": activation(nn.ReLU()),
    "tanh.pth": activation(nn.GELU(approximate="tanh")),
    "linear_behind.pth": nn.Sequential(beit(), nn.Linear(3, 2)),
}

for name, model in files.items():
    torch.save(model, name)
