"""A BEiT in PaddlePaddle with the parameter names of PASSL's wrapper (backbone.*, head.fc_cls.*), for loading what beitzoo writes.

It follows the published definition of the forward pass; it is small because it only has to be right.
"""

import dataclasses

import numpy
import paddle
from paddle import nn


class Attention(nn.Layer):
    def __init__(self, form):
        super().__init__()
        dim = form.dim
        self.heads, self.scale = form.heads, (dim // form.heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim, bias_attr=False)
        self.q_bias = self.create_parameter([dim])
        self.v_bias = self.create_parameter([dim])
        if form.bias == "block":
            add_table(self, form)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x, shared):
        count, tokens, dim = x.shape
        bias = paddle.concat([self.q_bias, paddle.zeros_like(self.v_bias), self.v_bias])
        qkv = nn.functional.linear(x, self.qkv.weight, bias)
        q, k, v = qkv.reshape([count, tokens, 3, self.heads, dim // self.heads]).transpose([2, 0, 3, 1, 4])
        scores = (q * self.scale) @ k.transpose([0, 1, 3, 2])
        if shared is not None:
            scores = scores + shared
        if hasattr(self, "relative_position_bias_table"):
            scores = scores + relative(self)
        weights = nn.functional.softmax(scores, axis=-1)
        return self.proj((weights @ v).transpose([0, 2, 1, 3]).reshape([count, tokens, dim]))


class SharedBias(nn.Layer):
    def __init__(self, form):
        super().__init__()
        add_table(self, form)


def add_table(layer, form):
    """Gives a layer the table of the relative position bias, and its index."""
    height, width = form.window
    layer.relative_position_bias_table = layer.create_parameter([(2 * height - 1) * (2 * width - 1) + 3, form.heads])
    layer.register_buffer("relative_position_index", paddle.to_tensor(index(height, width)))


def relative(layer):
    """The bias of a layer that has a table: one value for each head, query and key."""
    tokens = layer.relative_position_index.shape[0]
    rows = paddle.gather(layer.relative_position_bias_table, layer.relative_position_index.flatten())
    return rows.reshape([tokens, tokens, -1]).transpose([2, 0, 1]).unsqueeze(0)


def index(height, width):
    """Row of the bias table for each query and key token."""
    tokens = height * width + 1
    rows = (2 * height - 1) * (2 * width - 1) + 3
    out = numpy.zeros((tokens, tokens), numpy.int64)
    for q in range(height * width):
        for k in range(height * width):
            down, across = q // width - k // width, q % width - k % width
            out[q + 1, k + 1] = (down + height - 1) * (2 * width - 1) + across + width - 1
    out[0, :], out[:, 0], out[0, 0] = rows - 3, rows - 2, rows - 1
    return out


class MLP(nn.Layer):
    def __init__(self, form):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(form.dim, form.hidden), nn.Linear(form.hidden, form.dim)

    def forward(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class Block(nn.Layer):
    def __init__(self, form):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(form.dim, epsilon=form.epsilon), nn.LayerNorm(form.dim, epsilon=form.epsilon)
        self.attn, self.mlp = Attention(form), MLP(form)
        self.gamma_1 = self.create_parameter([form.dim]) if form.scale else None
        self.gamma_2 = self.create_parameter([form.dim]) if form.scale else None

    def forward(self, x, shared):
        attention = self.attn(self.norm1(x), shared)
        x = x + (attention if self.gamma_1 is None else self.gamma_1 * attention)
        mlp = self.mlp(self.norm2(x))
        return x + (mlp if self.gamma_2 is None else self.gamma_2 * mlp)


class PatchEmbed(nn.Layer):
    def __init__(self, form):
        super().__init__()
        self.proj = nn.Conv2D(form.channels, form.dim, form.patch, form.patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose([0, 2, 1])


class Backbone(nn.Layer):
    def __init__(self, form):
        super().__init__()
        self.form = form
        self.cls_token = self.create_parameter([1, 1, form.dim])
        if form.masked:
            self.mask_token = self.create_parameter([1, 1, form.dim])
        if form.absolute:
            self.pos_embed = self.create_parameter([1, form.window[0] * form.window[1] + 1, form.dim])
        self.patch_embed = PatchEmbed(form)
        self.pos_drop = nn.Identity()
        self.rel_pos_bias = SharedBias(form) if form.bias == "shared" else None
        self.blocks = nn.LayerList([Block(form) for _ in range(form.depth)])
        norm = nn.LayerNorm(form.dim, epsilon=form.epsilon)
        if form.pooling == "mean" and not form.masked:
            self.fc_norm = norm
        else:
            self.norm = norm
        if form.masked:
            self.lm_head = nn.Linear(form.dim, form.classes)

    def forward(self, x):
        x = self.patch_embed(x)
        x = paddle.concat([self.cls_token.expand([x.shape[0], -1, -1]), x], axis=1)
        x = self.pos_drop(x + self.pos_embed if self.form.absolute else x)
        shared = relative(self.rel_pos_bias) if self.rel_pos_bias is not None else None
        for block in self.blocks:
            x = block(x, shared)
        if self.form.masked:
            return self.lm_head(self.norm(x)[:, 1:])
        return self.fc_norm(x[:, 1:].mean(1)) if self.form.pooling == "mean" else self.norm(x)[:, 0]


class Head(nn.Layer):
    def __init__(self, form):
        super().__init__()
        self.fc_cls = nn.Linear(form.dim, form.classes)

    def forward(self, x):
        return self.fc_cls(x)


@dataclasses.dataclass
class Form:
    """What decides on the layers. window has the patches down and across; bias is none, block or shared; pooling is mean or class_token."""

    seed: int
    patch: int
    window: tuple
    dim: int
    heads: int
    depth: int
    hidden: int
    classes: int
    bias: str = "block"
    absolute: bool = False
    scale: bool = True
    pooling: str = "mean"
    masked: bool = False
    epsilon: float = 1e-6
    channels: int = 3


class Model(nn.Layer):
    """A classifier (backbone and head), the backbone of one if there are no classes, or a masked model, whose head is in its backbone."""

    def __init__(self, form):
        super().__init__()
        self.backbone = Backbone(form)
        if not form.masked and form.classes:
            self.head = Head(form)
        noise = numpy.random.RandomState(form.seed)
        for parameter in self.parameters():
            parameter.set_value((noise.randn(*parameter.shape) * 0.2).astype(paddle.get_default_dtype()))
        self.eval()

    def forward(self, x):
        x = self.backbone(x)
        return self.head(x) if hasattr(self, "head") else x
