"""A BEiT in PyTorch that shares nothing with beitzoo: plain functions of a state dict, from the papers and the public implementations.

Sources: microsoft/unilm beit/modeling_finetune.py and modeling_pretrain.py, huggingface/pytorch-image-models timm/models/beit.py.
Every step is a method or attribute of its own, so that a wrong program is this one with one of them replaced.
"""

from dataclasses import dataclass
from types import MethodType

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Arch:
    """The sizes of a model. pooling is mean, token or masked; table is block, shared or none."""

    name: str
    window: tuple
    dim: int
    heads: int
    depth: int
    classes: int
    pooling: str = "mean"
    table: str = "block"
    position: bool = False
    scale: bool = True
    patch: int = 16

    @property
    def head_dim(self):
        return self.dim // self.heads

    @property
    def tokens(self):
        return self.window[0] * self.window[1] + 1

    @property
    def rows(self):
        return (2 * self.window[0] - 1) * (2 * self.window[1] - 1) + 3

    @property
    def norm_name(self):
        return "fc_norm" if self.pooling == "mean" else "norm"

    @property
    def head_name(self):
        return "lm_head" if self.pooling == "masked" else "head"

    @property
    def stages(self):
        return ["embed", *(f"blocks.{i}" for i in range(self.depth)), "pool", "logits"]

    def table_name(self, block):
        owner = f"blocks.{block}.attn" if self.table == "block" else "rel_pos_bias"
        return owner + ".relative_position_bias_table"

    def shapes(self):
        """The parameters, by their names in unilm."""
        c, k, p = self.dim, self.classes, self.patch
        shapes = {"cls_token": (1, 1, c), "patch_embed.proj.weight": (c, 3, p, p), "patch_embed.proj.bias": (c,)}
        if self.pooling == "masked":
            shapes["mask_token"] = (1, 1, c)
        if self.position:
            shapes["pos_embed"] = (1, self.tokens, c)
        if self.table == "shared":
            shapes[self.table_name(0)] = (self.rows, self.heads)
        for i in range(self.depth):
            b = f"blocks.{i}."
            if self.scale:
                shapes |= {b + "gamma_1": (c,), b + "gamma_2": (c,)}
            if self.table == "block":
                shapes[self.table_name(i)] = (self.rows, self.heads)
            shapes |= {
                b + "norm1.weight": (c,),
                b + "norm1.bias": (c,),
                b + "attn.qkv.weight": (3 * c, c),
                b + "attn.q_bias": (c,),
                b + "attn.v_bias": (c,),
                b + "attn.proj.weight": (c, c),
                b + "attn.proj.bias": (c,),
                b + "norm2.weight": (c,),
                b + "norm2.bias": (c,),
                b + "mlp.fc1.weight": (4 * c, c),
                b + "mlp.fc1.bias": (4 * c,),
                b + "mlp.fc2.weight": (c, 4 * c),
                b + "mlp.fc2.bias": (c,),
            }
        for last, shape in ((self.norm_name, (c,)), (self.head_name, (k, c))):
            shapes |= {last + ".weight": shape, last + ".bias": shape[:1]}
        return shapes


def relative_index(window):
    """Which row of the table each query (row) and key (column) takes."""
    h, w = window
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    y, x = y.reshape(-1), x.reshape(-1)
    rows = (2 * h - 1) * (2 * w - 1)
    index = torch.empty(h * w + 1, h * w + 1, dtype=torch.long)
    index[1:, 1:] = (y[:, None] - y[None, :] + h - 1) * (2 * w - 1) + x[:, None] - x[None, :] + w - 1
    index[0, 1:], index[1:, 0], index[0, 0] = rows, rows + 1, rows + 2
    return index


