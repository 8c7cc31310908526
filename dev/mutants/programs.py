"""Kinds of fault in programs: the checkpoint is right, and the program that recorded computes something else."""

import torch
import torch.nn.functional as F
from kinds import FACTOR, FLIP, HALF, HEADS, ORDER, SWAP, TRANSPOSED, ZERO, K, Kind, Q, V, says

KINDS = []
LACKS = rf"{ZERO}|lack|leav|left out|omit|skip|forg|not (added|applied|used)|does not|has none|no "


def add(name, family, names, kept=True, scope="model", models=(), claims=None, depends=False, **methods):
    """methods are replacements in the model. claims is what the recording says of itself, if that is wrong. depends: what is computed follows from claims."""
    names = (names,) if not isinstance(names, tuple) else names
    change = methods.pop("change", None)

    def planted(model):
        if change:
            change(model)
        model.replace(**methods)

    KINDS.append(Kind(name, family, kept, planted, names, scope, program=True, models=models, depends=depends, arguments=tuple((claims or {}).items())))


WEIGHT, BIASES = "attn.qkv.weight", "attn.q_bias, attn.v_bias"
ANY = "*"

ATTENTION = "attention layout"


def split_as(order):
    """Reads the fused output, with its bias, as if its parts came in this order."""

    def split(m, fused):
        n, t, _ = fused.shape
        parts = fused.reshape(n, t, 3, m.arch.heads, m.arch.head_dim).permute(2, 0, 3, 1, 4)
        return [parts["qkv".index(letter)] for letter in order]

    return split


for letters in ("qvk", "kqv", "kvq", "vqk", "vkq"):
    moved = [{"q": Q, "k": K, "v": V}[a] for a, b in zip(letters, "qkv") if a != b]
    add(f"fused-read-as-{letters}", ATTENTION, says("", " & ".join([*moved, SWAP]), ANY), split=split_as(letters))


def rows_as(axes):
    """Reads the axis of 3C as these axes; axes are those of three, heads, d."""

    def split(m, fused):
        n, t, _ = fused.shape
        sizes = [3, m.arch.heads, m.arch.head_dim]
        x = fused.reshape(n, t, *(sizes[a] for a in axes))
        return x.permute(2 + axes.index(0), 0, 2 + axes.index(1), 1, 2 + axes.index(2)).unbind(0)

    return split


for text, axes in (("heads-3-d", (1, 0, 2)), ("3-d-heads", (0, 2, 1)), ("heads-d-3", (1, 2, 0)), ("d-heads-3", (2, 1, 0)), ("d-3-heads", (2, 0, 1))):
    add(f"fused-read-as-{text}", ATTENTION, says("", rf"{ORDER}|rows & {HEADS}|interleav|\bd\b", ANY), split=rows_as(axes))
