"""Changes that change nothing: algebra, softmax and storage can't see them, so that verify must pass each. They are planted into every block."""

import torch
from kinds import Absent, Kind

from beit import relative_index

KINDS = []


def add(name, change, **more):
    KINDS.append(Kind(name, "harmless", True, change, (), "model", **more))


def everywhere(change):
    """change gets the site of one block; weights are float64."""

    def planted(s):
        for s.block in range(s.arch.depth):
            change(s)

    return planted


def rows(s, which, change):
    """change gets the rows of q, k or v as [heads, d, C], and their bias as [heads, d, 1]."""
    at = "qkv".index(which)
    w = s["attn.qkv.weight"].reshape(3, s.n, s.d, s.c).clone()
    w[at] = change(w[at])
    s["attn.qkv.weight"] = w.reshape(3 * s.c, s.c)
    if which != "k":
        s.edit(f"attn.{which}_bias", lambda b: change(b.reshape(s.n, s.d, 1)).reshape(-1))


def columns(s, change):
    """change gets the columns of proj as [heads, d, C]."""
    s.edit("attn.proj.weight", lambda w: change(w.T.reshape(s.n, s.d, s.c)).reshape(s.c, s.c).T)


def fold_gamma(which, linear):
    def change(s):
        gamma = s[f"gamma_{which}"]
        s.edit(linear + ".weight", lambda w: w * gamma[:, None])
        s.edit(linear + ".bias", lambda b: b * gamma)
        s[f"gamma_{which}"] = torch.ones_like(gamma)

    return everywhere(change)


def turn_gamma(s):
    signs = torch.where(torch.arange(s.c) % 3 == 0, -1.0, 1.0)
    s.edit("gamma_1", lambda g: g * signs)
    s.edit("attn.proj.weight", lambda w: w * signs[:, None])
    s.edit("attn.proj.bias", lambda b: b * signs)


def shuffle_hidden(s):
    order = torch.randperm(4 * s.c, generator=s.generator)
    s.edit("mlp.fc1.weight", lambda w: w[order])
    s.edit("mlp.fc1.bias", lambda b: b[order])
    s.edit("mlp.fc2.weight", lambda w: w[:, order])


def permute_heads(s):
    if s.arch.table == "shared" and s.block > 0:
        raise Absent("a table of its own")
    for which in "qkv":
        rows(s, which, lambda w: w.roll(1, 0))
    columns(s, lambda w: w.roll(1, 0))
    if s.arch.table != "none":
        s.edit("table", lambda t: t.roll(1, 1))


def permute_channels(which):
    def change(s):
        for one in which:
            rows(s, one, lambda w: w.flip(1))
        if which == "v":
            columns(s, lambda w: w.flip(1))

    return everywhere(change)


def rotate(s):
    turn = torch.linalg.qr(torch.randn(s.n, s.d, s.d, generator=s.generator, dtype=torch.float64))[0]
    rows(s, "q", lambda w: turn @ w)
    rows(s, "k", lambda w: turn @ w)


def scale_qk(s):
    rows(s, "q", lambda w: w * 2)
    rows(s, "k", lambda w: w / 2)


def scale_v(s):
    rows(s, "v", lambda w: w * 4)
    columns(s, lambda w: w / 4)


def lift_table(s):
    s.edit("table", lambda t: t + torch.linspace(-1, 2, s.n).to(t))


def fold_norm1(s):
    """The key's part of the norm's bias is a key bias, which softmax can't see."""
    weight, bias = s["norm1.weight"].clone(), s["norm1.bias"].clone()
    moved = (s["attn.qkv.weight"] @ bias).reshape(3, s.c)
    s.edit("attn.qkv.weight", lambda w: w * weight)
    s["norm1.weight"], s["norm1.bias"] = torch.ones_like(weight), torch.zeros_like(bias)
    s["attn.q_bias"], s["attn.v_bias"] = s["attn.q_bias"] + moved[0], s["attn.v_bias"] + moved[2]


def fold_norm2(s):
    weight, bias = s["norm2.weight"].clone(), s["norm2.bias"].clone()
    s["mlp.fc1.bias"] = s["mlp.fc1.bias"] + s["mlp.fc1.weight"] @ bias
    s.edit("mlp.fc1.weight", lambda w: w * weight)
    s["norm2.weight"], s["norm2.bias"] = torch.ones_like(weight), torch.zeros_like(bias)


def fold_v_bias(s):
    s["attn.proj.bias"] = s["attn.proj.bias"] + s["attn.proj.weight"] @ s["attn.v_bias"]
    s.edit("attn.v_bias", lambda b: b * 0)


def fuse_bias(s, key):
    if s.arch.table == "none":
        raise Absent  # what is left is a plain vision transformer, and refused as one
    q, v = s["attn.q_bias"], s["attn.v_bias"]
    s.weights[s.full("attn.qkv.bias")] = torch.cat([q, key(q), v])
    del s["attn.q_bias"], s["attn.v_bias"]


def key_bias(q):
    return torch.linspace(-0.5, 0.7, q.numel()).to(q)


def class_row(s):
    s["cls_token"] = s["cls_token"] + s["pos_embed"][:, :1]
    s.edit("pos_embed", lambda t: torch.cat([t[:, :1] * 0, t[:, 1:]], 1))


def patch_bias(s):
    bias = s["patch_embed.proj.bias"].clone()
    s.edit("pos_embed", lambda t: torch.cat([t[:, :1], t[:, 1:] + bias], 1))
    s["patch_embed.proj.bias"] = bias * 0


def indices(s):
    for i in range(s.arch.depth):
        s.weights[s.arch.table_name(i).replace("bias_table", "index")] = relative_index(s.arch.window)


def prefixed(prefix):
    def change(s):
        for name in list(s.weights):
            s.weights[prefix + name] = s.weights.pop(name)

    return change


def minus_zero(s):
    for name, value in s.weights.items():
        s.weights[name] = torch.where(value == 0, torch.tensor(-0.0, dtype=value.dtype), value)


add("gamma_1-folded-into-proj", fold_gamma(1, "attn.proj"))
add("gamma_2-folded-into-fc2", fold_gamma(2, "mlp.fc2"))
add("gamma_1-and-proj-negated", everywhere(turn_gamma))
add("hidden-units-shuffled", everywhere(shuffle_hidden))
add("heads-rolled-throughout", everywhere(permute_heads))
add("q-and-k-channels-reversed", permute_channels("qk"))
add("v-channels-reversed-with-proj", permute_channels("v"))
add("q-and-k-rotated", everywhere(rotate))
add("q-doubled-k-halved", everywhere(scale_qk))
add("v-scaled-proj-divided", everywhere(scale_v))
add("table-lifted", lambda s: lift_table(s) if s.arch.table == "shared" else everywhere(lift_table)(s))
add("norm1-folded-into-qkv", everywhere(fold_norm1))
add("norm2-folded-into-fc1", everywhere(fold_norm2))
add("v_bias-folded-into-proj", everywhere(fold_v_bias))
add("key-bias", everywhere(lambda s: fuse_bias(s, key_bias)))
add("key-bias-of-its-own", everywhere(lambda s: s.weights.__setitem__(s.full("attn.k_bias"), key_bias(s["attn.q_bias"]))))
add("key-bias-zero", everywhere(lambda s: fuse_bias(s, torch.zeros_like)))
add("class-position-in-the-class-token", class_row)
add("patch-bias-in-the-positions", patch_bias)
add("with-indices", lambda s: indices(s) if s.arch.table != "none" else s["table"])
add("behind-module", prefixed("module."))
add("behind-backbone", prefixed("model."))
add("minus-zero", minus_zero)
