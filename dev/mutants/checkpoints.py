"""Kinds of fault in checkpoints: what goes wrong when people port, convert, merge and store weights."""

import math

import torch
from kinds import COPY, FACTOR, FLIP, HALF, HEADS, NOT_FINITE, ONE, ONES, ORDER, OTHER, ROUNDED, SIGN, SMALL, SWAP, TRANSPOSED, ZERO, K, Kind, Q, V, says

KINDS = []


def add(name, family, kept, change, *names, **more):
    KINDS.append(Kind(name, family, kept, change, names, **more))


def on(tensor, change):
    """A change of one tensor."""
    return lambda s: s.edit(tensor, change)


def several(*changes):
    def change(s):
        for one in changes:
            one(s)

    return change


# The fused weight as [3, heads, d, C], and its bias as [3, heads, d].


def fused(change, biases=False):
    """change gets a tensor whose first axes are (3, heads, d); with biases it gets cat(q_bias, 0, v_bias) too, and what lands on the keys is lost."""

    def planted(s):
        s.edit("attn.qkv.weight", lambda w: change(w.reshape(3, s.n, s.d, s.c)).reshape(3 * s.c, s.c))
        if biases:
            q, v = s["attn.q_bias"], s["attn.v_bias"]
            bias = change(torch.stack([q, torch.zeros_like(q), v]).reshape(3, s.n, s.d, 1)).reshape(3, s.c)
            s["attn.q_bias"], s["attn.v_bias"] = bias[0], bias[2]

    return planted


def part(which, change, bias=False):
    """change gets the rows of q, k or v as [heads, d, C]."""
    at = "qkv".index(which)

    def planted(s):
        def rows(w):
            w = w.reshape(3, s.n, s.d, s.c)
            w[at] = change(w[at].clone())
            return w.reshape(3 * s.c, s.c)

        s.edit("attn.qkv.weight", rows)
        if bias:
            s.edit(f"attn.{which}_bias", lambda b: change(b.reshape(s.n, s.d, 1)).reshape(-1))

    return planted


def as_heads(change):
    """change gets the columns of proj as [heads, d, C]."""
    return lambda s: s.edit("attn.proj.weight", lambda w: change(w.T.reshape(s.n, s.d, s.c)).reshape(s.c, s.c).T)


def relabel(order):
    """The three axes of the fused rows in another order, written where three, heads, d are expected."""
    return lambda w: w.permute(*order, 3).contiguous().reshape(-1)


ATTENTION = "attention layout"
WEIGHT, BIASES = "attn.qkv.weight", "attn.q_bias, attn.v_bias"
for letters in ("qvk", "kqv", "kvq", "vqk", "vkq"):
    taken = ["qkv".index(letter) for letter in letters]
    moved = [{"q": Q, "k": K, "v": V}[a] for a, b in zip(letters, "qkv") if a != b]
    add(
        f"qkv-as-{letters}",
        ATTENTION,
        True,
        fused(lambda w, taken=taken: w[taken]),
        *(says(need, " & ".join([*moved, SWAP]), BIASES) for need in (WEIGHT, "")),
        permutes=True,
    )
add(
    "qkv-as-vkq-with-biases",
    ATTENTION,
    True,
    fused(lambda w: w[[2, 1, 0]], True),
    *(says(need, f"{Q} & {V} & {SWAP}", BIASES) for need in (WEIGHT, "")),
    permutes=True,
)
for text, axes in (("heads-3-d", (1, 0, 2)), ("3-d-heads", (0, 2, 1)), ("heads-d-3", (1, 2, 0)), ("d-heads-3", (2, 1, 0)), ("d-3-heads", (2, 0, 1))):
    add(f"qkv-rows-as-{text}", ATTENTION, True, fused(relabel(axes)), says(WEIGHT, rf"{ORDER}|rows & {HEADS}|interleav|\bd\b", BIASES), permutes=True)
add("qkv-rows-as-3-d-heads-with-biases", ATTENTION, True, fused(relabel((0, 2, 1)), True), says(WEIGHT, f"{ORDER}|rows & {HEADS}", BIASES), permutes=True)
add(
    "qkv-read-as-in-out",
    ATTENTION,
    True,
    on(WEIGHT, lambda w: w.T.contiguous().reshape(w.shape)),
    says(WEIGHT, rf"{TRANSPOSED}|\[in, ?out\]|in,? out|other axis"),
    permutes=True,
)
add(
    "q-k-v-transposed-each",
    ATTENTION,
    True,
    several(*(part(p, lambda w: w.reshape(-1, w.shape[-1]).T.reshape(w.shape)) for p in "qkv")),
    says(WEIGHT, TRANSPOSED),
    permutes=True,
)
for one, word in (("q", Q), ("k", K), ("v", V)):
    add(
        f"{one}-transposed",
        ATTENTION,
        True,
        part(one, lambda w: w.reshape(-1, w.shape[-1]).T.reshape(w.shape)),
        says(WEIGHT, f"{TRANSPOSED} & {word}"),
        permutes=True,
    )