add("no-scale", ATTENTION, says("", f"{FACTOR} & scal|sqrt|{Q}|1/", ANY), factor=lambda m: 1.0)
add("scale-by-d", ATTENTION, says("", f"{FACTOR} & scal|sqrt|{Q}|1/", ANY), factor=lambda m: 1 / m.arch.head_dim)
add("scale-by-sqrt-width", ATTENTION, says("", f"{FACTOR} & scal|sqrt|{Q}|1/", ANY), factor=lambda m: m.arch.dim**-0.5)
add("scale-of-another-head-width", ATTENTION, says("", f"{FACTOR} & scal|sqrt|{Q}|1/", ANY), factor=lambda m: 64**-0.5)
add("softmax-over-queries", ATTENTION, says("", "softmax|normalis|weights & quer|other axis|transpos|column|wrong axis"), weigh=lambda m, s: s.softmax(-2))
add("softmax-over-heads", ATTENTION, says("", "softmax|normalis & head"), weigh=lambda m, s: s.softmax(1))
add("sigmoid-for-softmax", ATTENTION, says("", "softmax|sigmoid"), weigh=lambda m, s: s.sigmoid())
add(
    "causal",
    ATTENTION,
    says("", "causal|later tokens|future|masked|triang"),
    weigh=lambda m, s: s.masked_fill(torch.ones_like(s).triu(1).bool(), -1e9).softmax(-1),
)
add(
    "class-token-not-attended",
    ATTENTION,
    says("", "class token & attend|key|mask|column"),
    weigh=lambda m, s: torch.cat([s[..., :1] - 1e9, s[..., 1:]], -1).softmax(-1),
)
add("heads-not-put-back", ATTENTION, says("", rf"{HEADS} & {ORDER}|put back|reshap|{TRANSPOSED}"), join=lambda m, h: h.reshape(h.shape[0], h.shape[2], -1))
add("heads-joined-as-d-heads", ATTENTION, says("", rf"{HEADS} & {ORDER}|{TRANSPOSED}", ANY), join=lambda m, h: h.permute(0, 2, 3, 1).flatten(2))
add("heads-joined-reversed", ATTENTION, says("", rf"{HEADS} & {ORDER}", ANY), join=lambda m, h: h.flip(1).transpose(1, 2).flatten(2))
add(
    "no-proj",
    ATTENTION,
    says("", f"proj & {LACKS}"),
    attention=lambda m, i, x: m.join(m.mix(m.weigh(m.scores(*(qkv := m.split(m.project(i, x)))[:2], m.bias(i))), qkv[2])),
)
add(
    "proj-transposed-in-program",
    ATTENTION,
    says("", f"proj & {TRANSPOSED}", ANY),
    change=lambda m: m.weights.update({n: w.T for n, w in m.weights.items() if n.endswith("attn.proj.weight")}),
)
add(
    "q-and-k-normalised",
    ATTENTION,
    says("", f"{Q} & {K} & normali|qk.?norm|unit"),
    scores=lambda m, q, k, b: (F.normalize(q, dim=-1) * m.factor()) @ F.normalize(k, dim=-1).transpose(-1, -2) + b,
)
add("dropout-left-on", ATTENTION, says("", "dropout|training mode|random"), kept=False, weigh=lambda m, s: F.dropout(s.softmax(-1), 0.1, True))

TABLE = "relative position bias"


def table(name, words, tensors="", models=("digits", "tiny32", "tiny64", "masked", "base"), **methods):
    add(name, TABLE, says(tensors, words, ANY), models=models, **methods)


def taken(index):
    return lambda m, i: m[m.arch.table_name(i)][index(m)].permute(2, 0, 1)


def flipped(m, axes):
    h, w = m.arch.window
    rows = (2 * h - 1) * (2 * w - 1)
    grid = torch.arange(rows).reshape(2 * h - 1, 2 * w - 1).flip(*axes).reshape(-1)
    return torch.cat([grid, torch.arange(rows, rows + 3)])[m.index]


def exchanged(m):
    h, w = m.arch.window
    rows = (2 * h - 1) * (2 * w - 1)
    grid = torch.arange(rows).reshape(2 * h - 1, 2 * w - 1).T.reshape(-1)
    return torch.cat([grid, torch.arange(rows, rows + 3)])[m.index]


def for_patches_alone(m, i):
    bias = m[m.arch.table_name(i)][m.index].permute(2, 0, 1).clone()
    bias[:, 0, :] = 0
    bias[:, :, 0] = 0
    return bias


