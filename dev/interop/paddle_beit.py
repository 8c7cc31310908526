"""A BEiT in PaddlePaddle with the parameter names of PASSL's wrapper (backbone.*, head.fc_cls.*), for loading what beitzoo writes.

It follows the published definition of the forward pass; it is small because it only has to be right.
"""

import numpy
import paddle
from paddle import nn


class Attention(nn.Layer):
    def __init__(self, dim, heads, window):
        super().__init__()
        rows = (2 * window - 1) ** 2 + 3
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim, bias_attr=False)
        self.q_bias = self.create_parameter([dim])
        self.v_bias = self.create_parameter([dim])
        self.relative_position_bias_table = self.create_parameter([rows, heads])
        self.register_buffer("relative_position_index", paddle.to_tensor(index(window)))
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        count, tokens, dim = x.shape
        bias = paddle.concat([self.q_bias, paddle.zeros_like(self.v_bias), self.v_bias])
        qkv = nn.functional.linear(x, self.qkv.weight, bias)
        q, k, v = qkv.reshape([count, tokens, 3, self.heads, dim // self.heads]).transpose([2, 0, 3, 1, 4])
        relative = paddle.gather(self.relative_position_bias_table, self.relative_position_index.flatten())
        relative = relative.reshape([tokens, tokens, self.heads]).transpose([2, 0, 1])
        weights = nn.functional.softmax((q * self.scale) @ k.transpose([0, 1, 3, 2]) + relative.unsqueeze(0), axis=-1)
        return self.proj((weights @ v).transpose([0, 2, 1, 3]).reshape([count, tokens, dim]))


def index(window):
    """Row of the bias table for each query and key token."""
    tokens = window * window + 1
    rows = (2 * window - 1) ** 2 + 3
    out = numpy.zeros((tokens, tokens), numpy.int64)
    for q in range(window * window):
        for k in range(window * window):
            down, across = q // window - k // window, q % window - k % window
            out[q + 1, k + 1] = (down + window - 1) * (2 * window - 1) + across + window - 1
    out[0, :], out[:, 0], out[0, 0] = rows - 3, rows - 2, rows - 1
    return out


class MLP(nn.Layer):
    def __init__(self, dim):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class Block(nn.Layer):
    def __init__(self, dim, heads, window):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, epsilon=1e-6), nn.LayerNorm(dim, epsilon=1e-6)
        self.attn, self.mlp = Attention(dim, heads, window), MLP(dim)
        self.gamma_1, self.gamma_2 = self.create_parameter([dim]), self.create_parameter([dim])

    def forward(self, x):
        x = x + self.gamma_1 * self.attn(self.norm1(x))
        return x + self.gamma_2 * self.mlp(self.norm2(x))


class PatchEmbed(nn.Layer):
    def __init__(self, dim, patch):
        super().__init__()
        self.proj = nn.Conv2D(3, dim, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose([0, 2, 1])


class Backbone(nn.Layer):
    def __init__(self, a):
        super().__init__()
        self.cls_token = self.create_parameter([1, 1, a.dim])
        self.patch_embed = PatchEmbed(a.dim, a.patch)
        self.pos_drop = nn.Identity()
        self.blocks = nn.LayerList([Block(a.dim, a.heads, a.window) for _ in range(a.depth)])
        self.fc_norm = nn.LayerNorm(a.dim, epsilon=1e-6)

    def forward(self, x):
        x = self.patch_embed(x)
        x = self.pos_drop(paddle.concat([self.cls_token.expand([x.shape[0], -1, -1]), x], axis=1))
        for block in self.blocks:
            x = block(x)
        return self.fc_norm(x[:, 1:].mean(1))


class Head(nn.Layer):
    def __init__(self, a):
        super().__init__()
        self.fc_cls = nn.Linear(a.dim, a.classes)

    def forward(self, x):
        return self.fc_cls(x)


class Model(nn.Layer):
    def __init__(self, a):
        super().__init__()
        self.backbone, self.head = Backbone(a), Head(a)
        noise = numpy.random.RandomState(a.seed)
        for parameter in self.parameters():
            parameter.set_value((noise.randn(*parameter.shape) * 0.2).astype(numpy.float32))
        self.eval()

    def forward(self, x):
        return self.head(self.backbone(x))
