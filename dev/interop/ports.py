"""Ports of BEiT by hand, as people write them, with timm's names of parameters so that beitzoo reads them, and other modules than timm has."""

import math
from functools import partial

import torch
from torch import nn


def norm(epsilon):
    return partial(nn.LayerNorm, eps=epsilon)


def index(window):
    """Row of the bias table for each query and key token of a square window."""
    places = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
    apart = places[:, :, None] - places[:, None, :] + window - 1
    rows = (2 * window - 1) ** 2
    table = torch.full((window ** 2 + 1,) * 2, rows)
    table[1:, 1:] = apart[0] * (2 * window - 1) + apart[1]
    table[1:, 0] = rows + 1
    table[0, 0] = rows + 2
    return table


class Attention(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.heads, self.window = a.heads, a.window
        self.qkv, self.proj = nn.Linear(a.dim, 3 * a.dim, bias=False), nn.Linear(a.dim, a.dim)
        self.q_bias, self.v_bias = nn.Parameter(torch.zeros(a.dim)), nn.Parameter(torch.zeros(a.dim))
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * a.window - 1) ** 2 + 3, a.heads))

    def forward(self, x):
        n, t, c = x.shape
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        q, k, v = nn.functional.linear(x, self.qkv.weight, bias).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT / math.sqrt(c // self.heads) + self.relative_position_bias_table[index(self.window)].permute(2, 0, 1)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, c))


class MLP(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(a.dim, 4 * a.dim), nn.Linear(4 * a.dim, a.dim)

    def forward(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(a.dim, eps=1e-6), nn.LayerNorm(a.dim, eps=1e-6)
        self.attn, self.mlp = Attention(a), MLP(a)
        self.gamma_1, self.gamma_2 = nn.Parameter(torch.ones(a.dim)), nn.Parameter(torch.ones(a.dim))

    def forward(self, x):
        x = x + self.gamma_1 * self.attn(self.norm1(x))
        return x + self.gamma_2 * self.mlp(self.norm2(x))


class Patches(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.proj = nn.Conv2d(3, a.dim, a.patch, a.patch)


class Port(nn.Module):
    """No module but the blocks gives tokens, so nothing is called pos_drop; the sum at the end of a block is written in place."""

    block = Block

    def __init__(self, a):
        super().__init__()
        self.cls_token, self.patch_embed = nn.Parameter(torch.zeros(1, 1, a.dim)), Patches(a)
        self.blocks = nn.ModuleList(self.block(a) for _ in range(a.depth))
        self.fc_norm, self.head = nn.LayerNorm(a.dim, eps=1e-6), nn.Linear(a.dim, a.classes)

    def forward(self, images):
        patches = self.patch_embed.proj(images).flatten(2).mT
        x = torch.cat([self.cls_token.expand(len(images), -1, -1), patches], 1)
        for block in self.blocks:
            x = block(x=x)
        return self.head(self.fc_norm(x[:, 1:].mean(1)))


class InlinedBlock(Attention):
    """Attention and MLP in one module: no module of its own gives what attention gives but proj. It works in place. The names are those of a map."""

    def __init__(self, a):
        super().__init__(a)
        self.norm1, self.norm2, self.mlp = nn.LayerNorm(a.dim, eps=1e-6), nn.LayerNorm(a.dim, eps=1e-6), MLP(a)
        self.gamma_1, self.gamma_2 = nn.Parameter(torch.ones(a.dim)), nn.Parameter(torch.ones(a.dim))

    def forward(self, x):
        x = x.clone() if torch.is_grad_enabled() else x
        x += super().forward(self.norm1(x)).mul_(self.gamma_1)
        x += self.mlp(self.norm2(x)) * self.gamma_2
        return x


class Inlined(Port):
    block = InlinedBlock

    def state_dict(self, *args, **options):
        """With timm's names."""
        own = super().state_dict(*args, **options)
        inside = ("qkv.weight", "proj.", "q_bias", "v_bias", "relative_position_bias_table")
        return {".".join([*k.split(".")[:2], "attn", *k.split(".")[2:]]) if k.startswith("blocks.") and k.split(".", 2)[2].startswith(inside) else k: v for k, v in own.items()}


class Dropping(Port):
    """A port that leaves dropout on."""

    def forward(self, images):
        return nn.functional.dropout(super().forward(images), 0.5, training=True)


class Warming(Port):
    """A port that computes zeros first, so that every module is called twice."""

    def forward(self, images):
        super().forward(torch.zeros_like(images[:1]))
        return super().forward(images)


class Averaging(Port):
    """A port whose result is that of two runs, the second of mirrored images."""

    def forward(self, images):
        return (super().forward(images) + super().forward(images.flip(3))) / 2


class Naming(Port):
    """A port that returns several tensors by name, the result last."""

    def forward(self, images):
        return {"colours": images.mean((2, 3)), "scores": super().forward(images)}


class Pairing(Port):
    """A port that returns its result and something else."""

    def forward(self, images):
        return super().forward(images), images.mean((2, 3))
