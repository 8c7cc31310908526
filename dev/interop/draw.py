"""Random architectures, drawn by a seed, and the frameworks' own models of them."""

import random
from dataclasses import dataclass

import timm.models.beit
import torch
import transformers

import paddle_beit


@dataclass
class Drawn:
    """One architecture."""

    seed: int
    patch: int
    window: int
    heads: int
    head_dim: int
    depth: int
    classes: int

    @property
    def dim(self):
        return self.heads * self.head_dim

    @property
    def side(self):
        return self.patch * self.window

    def images(self, count=2):
        generator = torch.Generator().manual_seed(self.seed)
        return torch.rand(count, 3, self.side, self.side, generator=generator) * 4 - 2


def draw(seed):
    r = random.Random(seed)
    return Drawn(seed, r.choice([8, 14, 16]), r.randint(2, 5), r.randint(1, 4), r.choice([8, 16, 24]), r.randint(1, 4), r.randint(2, 50))


def randomise(model, seed):
    """Fills every parameter with noise, so that exchanged parameters are noticed."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator) * 0.2
            parameter.copy_(noise.to(parameter.dtype))
    return model.eval()


def timm_model(a):
    model = timm.models.beit.Beit(
        img_size=a.side, patch_size=a.patch, num_classes=a.classes, embed_dim=a.dim, depth=a.depth, num_heads=a.heads,
        init_values=0.1, use_abs_pos_emb=False, use_rel_pos_bias=True, global_pool="avg")
    return randomise(model, a.seed)


def hf_config(a, **changes):
    return transformers.BeitConfig(**{
        "hidden_size": a.dim, "num_hidden_layers": a.depth, "num_attention_heads": a.heads, "intermediate_size": 4 * a.dim,
        "image_size": a.side, "patch_size": a.patch, "num_labels": a.classes, "use_mean_pooling": True,
        "use_relative_position_bias": True, "use_shared_relative_position_bias": False, "use_absolute_position_embeddings": False,
        "hidden_dropout_prob": 0.0, "drop_path_rate": 0.0, **changes})


def hf_model(a):
    return randomise(transformers.BeitForImageClassification(hf_config(a)), a.seed)


def paddle_model(a):
    return paddle_beit.Model(paddle_beit.Form(a.seed, a.patch, (a.window, a.window), a.dim, a.heads, a.depth, 4 * a.dim, a.classes))