table("no-relative-bias", f"position|table|bias & {LACKS}", bias=lambda m, i: 0)
table("no-relative-bias-for-the-class-token", f"class & position|bias|table|rows & {LACKS}", bias=for_patches_alone)
table("relative-index-transposed", f"index|table|bias & {TRANSPOSED}|{FLIP}", bias=taken(lambda m: m.index.T))
table("relative-index-x-y", rf"{SWAP}|{TRANSPOSED}", bias=taken(exchanged))
table("relative-index-down-flipped", f"{FLIP} & table|index|bias|row", bias=taken(lambda m: flipped(m, [0])))
table("relative-index-reversed", f"{FLIP} & table|index|bias|row", bias=taken(lambda m: flipped(m, [0, 1])))
table(
    "relative-bias-of-block-0",
    "block 0|blocks.0|first block|one table|shared & table|bias|position",
    models=("digits", "tiny32", "tiny64", "base"),
    bias=lambda m, i: m[m.arch.table_name(0)][m.index].permute(2, 0, 1),
)
table("relative-bias-before-the-scale", f"bias|table|position & {FACTOR}|before", scores=lambda m, q, k, b: (q @ k.transpose(-1, -2) + b) * m.factor())
table("relative-bias-twice", f"bias|table|position & {FACTOR}", bias=lambda m, i: 2 * m[m.arch.table_name(i)][m.index].permute(2, 0, 1))
table(
    "relative-bias-after-softmax",
    "softmax|after|attention weights & bias|table|position",
    attention=lambda m, i, x: (lambda q, k, v: m.linear(m.join(m.mix(m.scores(q, k, 0).softmax(-1) + m.bias(i), v)), f"blocks.{i}.attn.proj"))(
        *m.split(m.project(i, x))
    ),
)
table("relative-bias-heads-rolled", f"{HEADS} & {ORDER}", bias=lambda m, i: m[m.arch.table_name(i)][m.index].permute(2, 0, 1).roll(1, 0))

BIAS = "biases"


def missing(*suffixes):
    return lambda m: m.weights.update({n: w * 0 for n, w in m.weights.items() if n.endswith(suffixes)})


add("no-q-bias", BIAS, says("", f"q_bias|quer & {LACKS}", ANY), change=missing("q_bias"))
add("no-v-bias", BIAS, says("", f"v_bias|value & {LACKS}", ANY), change=missing("v_bias"))
add("no-qkv-bias", BIAS, says("", f"q_bias|v_bias|qkv bias|biases & {LACKS}", ANY), change=missing("q_bias", "v_bias"))
add("no-proj-bias", BIAS, says("", f"proj.bias|proj & {LACKS}", ANY), change=missing("attn.proj.bias"))
add("no-fc2-bias", BIAS, says("", f"fc2.bias|fc2 & {LACKS}", ANY), change=missing("fc2.bias"))
add("no-head-bias", BIAS, says("", f"head.bias|head & {LACKS}", ANY), change=missing("head.bias"))
add(
    "v-bias-on-keys",
    BIAS,
    says("", f"v_bias|{V} & {K}|{ZERO}|{SWAP}", ANY),
    project=lambda m, i, x: F.linear(
        x, m[f"blocks.{i}.attn.qkv.weight"], torch.cat([m[f"blocks.{i}.attn.q_bias"], m[f"blocks.{i}.attn.v_bias"], 0 * m[f"blocks.{i}.attn.v_bias"]])
    ),
)

ACTIVATION = "activation"
for name, activation, words in (
    ("relu", F.relu, r"\brelu"),
    ("quick-gelu", lambda x: x * torch.sigmoid(1.702 * x), "quick"),
    ("silu", F.silu, "silu|swish"),
    ("tanh-gelu", lambda x: F.gelu(x, approximate="tanh"), "tanh"),
    ("no-activation", lambda x: x, f"activation|gelu & {LACKS}|identity|linear"),
    ("leaky-relu", lambda x: F.leaky_relu(x, 0.01), "leaky|relu"),
    ("squared-relu", lambda x: F.relu(x) ** 2, "relu & squar|²|2"),
    ("mish", F.mish, "mish"),
    ("tanh", torch.tanh, r"\btanh"),
    ("elu", F.elu, r"\belu"),
):
    add(name, ACTIVATION, says("", words), activation=lambda m, x, activation=activation: activation(x))

EPSILON = "epsilon"
EPS = r"epsilon"
for text, epsilon in (("1e-5", 1e-5), ("1e-12", 1e-12), ("1e-3", 1e-3), ("1e-8", 1e-8)):
    add(f"epsilon-{text}", EPSILON, says("", EPS), epsilon=epsilon, claims={"epsilon": None})
    add(f"epsilon-{text}-said-1e-6", EPSILON, says("", EPS), epsilon=epsilon)