class Beit:
    """One model with its weights. Every method may be replaced by that of a wrong program."""

    def __init__(self, arch, weights, epsilon=1e-6, dtype=torch.float64):
        self.arch, self.epsilon, self.dtype = arch, epsilon, dtype
        self.weights = {name: value.to(dtype) for name, value in weights.items()}
        self.index = relative_index(arch.window)
        self.order = list(range(arch.depth))

    def replace(self, **methods):
        """Replaces methods by functions that take the model first, and attributes by other values."""
        for name, value in methods.items():
            if not hasattr(self, name):
                raise AttributeError(name)
            setattr(self, name, MethodType(value, self) if callable(getattr(type(self), name, None)) else value)
        return self

    def __getitem__(self, name):
        return self.weights[name]

    def linear(self, x, name):
        return F.linear(x, self[name + ".weight"], self[name + ".bias"])

    def layer_norm(self, x, name):
        return F.layer_norm(x, (self.arch.dim,), self[name + ".weight"], self[name + ".bias"], self.epsilon)

    # From pixels to tokens.

    def see(self, images):
        return images

    def patches(self, images):
        """[N, patches, C], the patches across first."""
        return F.conv2d(images, self["patch_embed.proj.weight"], self["patch_embed.proj.bias"], stride=self.arch.patch).flatten(2).transpose(1, 2)

    def hide(self, x, mask):
        return torch.where(mask.bool()[:, :, None], self["mask_token"], x)

    def place_class_token(self, x):
        return torch.cat([self["cls_token"].expand(x.shape[0], -1, -1), x], 1)

    def place(self, x):
        return x + self["pos_embed"] if self.arch.position else x

    def embed(self, images, mask=None):
        x = self.patches(self.see(images.to(self.dtype)))
        if mask is not None:
            x = self.hide(x, mask)
        return self.place(self.place_class_token(x))

    # Attention.

    def project(self, i, x):
        """The fused product of queries, keys and values: [N, T, 3C]."""
        b = f"blocks.{i}.attn."
        bias = torch.cat([self[b + "q_bias"], torch.zeros_like(self[b + "q_bias"]), self[b + "v_bias"]])
        return F.linear(x, self[b + "qkv.weight"], bias)

    def split(self, fused):
        """Queries, keys and values, each [N, heads, T, d]."""
        n, t, _ = fused.shape
        return fused.reshape(n, t, 3, self.arch.heads, self.arch.head_dim).permute(2, 0, 3, 1, 4).unbind(0)

    def factor(self):
        return self.arch.head_dim**-0.5

    def bias(self, i):
        """What is added to the scores: [heads, T, T]."""
        if self.arch.table == "none":
            return 0
        return self[self.arch.table_name(i)][self.index].permute(2, 0, 1)

    def scores(self, q, k, bias):
        return (q * self.factor()) @ k.transpose(-1, -2) + bias

    def weigh(self, scores):
        return scores.softmax(-1)

    def mix(self, weights, v):
        return weights @ v

    def join(self, heads):
        """[N, T, C] of [N, heads, T, d]."""
        return heads.transpose(1, 2).flatten(2)

    def attention(self, i, x):
        q, k, v = self.split(self.project(i, x))
        heads = self.mix(self.weigh(self.scores(q, k, self.bias(i))), v)
        return self.linear(self.join(heads), f"blocks.{i}.attn.proj")

    # A block.

    def activation(self, x):
        return F.gelu(x)

    def mlp(self, i, x):
        b = f"blocks.{i}.mlp."
        return self.linear(self.activation(self.linear(x, b + "fc1")), b + "fc2")

    def gamma(self, i, which):
        return self[f"blocks.{i}.gamma_{which}"] if self.arch.scale else 1

    def add(self, x, branch, gamma):
        return x + gamma * branch

    def norm_in(self, i, which, x):
        return self.layer_norm(x, f"blocks.{i}.norm{which}")

    def block(self, i, x):
        """The attention branch before its layer scale, and the residual stream after the block."""
        branch = self.attention(i, self.norm_in(i, 1, x))
        x = self.add(x, branch, self.gamma(i, 1))
        return branch, self.add(x, self.mlp(i, self.norm_in(i, 2, x)), self.gamma(i, 2))

    # From tokens to logits.

    def gather(self, x):
        return x[:, 1:].mean(1)

    def final_norm(self, x):
        return self.layer_norm(x, self.arch.norm_name)

    def pool(self, x):
        if self.arch.pooling == "mean":
            return self.final_norm(self.gather(x))
        x = self.final_norm(x)
        return x[:, 0] if self.arch.pooling == "token" else x

    def classify(self, pooled):
        if self.arch.pooling == "masked":
            pooled = pooled[:, 1:]
        return self.answer(self.linear(pooled, self.arch.head_name))

    def answer(self, logits):
        return logits

    def after(self, i, x):
        """What happens to the stream between two blocks."""
        return x

    # All of it.

    def stage(self, name, before, mask=None):
        """One stage of its own from the activation before it, as a dict of one tensor, or of two for a block."""
        before = before.to(self.dtype)
        if name == "embed":
            return {name: self.embed(before, mask)}
        if name == "pool":
            return {name: self.pool(before)}
        if name == "logits":
            return {name: self.classify(before)}
        i = int(name.split(".")[1])
        branch, x = self.block(self.order[i], before)
        return {name + ".attn": branch, name: self.after(i, x)}

    def run(self, images, mask=None):
        """Every stage, by name."""
        with torch.no_grad():
            found, x = {}, images
            for name in self.arch.stages:
                found |= self.stage(name, x, mask)
                x = found[name]
        return found