add("proj-transposed", ATTENTION, True, on("attn.proj.weight", lambda w: w.T), says("attn.proj.weight", TRANSPOSED), permutes=True)
add(
    "proj-input-as-d-heads",
    ATTENTION,
    True,
    as_heads(lambda w: w.transpose(0, 1).contiguous()),
    says("attn.proj.weight", f"{HEADS} & {ORDER}|column|input"),
    says(WEIGHT, f"{V} & {HEADS} & {ORDER}", "attn.v_bias"),
    permutes=True,
)
add(
    "proj-output-as-d-heads",
    ATTENTION,
    True,
    lambda s: s.edit("attn.proj.weight", lambda w: w.reshape(s.n, s.d, s.c).transpose(0, 1).reshape(s.c, s.c)),
    says("attn.proj.weight", ORDER),
    permutes=True,
)
PROJ_HEADS = says("attn.proj.weight", f"{HEADS} & {ORDER}", "table, attn.qkv.weight, attn.q_bias, attn.v_bias")
QKV_HEADS = says(WEIGHT, f"{HEADS} & {ORDER}", f"{BIASES}, table, attn.proj.weight")
V_HEADS = says(WEIGHT, f"{HEADS} & {ORDER} & {V}", "attn.v_bias")
add("heads-rolled-in-qkv", ATTENTION, True, fused(lambda w: w.roll(1, 1), True), QKV_HEADS, PROJ_HEADS, permutes=True)
add("heads-reversed-in-qkv", ATTENTION, True, fused(lambda w: w.flip(1), True), QKV_HEADS, PROJ_HEADS, permutes=True)
add("heads-rolled-in-qkv-weight-alone", ATTENTION, True, fused(lambda w: w.roll(1, 1)), QKV_HEADS, PROJ_HEADS, permutes=True)
add(
    "heads-rolled-in-q-and-k",
    ATTENTION,
    True,
    several(part("q", lambda w: w.roll(1, 0), True), part("k", lambda w: w.roll(1, 0))),
    QKV_HEADS,
    says("table", f"{HEADS} & {ORDER}", f"{WEIGHT}, attn.v_bias"),
    permutes=True,
)
add("heads-rolled-in-q", ATTENTION, True, part("q", lambda w: w.roll(1, 0)), says(WEIGHT, f"{HEADS} & {ORDER} & {Q}|{K}", "attn.q_bias"), permutes=True)
add("heads-reversed-in-k", ATTENTION, True, part("k", lambda w: w.flip(0)), says(WEIGHT, f"{HEADS} & {ORDER} & {K}|{Q}", "attn.q_bias"), permutes=True)
add("heads-reversed-in-v", ATTENTION, True, part("v", lambda w: w.flip(0), True), V_HEADS, PROJ_HEADS, permutes=True)
add("heads-rolled-in-proj", ATTENTION, True, as_heads(lambda w: w.roll(1, 0)), PROJ_HEADS, V_HEADS, permutes=True)
add(
    "q-scaled-twice",
    ATTENTION,
    True,
    lambda s: part("q", lambda w: w * s.d**-0.5, True)(s),
    says(WEIGHT, f"{Q}|{K} & {FACTOR}", BIASES),
    says("", f"{FACTOR} & scal|sqrt|{Q}"),
)
add(
    "q-scaled-in-weight-alone",
    ATTENTION,
    True,
    lambda s: part("q", lambda w: w * s.d**-0.5)(s),
    says(WEIGHT, f"{Q}|{K} & {FACTOR}", BIASES),
    says("", f"{FACTOR} & product|scal|sqrt|{Q}"),
)
add(
    "q-not-scaled",
    ATTENTION,
    True,
    lambda s: part("q", lambda w: w * s.d**0.5, True)(s),
    says(WEIGHT, f"{Q}|{K} & {FACTOR}", BIASES),
    says("", f"{FACTOR} & scal|sqrt|{Q}"),
)
add(
    "q-not-scaled-in-weight-alone",
    ATTENTION,
    True,
    lambda s: part("q", lambda w: w * s.d**0.5)(s),
    says(WEIGHT, f"{Q}|{K} & {FACTOR}", BIASES),
    says("", f"{FACTOR} & product|scal|sqrt|{Q}"),
)
add("k-negated", ATTENTION, True, part("k", lambda w: -w), says(WEIGHT, f"{SIGN} & {Q}|{K}", "attn.q_bias"))
add("q-negated", ATTENTION, True, part("q", lambda w: -w), says(WEIGHT, f"{SIGN} & {Q}", "attn.q_bias"))
add("v-negated", ATTENTION, True, part("v", lambda w: -w), says(WEIGHT, f"{SIGN} & {V}", "attn.v_bias"))
add("v-halved", ATTENTION, True, part("v", lambda w: w * 0.5), says(WEIGHT, f"{FACTOR} & {V}", "attn.v_bias"))
add("qkv-doubled", ATTENTION, True, on(WEIGHT, lambda w: w * 2), says(WEIGHT, FACTOR))
add("proj-negated", ATTENTION, True, on("attn.proj.weight", lambda w: -w), says("attn.proj.weight", SIGN))
add("proj-doubled", ATTENTION, True, on("attn.proj.weight", lambda w: w * 2), says("attn.proj.weight", FACTOR))
add("proj-init-rescaled", ATTENTION, True, lambda s: s.edit("attn.proj.weight", lambda w: w / math.sqrt(2 * (s.block + 2))), says("attn.proj.weight", FACTOR))
add(
    "q-channels-as-rotary",
    ATTENTION,
    True,
    lambda s: part("q", lambda w: w.reshape(s.n, s.d // 2, 2, -1).transpose(1, 2).reshape(w.shape))(s),
    says(WEIGHT, f"{Q}|{K} & {ORDER}", BIASES),
    permutes=True,
)
add("k-channels-reversed", ATTENTION, True, part("k", lambda w: w.flip(1)), says(WEIGHT, f"{Q}|{K} & {ORDER}", BIASES), permutes=True)
add(
    "v-channels-reversed",
    ATTENTION,
    True,
    part("v", lambda w: w.flip(1), True),
    says(WEIGHT, f"{V} & {ORDER}", "attn.v_bias"),
    says("attn.proj.weight", f"{ORDER} & column|input|{HEADS}|channel|axis"),
    permutes=True,
)
add("proj-rows-reversed", ATTENTION, True, on("attn.proj.weight", lambda w: w.flip(0)), says("attn.proj.weight", ORDER), permutes=True)
add("proj-rows-rolled", ATTENTION, True, on("attn.proj.weight", lambda w: w.roll(1, 0)), says("attn.proj.weight", ORDER), permutes=True)
add("qkv-columns-reversed", ATTENTION, True, on(WEIGHT, lambda w: w.flip(1)), says(WEIGHT, f"{ORDER} & column|input|channel|axis"), permutes=True)
add("qkv-rows-rolled", ATTENTION, True, on(WEIGHT, lambda w: w.roll(1, 0)), says(WEIGHT, ORDER), permutes=True)
add("k-is-q", ATTENTION, False, fused(lambda w: w[[0, 0, 2]]), says(WEIGHT, f"{COPY}|twice & {Q} & {K}"))
add("one-head-for-all", ATTENTION, False, fused(lambda w: w[:, :1].expand_as(w).clone()), says(WEIGHT, f"{HEADS} & {COPY}|all"))
add("v-of-one-head-zero", ATTENTION, False, part("v", lambda w: torch.cat([w[:1] * 0, w[1:]])), says(WEIGHT, f"{ZERO} & {V}|{HEADS}|row"))

MLP, FC1, FC2 = "mlp", "mlp.fc1.weight", "mlp.fc2.weight"


def shuffle_hidden(s):
    order = torch.randperm(4 * s.c, generator=s.generator)
    s[FC1], s["mlp.fc1.bias"] = s[FC1][order], s["mlp.fc1.bias"][order]


def reinterpret(w):
    return w.T.contiguous().reshape(w.shape)


HIDDEN = says(FC1, ORDER, "mlp.fc1.bias"), says(FC2, f"{ORDER}")
add("fc1-rows-shuffled", MLP, True, shuffle_hidden, *HIDDEN, permutes=True)
add("fc1-rows-reversed-without-bias", MLP, True, on(FC1, lambda w: w.flip(0)), says(FC1, ORDER), says("mlp.fc1.bias", ORDER, FC2), permutes=True)
add("fc1-rows-rolled-without-bias", MLP, True, on(FC1, lambda w: w.roll(5, 0)), says(FC1, ORDER), says("mlp.fc1.bias", ORDER, FC2), permutes=True)
add("fc2-columns-reversed", MLP, True, on(FC2, lambda w: w.flip(1)), says(FC2, ORDER), says(FC1, ORDER, "mlp.fc1.bias"), permutes=True)
add(
    "fc1-halves-exchanged",
    MLP,
    True,
    several(on(FC1, lambda w: w.roll(w.shape[0] // 2, 0)), on("mlp.fc1.bias", lambda w: w.roll(w.shape[0] // 2, 0))),
    *HIDDEN,
    permutes=True,
)
add("fc1-read-as-in-out", MLP, True, on(FC1, reinterpret), says(FC1, rf"{TRANSPOSED}|\[in, ?out\]|in,? out"), permutes=True)
add("fc2-read-as-in-out", MLP, True, on(FC2, reinterpret), says(FC2, rf"{TRANSPOSED}|\[in, ?out\]|in,? out"), permutes=True)
add(
    "fc1-fc2-exchanged",
    MLP,
    True,
    lambda s: (lambda a, b: (s.__setitem__(FC1, b.T), s.__setitem__(FC2, a.T)))(s[FC1].clone(), s[FC2].clone()),
    says(f"{FC1}, {FC2}", f"{SWAP}|{TRANSPOSED}"),
    permutes=True,
)
add(
    "fc1-fc2-exchanged-by-shape",
    MLP,
    True,
    lambda s: (lambda a, b: (s.__setitem__(FC1, b.reshape(a.shape)), s.__setitem__(FC2, a.reshape(b.shape))))(s[FC1].clone(), s[FC2].clone()),
    says(f"{FC1}, {FC2}", f"{SWAP}"),
    permutes=True,
)
add("fc1-doubled", MLP, True, on(FC1, lambda w: w * 2), says(FC1, FACTOR))
add("fc2-negated", MLP, True, on(FC2, lambda w: -w), says(FC2, SIGN))
add("fc2-halved", MLP, True, on(FC2, lambda w: w / 2), says(FC2, FACTOR))
add("fc2-init-rescaled", MLP, True, lambda s: s.edit(FC2, lambda w: w / math.sqrt(2 * (s.block + 2))), says(FC2, FACTOR))
add("fc2-rows-rolled", MLP, True, on(FC2, lambda w: w.roll(1, 0)), says(FC2, ORDER), permutes=True)
add("fc1-columns-reversed", MLP, True, on(FC1, lambda w: w.flip(1)), says(FC1, ORDER), permutes=True)
add("fc2-half-of-inputs-zero", MLP, False, on(FC2, lambda w: torch.cat([w[:, : w.shape[1] // 2], w[:, w.shape[1] // 2 :] * 0], 1)), says(FC2, ZERO))

TABLE = "relative position bias"


def grid(change):
    """change gets the spatial rows as [2H-1, 2W-1, heads]; the class rows stay."""

    def planted(s):
        h, w = (2 * side - 1 for side in s.arch.window)
        s.edit("table", lambda t: torch.cat([change(t[: h * w].reshape(h, w, -1)).reshape(h * w, -1), t[h * w :]]))

    return planted


def class_rows(order):
    return on("table", lambda t: torch.cat([t[:-3], t[-3:][list(order)]]))


def table(name, kept, change, words, *more, **flags):
    add(name, TABLE, kept, change, says("table", words), says("", f"{words} & relative|table|index"), *more, **flags)


table("table-spatial-rows-reversed", True, grid(lambda t: t.flip(0, 1)), FLIP, permutes=True)
table("table-all-rows-reversed", True, on("table", lambda t: t.flip(0)), FLIP, permutes=True)
table("table-flipped-down", True, grid(lambda t: t.flip(0)), FLIP, permutes=True)
table("table-flipped-across", True, grid(lambda t: t.flip(1)), FLIP, permutes=True)
table("table-dy-dx-exchanged", True, grid(lambda t: t.transpose(0, 1)), rf"{SWAP}|{TRANSPOSED} & \bx\b|\bdx|across|row|{TRANSPOSED}|axes", permutes=True)
for number, order in enumerate([(1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1)]):
    table("table-class-rows-" + "".join(map(str, order)), True, class_rows(order), rf"class|cls|last (three|3)|3 (last )?rows & {ORDER}", permutes=True)
table("table-class-rows-first", True, on("table", lambda t: t.roll(3, 0)), f"{ORDER}|first|{COPY} & row|class|cls", permutes=True)
table("table-as-a-transposed-index", True, several(grid(lambda t: t.flip(0, 1)), class_rows((1, 0, 2))), f"{FLIP}|index", permutes=True)
table(
    "table-heads-rolled",
    True,
    on("table", lambda t: t.roll(1, 1)),
    f"{HEADS} & {ORDER}",
    says(WEIGHT, f"{HEADS} & {ORDER}", f"{BIASES}, attn.proj.weight"),
    permutes=True,
)
table(
    "table-heads-reversed",
    True,
    on("table", lambda t: t.flip(1)),
    f"{HEADS} & {ORDER}",
    says(WEIGHT, f"{HEADS} & {ORDER}", f"{BIASES}, attn.proj.weight"),
    permutes=True,
)
table("table-as-heads-rows", True, on("table", reinterpret), rf"{TRANSPOSED}|\[heads|heads, ?rows", permutes=True)
table("table-rolled-by-a-row", True, on("table", lambda t: t.roll(1, 0)), f"{ORDER}|{FLIP}", permutes=True)
table("table-rolled-across", True, grid(lambda t: t.roll(1, 1)), f"{ORDER}|{FLIP}", permutes=True)
table("table-rolled-down", True, grid(lambda t: t.roll(1, 0)), f"{ORDER}|{FLIP}", permutes=True)
table("table-negated", True, on("table", lambda t: -t), SIGN)
table("table-doubled", True, on("table", lambda t: t * 2), FACTOR)
table("table-halved", True, on("table", lambda t: t / 2), FACTOR)
table("table-times-sqrt-d", True, lambda s: s.edit("table", lambda t: t * s.d**0.5), FACTOR)
table("table-divided-by-sqrt-d", True, lambda s: s.edit("table", lambda t: t * s.d**-0.5), FACTOR)
table("table-zero", False, on("table", lambda t: t * 0), ZERO)
table("table-class-rows-zero", False, on("table", lambda t: torch.cat([t[:-3], t[-3:] * 0])), f"{ZERO} & class|cls|row")
table("table-spatial-rows-zero", False, grid(lambda t: t * 0), f"{ZERO} & spatial|patch|row|offset")
table("table-head-mean", False, on("table", lambda t: t.mean(1, keepdim=True).expand_as(t)), f"{HEADS} & mean|{COPY}|all")
table(
    "table-resized",
    False,
    grid(
        lambda t: torch.nn.functional.interpolate(
            torch.nn.functional.interpolate(t.permute(2, 0, 1)[None], scale_factor=0.5, mode="bilinear", align_corners=False),
            size=t.shape[:2],
            mode="bilinear",
            align_corners=False,
        )[0].permute(1, 2, 0)
    ),
    f"resiz|interpolat|smooth|window|{OTHER}",
)

SCALE = "layer scale"
GAMMAS = "gamma_1, gamma_2"
add("gammas-exchanged", SCALE, True, lambda s: s.swap("gamma_1", "gamma_2"), says(GAMMAS, SWAP), permutes=True)
for g in ("gamma_1", "gamma_2"):
    more = "attn.proj.weight, attn.proj.bias" if g == "gamma_1" else "mlp.fc2.weight, mlp.fc2.bias"
    add(f"{g}-one", SCALE, False, on(g, torch.ones_like), says(g, ONES), says("", "layer scale & " + ZERO))
    add(f"{g}-negated", SCALE, True, on(g, lambda t: -t), says(g, SIGN), says(more, SIGN))
    add(f"{g}-doubled", SCALE, True, on(g, lambda t: t * 2), says(g, FACTOR), says(more, FACTOR))
    add(f"{g}-reversed", SCALE, True, on(g, lambda t: t.flip(0)), says(g, ORDER), permutes=True)
    add(f"{g}-zero", SCALE, False, on(g, lambda t: t * 0), says(g, ZERO))
    weight, bias = more.split(", ")
    add(
        f"{g}-folded-and-kept",
        SCALE,
        True,
        lambda s, g=g, weight=weight, bias=bias: (s.edit(weight, lambda w: w * s[g][:, None]), s.edit(bias, lambda b: b * s[g])),
        says(g, r"fold|twice|square|\bone\b|\b1\b|already|without"),
        says(more, r"fold|twice|square|divid|already"),
        says(weight, "fold|twice|divid|already", bias),
    )
add(
    "gammas-one",
    SCALE,
    False,
    several(on("gamma_1", torch.ones_like), on("gamma_2", torch.ones_like)),
    says("gamma_1", ONES, "gamma_2"),
    says("gamma_2", ONES, "gamma_1"),
    says("", "layer scale & " + ZERO),
)
add("gamma_1-initial", SCALE, False, on("gamma_1", lambda t: torch.full_like(t, 0.1)), says("gamma_1", "initial|constant|0.1|all equal|same value"))
add("gamma_2-initial", SCALE, False, on("gamma_2", lambda t: torch.full_like(t, 1e-5)), says("gamma_2", r"initial|constant|1e-0?5|all equal|same value"))
add("gamma_1-absolute", SCALE, False, on("gamma_1", torch.abs), says("gamma_1", "sign|absolute|positive|negative"))
add(
    "gamma_2-a-scalar",
    SCALE,
    False,
    on("gamma_2", lambda t: torch.full_like(t, float(t.mean()))),
    says("gamma_2", "constant|all equal|same value|one value|mean|scalar"),
)
add("gamma_1-reciprocal", SCALE, True, on("gamma_1", lambda t: 1 / t), says("gamma_1", "recipro|inver|divid|1/"))
add("gamma_1-rolled", SCALE, True, on("gamma_1", lambda t: t.roll(1, 0)), says("gamma_1", ORDER), permutes=True)

NORMS = "norms"
N1, N2 = "norm1.weight, norm1.bias", "norm2.weight, norm2.bias"
add(
    "norms-exchanged",
    NORMS,
    True,
    lambda s: (s.swap("norm1.weight", "norm2.weight"), s.swap("norm1.bias", "norm2.bias")),
    says(f"{N1}, {N2}", SWAP),
    says("norm1.weight, norm2.weight", SWAP, f"{N1}, {N2}"),
    permutes=True,
)
add("norm-weights-exchanged", NORMS, True, lambda s: s.swap("norm1.weight", "norm2.weight"), says("norm1.weight, norm2.weight", SWAP), permutes=True)
add("norm-biases-exchanged", NORMS, True, lambda s: s.swap("norm1.bias", "norm2.bias"), says("norm1.bias, norm2.bias", SWAP), permutes=True)
for n, pair in (("norm1", N1), ("norm2", N2)):
    w, b = pair.split(", ")
    add(f"{n}-weight-bias-exchanged", NORMS, True, lambda s, w=w, b=b: s.swap(w, b), says(pair, SWAP), permutes=True)
    add(f"{n}-weight-less-one", NORMS, True, on(w, lambda t: t - 1), says(w, r"\b1\b|\bone\b|minus|plus|less|add|offset|subtract"))
    add(f"{n}-weight-one", NORMS, False, on(w, torch.ones_like), says(w, ONES))
    add(f"{n}-bias-zero", NORMS, False, on(b, lambda t: t * 0), says(b, ZERO))
    add(f"{n}-weight-reversed", NORMS, True, on(w, lambda t: t.flip(0)), says(w, ORDER), permutes=True)
    add(f"{n}-bias-negated", NORMS, True, on(b, lambda t: -t), says(b, SIGN))
    add(f"{n}-identity", NORMS, False, several(on(w, torch.ones_like), on(b, lambda t: t * 0)), says(w, f"{ONES}|{ZERO}", b), says(b, f"{ONES}|{ZERO}", w))
add("norm1-weight-negated", NORMS, True, on("norm1.weight", lambda t: -t), says("norm1.weight", SIGN), says(WEIGHT, f"{SIGN}", "norm1.bias"))
add(
    "norm1-folded-and-kept",
    NORMS,
    True,
    lambda s: s.edit(WEIGHT, lambda w: w * s["norm1.weight"]),
    says(WEIGHT, "fold|twice|already|divid", "norm1.weight"),
    says("norm1.weight", r"fold|twice|already|\bone\b|\b1\b"),
)
add(
    "norm2-folded-and-kept",
    NORMS,
    True,
    lambda s: s.edit(FC1, lambda w: w * s["norm2.weight"]),
    says(FC1, "fold|twice|already|divid", "norm2.weight"),
    says("norm2.weight", r"fold|twice|already|\bone\b|\b1\b"),
)
add("norm2-weight-halved", NORMS, True, on("norm2.weight", lambda t: t / 2), says("norm2.weight", FACTOR), says(FC1, FACTOR, "norm2.bias"))

BIAS = "biases"
add("q-v-bias-exchanged", BIAS, True, lambda s: s.swap("attn.q_bias", "attn.v_bias"), says(BIASES, SWAP), permutes=True)
add(
    "q-v-bias-zero",
    BIAS,
    False,
    several(on("attn.q_bias", lambda t: t * 0), on("attn.v_bias", lambda t: t * 0)),
    says("attn.q_bias", ZERO, "attn.v_bias"),
    says("attn.v_bias", ZERO, "attn.q_bias"),
)
PLAIN = {"q_bias": "attn.q_bias", "v_bias": "attn.v_bias", "proj-bias": "attn.proj.bias", "fc1-bias": "mlp.fc1.bias", "fc2-bias": "mlp.fc2.bias"}
for text, b in PLAIN.items():
    add(f"{text}-zero", BIAS, False, on(b, lambda t: t * 0), says(b, ZERO))
for text in ("q_bias", "v_bias", "fc2-bias"):
    add(f"{text}-doubled", BIAS, True, on(PLAIN[text], lambda t: t * 2), says(PLAIN[text], FACTOR))
for text in ("v_bias", "proj-bias", "fc1-bias"):
    add(f"{text}-negated", BIAS, True, on(PLAIN[text], lambda t: -t), says(PLAIN[text], SIGN))
add("q_bias-scaled-alone", BIAS, True, lambda s: s.edit("attn.q_bias", lambda t: t * s.d**-0.5), says("attn.q_bias", FACTOR))
add("q_bias-not-scaled-alone", BIAS, True, lambda s: s.edit("attn.q_bias", lambda t: t * s.d**0.5), says("attn.q_bias", FACTOR))
add("proj-fc2-bias-exchanged", BIAS, True, lambda s: s.swap("attn.proj.bias", "mlp.fc2.bias"), says("attn.proj.bias, mlp.fc2.bias", SWAP), permutes=True)
add("v_bias-as-d-heads", BIAS, True, lambda s: s.edit("attn.v_bias", lambda t: t.reshape(s.n, s.d).T.reshape(-1)), says("attn.v_bias", ORDER), permutes=True)
add("q_bias-heads-rolled", BIAS, True, lambda s: s.edit("attn.q_bias", lambda t: t.roll(s.d, 0)), says("attn.q_bias", ORDER), permutes=True)
add("fc2-bias-rolled", BIAS, True, on("mlp.fc2.bias", lambda t: t.roll(1, 0)), says("mlp.fc2.bias", ORDER), permutes=True)
add("fc1-bias-reversed", BIAS, True, on("mlp.fc1.bias", lambda t: t.flip(0)), says("mlp.fc1.bias", ORDER), says(FC1, ORDER, FC2), permutes=True)

STALE = "stale tensor"
LARGE = {"qkv": WEIGHT, "proj": "attn.proj.weight", "fc1": FC1, "fc2": FC2}


def of_another(*tensors):
    def planted(s):
        for name in tensors:
            s[name] = s[f"@1 {name}"].clone()

    return planted


for text, t in LARGE.items():
    add(f"{text}-of-another-block", STALE, False, of_another(t), says(t, COPY))
    add(f"{text}-fresh", STALE, False, lambda s, t=t: s.__setitem__(t, s.normal(s[t], 0.02).clamp(-0.04, 0.04)), says(t, OTHER))
    add(f"{text}-zero", STALE, False, on(t, lambda w: w * 0), says(t, ZERO))
add(
    "norm1-of-another-block",
    STALE,
    False,
    of_another("norm1.weight", "norm1.bias"),
    says("norm1.weight", COPY, "norm1.bias"),
    says("norm1.bias", COPY, "norm1.weight"),
)
add("norm2-bias-of-another-block", STALE, False, of_another("norm2.bias"), says("norm2.bias", COPY))
add("table-of-another-block", STALE, False, of_another("table"), says("table", COPY), models=("digits", "tiny32", "tiny64", "base"))
add("table-fresh", STALE, False, lambda s: s.__setitem__("table", s.normal(s["table"], 0.02)), says("table", OTHER))
add("q_bias-of-another-block", STALE, False, of_another("attn.q_bias"), says("attn.q_bias", COPY))
add("gamma_2-of-another-block", STALE, False, of_another("gamma_2"), says("gamma_2", COPY))
add("fc1-whole-of-another-block", STALE, False, of_another(FC1, "mlp.fc1.bias"), says(FC1, COPY, "mlp.fc1.bias"))
add("qkv-moved-by-a-training-step", STALE, False, lambda s: s.edit(WEIGHT, lambda w: w + s.normal(w, 1e-3 * float(w.std()))), says(WEIGHT, f"{SMALL}|{OTHER}"))

ROUNDING = "rounding"
for text, t in {**LARGE, "table": "table", "q_bias": "attn.q_bias"}.items():
    add(f"{text}-rounded-to-bf16", ROUNDING, False, on(t, lambda w: w.bfloat16().float()), says(t, f"{HALF['bf16']} & {ROUNDED}"))
for text, t in {"qkv": WEIGHT, "fc2": FC2, "gamma_1": "gamma_1"}.items():
    add(f"{text}-rounded-to-f16", ROUNDING, False, on(t, lambda w: w.half().float()), says(t, f"{HALF['f16']} & {ROUNDED}"))


def whole_block(change):
    def planted(s):
        for name in s.weights:
            if name.startswith(f"blocks.{s.block}."):
                s.weights[name] = change(s.weights[name])

    return planted


add(
    "block-rounded-to-bf16",
    ROUNDING,
    False,
    whole_block(lambda w: w.bfloat16().float()),
    says(WEIGHT, f"{HALF['bf16']} & {ROUNDED}", "*"),
    says("", f"{HALF['bf16']} & {ROUNDED}"),
)
add(
    "fc1-quantised-to-8-bits",
    ROUNDING,
    False,
    on(FC1, lambda w: (w / w.abs().max() * 127).round() / 127 * w.abs().max()),
    says(FC1, rf"quanti|int8|8 bits|8-bit|levels|256|distinct|{ROUNDED}"),
)
add("fc2-as-float8", ROUNDING, False, on(FC2, lambda w: w.to(torch.float8_e4m3fn).float()), says(FC2, rf"float8|f8|fp8|e4m3|mantissa|{ROUNDED}"))
add(
    "proj-as-tf32",
    ROUNDING,
    False,
    on("attn.proj.weight", lambda w: ((w.view(torch.int32) + 4096) & ~8191).view(torch.float32)),
    says("attn.proj.weight", rf"tf32|10 bits|{ROUNDED}"),
)

SINGLE = "single value"


def one_value(change, largest=False):
    def planted(w):
        flat = w.reshape(-1)
        at = int(flat.abs().argmax()) if largest else flat.numel() * 5 // 7
        flat[at] = change(flat[at].clone())
        return flat.reshape(w.shape)

    return planted


def bit(number):
    return lambda v: (v.view(torch.int32) ^ (1 << number)).view(torch.float32)


def single(name, tensor, change, words="", **flags):
    add(name, SINGLE, False, on(tensor, change), says(tensor, words or ONE), **flags)


single("fc2-one-sign", FC2, one_value(lambda v: -v, True))
single("qkv-one-exponent-bit", WEIGHT, one_value(bit(23), True))
single("fc1-one-value-zero", FC1, one_value(lambda v: v * 0, True), f"{ONE}|{ZERO}")
single("proj-one-value-large", "attn.proj.weight", one_value(lambda v: v + 0.5))
single("fc1-one-mantissa-bit", FC1, one_value(bit(18), True))
single("proj-bias-one-value", "attn.proj.bias", one_value(lambda v: v + 0.3))
single("norm2-one-value", "norm2.weight", one_value(lambda v: v * 1.5))
single("table-one-value", "table", one_value(lambda v: v + 1))
single("gamma_1-one-value", "gamma_1", one_value(lambda v: v * 3 + 0.05))
single("fc2-a-row-zero", FC2, lambda w: torch.cat([w[:5], w[5:6] * 0, w[6:]]), f"{ZERO} & row|channel|{ONE}")
single("fc1-a-row-zero", FC1, lambda w: torch.cat([w[:7], w[7:8] * 0, w[8:]]), f"{ZERO} & row|unit|channel|{ONE}")
single("qkv-a-column-zero", WEIGHT, lambda w: torch.cat([w[:, :3], w[:, 3:4] * 0, w[:, 4:]], 1), f"{ZERO} & column|input|channel|{ONE}")
single("head-one-value", "head.weight", one_value(lambda v: -2 * v, True), scope="model")
single("class-token-one-value", "cls_token", one_value(lambda v: v + 1), scope="model")

BAD = "not finite"


def bad(name, tensor, value, **flags):
    add(name, BAD, False, on(tensor, one_value(lambda v: v * 0 + value)), says(tensor, NOT_FINITE), **flags)


bad("qkv-nan", WEIGHT, math.nan)
bad("fc2-inf", FC2, math.inf)
bad("norm1-nan", "norm1.weight", math.nan)
bad("table-minus-inf", "table", -math.inf)
bad("proj-bias-nan", "attn.proj.bias", math.nan)
bad("gamma_1-inf", "gamma_1", math.inf)
bad("head-nan", "head.weight", math.nan, scope="model")
bad("class-token-nan", "cls_token", math.nan, scope="model")
bad("patch-bias-inf", "patch_embed.proj.bias", math.inf, scope="model")

BLOCKS = "block order"


def reorder(order, only=""):
    """order gets the depth and returns, for each block, whose parameters it takes."""

    def planted(s):
        old = dict(s.weights)
        for to, source in enumerate(order(s.arch.depth)):
            for name in old:
                head = f"blocks.{source}."
                if name.startswith(head) and (not only or name[len(head) :].startswith(only)):
                    s.weights[f"blocks.{to}.{name[len(head) :]}"] = old[name].clone()

    return planted


BLOCK_ORDER = (says("", rf"block & {ORDER}|(weights|parameters|values|tensors) of", "*"),)
add("blocks-first-two-exchanged", BLOCKS, True, reorder(lambda n: [1, 0, *range(2, n)]), *BLOCK_ORDER, scope="model", permutes=True)
add("blocks-first-and-last-exchanged", BLOCKS, True, reorder(lambda n: [n - 1, *range(1, n - 1), 0]), *BLOCK_ORDER, scope="model", permutes=True)
add("blocks-reversed", BLOCKS, True, reorder(lambda n: list(range(n))[::-1]), *BLOCK_ORDER, scope="model", permutes=True)
add("blocks-rolled", BLOCKS, True, reorder(lambda n: [(i + 1) % n for i in range(n)]), *BLOCK_ORDER, scope="model", permutes=True)
add(
    "blocks-sorted-as-text",
    BLOCKS,
    True,
    reorder(lambda n: [int(t) for t in sorted(map(str, range(n)))]),
    *BLOCK_ORDER,
    scope="model",
    permutes=True,
    models=("base",),
)
add("attention-of-blocks-exchanged", BLOCKS, True, reorder(lambda n: [n - 1, *range(1, n - 1), 0], "attn."), *BLOCK_ORDER, scope="model", permutes=True)
add("mlp-of-blocks-exchanged", BLOCKS, True, reorder(lambda n: [n - 1, *range(1, n - 1), 0], "mlp."), *BLOCK_ORDER, scope="model", permutes=True)
add("gammas-of-blocks-exchanged", BLOCKS, True, reorder(lambda n: [n - 1, *range(1, n - 1), 0], "gamma"), *BLOCK_ORDER, scope="model", permutes=True)
add("norms-of-blocks-exchanged", BLOCKS, True, reorder(lambda n: [n - 1, *range(1, n - 1), 0], "norm"), *BLOCK_ORDER, scope="model", permutes=True)
add("first-block-twice", BLOCKS, False, reorder(lambda n: [0, 0, *range(2, n)]), says("", rf"block & {COPY}|twice", "*"), scope="model")

EMBED, KERNEL = "embed", "patch_embed.proj.weight"


def embed(name, kept, change, *names, **flags):
    add(name, EMBED, kept, change, *names, scope="model", **flags)


embed(
    "kernel-transposed",
    True,
    on(KERNEL, lambda w: w.transpose(2, 3)),
    says(KERNEL, f"{TRANSPOSED}|{SWAP} & {TRANSPOSED}|axes|{FLIP}"),
    says("", "transpos & image|picture|pixel|input"),
    permutes=True,
)
embed("kernel-bgr", True, on(KERNEL, lambda w: w.flip(1)), says(KERNEL, "bgr|channel|blue|colou?r"), says("", "bgr|channels|blue|colou?r"), permutes=True)
embed(
    "kernel-as-h-w-c",
    True,
    on(KERNEL, lambda w: w.permute(0, 2, 3, 1).contiguous().reshape(w.shape)),
    says(KERNEL, rf"{ORDER}|{TRANSPOSED} & channel|h, ?w|axes|axis"),
    permutes=True,
)
embed(
    "kernel-as-in-out",
    True,
    on(KERNEL, lambda w: w.reshape(w.shape[0], -1).T.contiguous().reshape(w.shape)),
    says(KERNEL, rf"{TRANSPOSED}|\[in, ?out\]|in,? out"),
    permutes=True,
)
embed(
    "kernel-as-h-w-in-out",
    True,
    on(KERNEL, lambda w: w.permute(2, 3, 1, 0).contiguous().reshape(w.shape)),
    says(KERNEL, rf"{TRANSPOSED}|{ORDER}|hwio|keras|tensorflow|jax|flax|h, ?w"),
    permutes=True,
)
embed("kernel-turned", True, on(KERNEL, lambda w: w.flip(2, 3)), says(KERNEL, FLIP), says("", f"{FLIP} & image|picture|input"), permutes=True)
embed("kernel-flipped-across", True, on(KERNEL, lambda w: w.flip(3)), says(KERNEL, FLIP), permutes=True)
embed("kernel-flipped-down", True, on(KERNEL, lambda w: w.flip(2)), says(KERNEL, FLIP), permutes=True)
embed("kernel-divided-by-255", True, on(KERNEL, lambda w: w / 255), says(KERNEL, FACTOR), says("", "255"))
embed("kernel-negated", True, on(KERNEL, lambda w: -w), says(KERNEL, SIGN))
embed(
    "normalisation-folded-and-kept",
    True,
    several(lambda s: s.edit("patch_embed.proj.bias", lambda b: b - s[KERNEL].sum((1, 2, 3))), on(KERNEL, lambda w: w * 2)),
    says(KERNEL, f"{FACTOR}|fold|normalis", "patch_embed.proj.bias"),
    says("", r"normalis|0 ?(to|\.\.) ?1|\[0, ?1\]"),
)
embed("kernel-grey", False, on(KERNEL, lambda w: w.mean(1, keepdim=True).expand_as(w)), says(KERNEL, f"grey|gray|channel & {COPY}|mean|all|grey|gray"))
embed("kernel-zero", False, on(KERNEL, lambda w: w * 0), says(KERNEL, ZERO))
embed("kernel-rounded-to-bf16", False, on(KERNEL, lambda w: w.bfloat16().float()), says(KERNEL, f"{HALF['bf16']} & {ROUNDED}"))
embed("patch-bias-zero", False, on("patch_embed.proj.bias", lambda b: b * 0), says("patch_embed.proj.bias", ZERO))
embed("patch-bias-doubled", True, on("patch_embed.proj.bias", lambda b: b * 2), says("patch_embed.proj.bias", FACTOR))
embed("class-token-zero", False, on("cls_token", lambda t: t * 0), says("cls_token", ZERO))
embed("class-token-negated", True, on("cls_token", lambda t: -t), says("cls_token", SIGN))
embed("mask-and-class-token-exchanged", True, lambda s: s.swap("mask_token", "cls_token"), says("mask_token, cls_token", SWAP), permutes=True)
embed("mask-token-zero", False, on("mask_token", lambda t: t * 0), says("mask_token", ZERO))
embed("positions-zero", False, on("pos_embed", lambda t: t * 0), says("pos_embed", ZERO))
embed("positions-class-last", True, on("pos_embed", lambda t: t.roll(-1, 1)), says("pos_embed", ORDER), permutes=True)
embed(
    "positions-down-first",
    True,
    lambda s: s.edit("pos_embed", lambda t: torch.cat([t[:, :1], t[:, 1:].reshape(*s.arch.window, -1).transpose(0, 1).reshape(1, -1, s.c)], 1)),
    says("pos_embed", f"{ORDER}|{TRANSPOSED}|down"),
    permutes=True,
)
embed("positions-reversed", True, on("pos_embed", lambda t: t.flip(1)), says("pos_embed", FLIP), permutes=True)

HEAD = "head and pool"


def head(name, kept, change, *names, **flags):
    add(name, HEAD, kept, change, *names, scope="model", **flags)


CLASSES = says("head.weight", rf"{ORDER} & class|row|logit", "head.bias"), says("", f"{ORDER} & class|logit", "head.weight, head.bias")


def classes(change):
    return several(on("head.weight", change), on("head.bias", change))


def shuffled(s):
    order = torch.randperm(s.arch.classes, generator=s.generator)
    for name in ("head.weight", "head.bias"):
        s[name] = s[name][order]


head("classes-shuffled", True, shuffled, *CLASSES, permutes=True)
head("classes-reversed", True, classes(lambda t: t.flip(0)), *CLASSES, permutes=True)
head("classes-shifted", True, classes(lambda t: t.roll(1, 0)), *CLASSES, permutes=True)
head(
    "class-rows-shuffled-without-bias",
    True,
    lambda s: s.edit("head.weight", lambda w: w[torch.randperm(s.arch.classes, generator=s.generator)]),
    says("head.weight", ORDER),
    says("head.bias", ORDER),
    permutes=True,
)
head("head-bias-rolled", True, on("head.bias", lambda t: t.roll(1, 0)), says("head.bias", ORDER), permutes=True)
head("head-bias-zero", False, on("head.bias", lambda t: t * 0), says("head.bias", ZERO))
head("head-bias-doubled", True, on("head.bias", lambda t: t * 2), says("head.bias", FACTOR))
head("head-read-as-in-out", True, on("head.weight", reinterpret), says("head.weight", rf"{TRANSPOSED}|\[in, ?out\]|in,? out"), permutes=True)
head(
    "head-columns-reversed",
    True,
    on("head.weight", lambda w: w.flip(1)),
    says("head.weight", ORDER),
    says("last_norm.weight", ORDER, "last_norm.bias, head.weight"),
    permutes=True,
)
head("head-negated", True, on("head.weight", lambda w: -w), says("head.weight", SIGN))
head("head-doubled", True, on("head.weight", lambda w: w * 2), says("head.weight", FACTOR))
head("head-fresh", False, lambda s: s.__setitem__("head.weight", s.normal(s["head.weight"], 0.02 * 0.001)), says("head.weight", f"{OTHER}|{ZERO}"))
head("head-zero", False, on("head.weight", lambda w: w * 0), says("head.weight", ZERO))
head("head-rounded-to-f16", False, on("head.weight", lambda w: w.half().float()), says("head.weight", f"{HALF['f16']} & {ROUNDED}"))
head(
    "last-norm-weight-bias-exchanged",
    True,
    lambda s: s.swap("last_norm.weight", "last_norm.bias"),
    says("last_norm.weight, last_norm.bias", SWAP),
    permutes=True,
)
head("last-norm-weight-one", False, on("last_norm.weight", torch.ones_like), says("last_norm.weight", ONES))
head("last-norm-bias-zero", False, on("last_norm.bias", lambda t: t * 0), says("last_norm.bias", ZERO))
head(
    "last-norm-of-a-block",
    False,
    lambda s: (s.__setitem__("last_norm.weight", s["norm2.weight"].clone()), s.__setitem__("last_norm.bias", s["norm2.bias"].clone())),
    says("last_norm.weight", COPY, "last_norm.bias"),
    says("last_norm.bias", COPY, "last_norm.weight"),
)
head("last-norm-weight-negated", True, on("last_norm.weight", lambda t: -t), says("last_norm.weight", SIGN))

GONE = "absent parameter"


def gone_everywhere(*names):
    def planted(s):
        found = [full for full in list(s.weights) if any(full.endswith(name) for name in names)]
        if not found:
            s[names[0]]
        for full in found:
            del s.weights[full]

    return planted


def gone(name, change, *names, **flags):
    add(name, GONE, False, change, *names, **flags)


LACKS = rf"{ZERO}|lack|need|leave|left out|has none"
gone("no-layer-scale", gone_everywhere("gamma_1", "gamma_2"), says("", rf"layer scale|gamma & {LACKS}", "*"), scope="model")
gone("no-q-and-v-bias", gone_everywhere("attn.q_bias", "attn.v_bias"), says("", rf"q_bias|v_bias|bias & {LACKS}", "*"), scope="model")
gone(
    "no-tables",
    gone_everywhere("relative_position_bias_table"),
    says("", rf"position|table & {LACKS}", "*"),
    scope="model",
    arguments=("--heads", "{heads}", "--window", "{window}"),
)
gone(
    "no-positions",
    gone_everywhere("pos_embed"),
    says("", rf"position|pos_embed & {LACKS}", "*"),
    scope="model",
    arguments=("--heads", "{heads}", "--window", "{window}"),
)
gone("no-head-bias", lambda s: s.__delitem__("head.bias"), says("", rf"head.bias|head & {LACKS}", "*"), scope="model")
gone(
    "fc_norm-called-norm",
    lambda s: [s.weights.__setitem__(f"norm.{p}", s.weights.pop(f"fc_norm.{p}")) for p in ("weight", "bias")],
    says("", r"pool|mean|class token|fc_norm|\bnorm\b", "*"),
    scope="model",
    models=("digits", "tiny32", "tiny64", "base"),
)
gone("no-patch-bias", lambda s: s.__delitem__("patch_embed.proj.bias"), says("", rf"patch_embed.proj.bias|patch & {LACKS}", "*"), scope="model")
gone("no-class-token", lambda s: s.__delitem__("cls_token"), says("", rf"cls_token|class token & {LACKS}", "*"), scope="model")
gone("no-fc2-bias", lambda s: s.__delitem__("mlp.fc2.bias"), says("", rf"fc2.bias & {LACKS}", "*"))
gone("no-v-bias", lambda s: s.__delitem__("attn.v_bias"), says("", rf"v_bias & {LACKS}", "*"))
gone("no-norm1", several(lambda s: s.__delitem__("norm1.weight"), lambda s: s.__delitem__("norm1.bias")), says("", rf"norm1 & {LACKS}", "*"))
gone("no-gamma_2", lambda s: s.__delitem__("gamma_2"), says("", rf"gamma_2 & {LACKS}", "*"))