add(
    "epsilon-of-last-norm-1e-5",
    EPSILON,
    says("", f"{EPS} & norm|pool", ANY),
    final_norm=lambda m, x: F.layer_norm(x, (m.arch.dim,), m[m.arch.norm_name + ".weight"], m[m.arch.norm_name + ".bias"], 1e-5),
)
add(
    "epsilon-of-norm2-1e-5",
    EPSILON,
    says("", f"{EPS} & norm2|second norm", ANY),
    norm_in=lambda m, i, n, x: F.layer_norm(x, (m.arch.dim,), m[f"blocks.{i}.norm{n}.weight"], m[f"blocks.{i}.norm{n}.bias"], 1e-5 if n == 2 else m.epsilon),
)

NORMS = "norms"


def normed(change):
    """A norm with its own arithmetic; change gets the centred input, the input and epsilon."""

    def layer_norm(m, x, name):
        return change(x, m.epsilon) * m[name + ".weight"] + m[name + ".bias"]

    return layer_norm


add(
    "epsilon-beside-the-deviation",
    EPSILON,
    says("", f"{EPS}|deviation|root"),
    layer_norm=normed(lambda x, e: (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True).sqrt() + e)),
)
add(
    "unbiased-variance",
    NORMS,
    says("", r"varianc|unbiased|n ?[-−] ?1|bessel|deviation"),
    layer_norm=normed(lambda x, e: (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=True, keepdim=True) + e).sqrt()),
)
add(
    "rms-norm",
    NORMS,
    says("", r"rms|root mean square|mean (is )?not subtracted|without.*mean|centr"),
    layer_norm=normed(lambda x, e: x / (x.square().mean(-1, keepdim=True) + e).sqrt()),
)
add(
    "norms-without-weights",
    NORMS,
    says("", f"norm & affine|weight|bias & {LACKS}|{ZERO}|1", ANY),
    layer_norm=lambda m, x, name: F.layer_norm(x, (m.arch.dim,), None, None, m.epsilon),
)
add(
    "post-norm",
    NORMS,
    says("", r"post-?norm|after the (branch|residual|sum|addition)|norm.*after"),
    block=lambda m, i, x: (lambda b: (lambda y: (b, m.norm_in(i, 2, y + m.gamma(i, 2) * m.mlp(i, y))))(m.norm_in(i, 1, x + m.gamma(i, 1) * b)))(
        m.attention(i, x)
    ),
)
add("norm1-for-both", NORMS, says("", "norm1 & norm2|both|twice", ANY), norm_in=lambda m, i, n, x: m.layer_norm(x, f"blocks.{i}.norm1"))
add("norms-exchanged-in-program", NORMS, says("", f"norm1 & norm2 & {SWAP}", ANY), norm_in=lambda m, i, n, x: m.layer_norm(x, f"blocks.{i}.norm{3 - n}"))
add("no-norm1", NORMS, says("", f"norm1 & {LACKS}", ANY), norm_in=lambda m, i, n, x: x if n == 1 else m.layer_norm(x, f"blocks.{i}.norm2"))
add("no-norm2", NORMS, says("", f"norm2 & {LACKS}", ANY), norm_in=lambda m, i, n, x: x if n == 2 else m.layer_norm(x, f"blocks.{i}.norm1"))

SCALE = "layer scale"
SCALED = ("digits", "tiny32", "tiny64", "masked", "base")
add("no-layer-scale", SCALE, says("", f"layer scale|gamma & {LACKS}|{ZERO}|1", ANY), models=SCALED, gamma=lambda m, i, n: 1)
add("layer-scale-after-the-residual", SCALE, says("", "layer scale|gamma & after|residual|stream|sum"), models=SCALED, add=lambda m, x, b, g: g * (x + b))
add("no-gamma_2", SCALE, says("", f"gamma_2 & {LACKS}|1", ANY), models=SCALED, gamma=lambda m, i, n: m[f"blocks.{i}.gamma_1"] if n == 1 else 1)
add("gamma_1-for-both", SCALE, says("", "gamma_1 & gamma_2|both|twice", ANY), models=SCALED, gamma=lambda m, i, n: m[f"blocks.{i}.gamma_1"])
add("gammas-exchanged-in-program", SCALE, says("", f"gamma_1 & gamma_2 & {SWAP}", ANY), models=SCALED, gamma=lambda m, i, n: m[f"blocks.{i}.gamma_{3 - n}"])
add("layer-scale-twice", SCALE, says("", f"layer scale|gamma & {FACTOR}|squar|fold|already|1", ANY), models=SCALED, add=lambda m, x, b, g: x + g * g * b)

FLOW = "residual"
add(
    "no-residual-of-attention",
    FLOW,
    says("", f"residual|skip|shortcut|stream|added & {LACKS}"),
    block=lambda m, i, x: (lambda b: (lambda y: (b, m.add(y, m.mlp(i, m.norm_in(i, 2, y)), m.gamma(i, 2))))(m.gamma(i, 1) * b))(
        m.attention(i, m.norm_in(i, 1, x))
    ),
)
add(
    "no-residual-of-mlp",
    FLOW,
    says("", f"residual|skip|shortcut|stream|added & {LACKS}"),
    block=lambda m, i, x: (lambda b: (lambda y: (b, m.gamma(i, 2) * m.mlp(i, m.norm_in(i, 2, y))))(m.add(x, b, m.gamma(i, 1))))(
        m.attention(i, m.norm_in(i, 1, x))
    ),
)
add(
    "attention-and-mlp-in-parallel",
    FLOW,
    says("", "parallel|same input|before the attention|from the input"),
    block=lambda m, i, x: (lambda b: (b, m.add(m.add(x, b, m.gamma(i, 1)), m.mlp(i, m.norm_in(i, 2, x)), m.gamma(i, 2))))(m.attention(i, m.norm_in(i, 1, x))),
)
add(
    "mlp-before-attention",
    FLOW,
    says("", f"{ORDER}|before|first & mlp & attention"),
    block=lambda m, i, x: (lambda y: (lambda b: (b, m.add(y, b, m.gamma(i, 1))))(m.attention(i, m.norm_in(i, 1, y))))(
        m.add(x, m.mlp(i, m.norm_in(i, 2, x)), m.gamma(i, 2))
    ),
)
add(
    "last-block-left-out",
    FLOW,
    says("", f"block & {LACKS}|last", ANY),
    change=lambda m: setattr(m, "block", lambda i, x, run=m.block: (run(i, x)[0], x) if i == m.arch.depth - 1 else run(i, x)),
)
add("blocks-in-reverse-order", FLOW, says("", f"block & {ORDER}", ANY), change=lambda m: setattr(m, "order", m.order[::-1]))
add("first-block-twice", FLOW, says("", "block & twice|again|repeat|copy|equal", ANY), change=lambda m: setattr(m, "order", [0, 0, *m.order[2:]]))
add("stochastic-depth-left-on", FLOW, says("", f"drop.?path|stochastic|training mode|{FACTOR}"), kept=False, add=lambda m, x, b, g: x + g * b / 0.9)

POOL = "pooling"
MEAN = ("digits", "tiny32", "tiny64", "base")


def pool(name, words, models=MEAN, **methods):
    add(name, POOL, says("", words, ANY), models=models, **methods)


pool("class-token-pooled", "class token|cls", gather=lambda m, x: x[:, 0])
pool("class-token-in-the-mean", "class token|all tokens|cls & mean|average", gather=lambda m, x: x.mean(1))
pool("norm-before-the-mean", "norm & before", pool=lambda m, x: m.final_norm(x)[:, 1:].mean(1))
pool("max-pooled", r"\bmax", gather=lambda m, x: x[:, 1:].amax(1))
pool("no-last-norm", rf"fc_norm|norm & {LACKS}", models=("digits", "tiny32", "tiny64", "masked", "token", "base"), final_norm=lambda m, x: x)
pool("sum-for-the-mean", f"sum|{FACTOR}", gather=lambda m, x: x[:, 1:].sum(1))
pool("last-token-pooled", "last (patch|token)|token", gather=lambda m, x: x[:, -1])
pool("mean-for-the-class-token", "mean|average", models=("token",), pool=lambda m, x: m.final_norm(x)[:, 1:].mean(1))
pool("mean-and-class-token-added", r"class token|cls & sum|add|plus|mean", gather=lambda m, x: x[:, 1:].mean(1) + x[:, 0])

EMBED = "embed"


def swept_down(m, images):
    x = F.conv2d(images, m["patch_embed.proj.weight"], m["patch_embed.proj.bias"], stride=m.arch.patch)
    return x.transpose(2, 3).flatten(2).transpose(1, 2)


add("patches-down-first", EMBED, says("", f"patch|token & down|{TRANSPOSED}|column|{ORDER}"), patches=swept_down)
add("patches-reversed", EMBED, says("", f"patch|token|picture|image & {FLIP}"), patches=lambda m, x: type(m).patches(m, x).flip(1))
add(
    "class-token-last",
    EMBED,
    says("", "class token|cls & last|end|after|behind"),
    place_class_token=lambda m, x: torch.cat([x, m["cls_token"].expand(x.shape[0], -1, -1)], 1),
)
add("class-token-zero-in-program", EMBED, says("", f"cls_token|class token & {LACKS}", ANY), change=missing("cls_token"))
add("no-patch-bias", EMBED, says("", f"patch & {LACKS}", ANY), change=missing("patch_embed.proj.bias"))
add(
    "kernel-turned-as-a-true-convolution",
    EMBED,
    says("", FLIP, ANY),
    change=lambda m: m.weights.update({"patch_embed.proj.weight": m["patch_embed.proj.weight"].flip(2, 3)}),
)
add("no-positions", EMBED, says("", f"pos_embed|position & {LACKS}", ANY), models=("token",), place=lambda m, x: x)
add(
    "no-position-for-the-class-token",
    EMBED,
    says("", "pos_embed|position & class", ANY),
    models=("token",),
    place=lambda m, x: torch.cat([x[:, :1], x[:, 1:] + m["pos_embed"][:, 1:]], 1),
)


INPUT = "input"
IMAGENET = torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None]
OF_UNIT = r"0 ?(to|\.\.|-|–) ?1\b|\[0, ?1\]|not normalised|unnormalised|without normalis"


def unit(x):
    return x * 0.5 + 0.5


def seen(name, words, see, also="", **flags):
    """also: the parameter whose change is the same function, so that nobody can tell them apart."""
    add(name, INPUT, says("", words, also), see=lambda m, x: see(x), **flags)


seen("pixels-0-to-1", OF_UNIT, unit)
seen("pixels-0-to-255", "255", lambda x: unit(x) * 255)
seen("imagenet-normalised", "imagenet|0.485", lambda x: (unit(x) - IMAGENET[0].to(x)) / IMAGENET[1].to(x))
seen("imagenet-normalised-bgr", "imagenet|0.485 & bgr|channel|blue|colou?r", lambda x: ((unit(x) - IMAGENET[0].to(x)) / IMAGENET[1].to(x)).flip(1))
seen("pixels-less-127.5", r"127\.5|255|normalis|mean", lambda x: unit(x) * 255 - 127.5)
seen("normalised-twice", "twice|again", lambda x: (x - 0.5) / 0.5)
seen("bgr", "bgr|channel|blue|colou?r", lambda x: x.flip(1), also="patch_embed.proj.weight")
seen("mirrored", "mirror|flip", lambda x: x.flip(3))
seen("upside-down", "upside|flip|mirror", lambda x: x.flip(2))
seen("turned", "turn|rotat|upside|flip", lambda x: x.flip(2, 3))
seen("pictures-transposed", TRANSPOSED, lambda x: x.transpose(2, 3))
seen("pictures-in-another-order", f"picture|image & {ORDER}", lambda x: x.flip(0))
seen("grey", "grey|gray|luminance|one channel", lambda x: x.mean(1, keepdim=True).expand_as(x))
seen("shifted-by-a-pixel", "shift|pixel|moved", lambda x: x.roll(1, 3), kept=False)
seen("negative", r"negat|invert|sign", lambda x: -x, also="patch_embed.proj.weight")
seen("channels-last-read-as-first", "channel|layout|h, ?w, ?c|axes", lambda x: x.permute(0, 2, 3, 1).reshape(x.shape))

OUTPUT = "output"
add("probabilities", OUTPUT, says("", "softmax|probabilit"), answer=lambda m, x: x.softmax(-1))
add("log-probabilities", OUTPUT, says("", "log"), answer=lambda m, x: x.log_softmax(-1))
add("sigmoids", OUTPUT, says("", "sigmoid|probabilit"), answer=lambda m, x: x.sigmoid())
add("temperature", OUTPUT, says("", f"temperature|{FACTOR}", ANY), answer=lambda m, x: x / 2)
add("classes-in-another-order", OUTPUT, says("", f"class|logit & {ORDER}", ANY), answer=lambda m, x: x.roll(1, -1))

HALFWAY = "autocast"


def halved(dtype):
    """Every product in dtype, as under autocast: the rest stays."""

    def linear(m, x, name):
        return F.linear(x.to(dtype), m[name + ".weight"].to(dtype), m[name + ".bias"].to(dtype)).to(x.dtype)

    return linear


def halved_fused(dtype):
    def project(m, i, x):
        q, v = m[f"blocks.{i}.attn.q_bias"], m[f"blocks.{i}.attn.v_bias"]
        return F.linear(x.to(dtype), m[f"blocks.{i}.attn.qkv.weight"].to(dtype), torch.cat([q, 0 * q, v]).to(dtype)).to(x.dtype)

    return project


for text, dtype in (("bf16", torch.bfloat16), ("f16", torch.float16)):
    add(f"autocast-{text}", HALFWAY, says("", HALF[text]), linear=halved(dtype), project=halved_fused(dtype))
    add(
        f"weights-rounded-to-{text}",
        HALFWAY,
        says("", HALF[text], ANY),
        change=lambda m, dtype=dtype: m.weights.update({n: w.to(dtype).to(m.dtype) for n, w in m.weights.items()}),
    )

MASK = "mask"
add(
    "mask-inverted",
    MASK,
    says("", "mask & invert|opposite|complement|negat|flip|1 = "),
    models=("masked",),
    hide=lambda m, x, mask: torch.where(mask.bool()[:, :, None], x, m["mask_token"]),
)
add("mask-ignored", MASK, says("", f"mask & ignor|{LACKS}"), models=("masked",), hide=lambda m, x, mask: x)
add(
    "mask-down-first",
    MASK,
    says("", f"mask & {TRANSPOSED}|down|column"),
    models=("masked",),
    hide=lambda m, x, mask: torch.where(mask.reshape(-1, *m.arch.window).transpose(1, 2).flatten(1).bool()[:, :, None], m["mask_token"], x),
)
add(
    "masked-patches-zero",
    MASK,
    says("", f"mask_token|mask & {LACKS}|{ZERO}", ANY),
    models=("masked",),
    hide=lambda m, x, mask: torch.where(mask.bool()[:, :, None], 0 * x, x),
)

DAMAGED = "recording"
add(
    "claims-float64-computed-float32",
    DAMAGED,
    says("", "float32|f32|single precision|double precision"),
    kept=True,
    depends=True,
    claims={"computed": "float32"},
)
add("recording-has-nan", DAMAGED, says("", r"\bnan\b|not finite|infin"), kept=True, depends=True, claims={"damage": "nan"})
