"""Kinds of fault in segmentation models, and what a right finding says: some words of each group, after each &, and the tensors that it must list."""

import re
from dataclasses import dataclass
from types import MethodType

import torch
import torch.nn.functional as F
from kinds import FLIP, ORDER, SWAP, ZERO

KINDS = []
HARMLESS = []
OUT = rf"{ZERO}|left out|new batch norm|forg|omit|there (is|are) no|ones"


@dataclass(frozen=True)
class Kind:
    """A fault. change gets the weights, or for a program the program; kept says whether the information is still there."""

    name: str
    words: str
    change: object
    need: tuple = ()
    kept: bool = True
    program: bool = False
    # modes are those in which it can be seen; () means all.
    modes: tuple = ()

    def named(self, finding):
        text = " ".join([finding["hypothesis"], finding["sentence"], finding.get("advice", ""), *finding["repair"]]).lower()
        return all(re.search(group, text) for group in self.words.split(" & ")) and all(n in finding["tensors"] or n in text for n in self.need)


def program(name, words, change=None, **more):
    """more are methods or attributes in place of those of the program."""

    def planted(p, generator):
        if change:
            change(p)
        for what, value in more.items():
            if not hasattr(p, what):
                raise AttributeError(what)
            setattr(p, what, MethodType(value, p) if callable(value) else value)

    KINDS.append(Kind(name, words, planted, program=True))


def checkpoint(name, words, change, *need, kept=True, modes=()):
    KINDS.append(Kind(name, words, change, need, kept, modes=modes))


def on(names, change):
    def planted(w, generator):
        for name in names:
            w[name] = change(w[name]).contiguous()

    return planted


def swap(a, b, endings):
    def planted(w, generator):
        for ending in endings:
            w[a + ending], w[b + ending] = w[b + ending], w[a + ending]

    return planted


# Programs.

for name, taps in (("down-by-one", (0, 2, 3, 4)), ("down-by-two", (-1, 1, 2, 3))):
    program("taps-" + name, f"taps? & {', '.join('embed' if t < 0 else str(t) for t in taps)}", taps=list(taps))
program("taps-last-four", "taps? & 2, 3, 4, 5", taps=[2, 3, 4, 5])
program("necks-reversed", rf"taps?|neck & {ORDER}", taps=[5, 4, 3, 1])
program("necks-of-two-exchanged", rf"taps?|neck & {ORDER}", taps=[1, 4, 3, 5])
for where in (("pyramid", "sum", "fused", "full"), ("pyramid",), ("sum", "fused"), ("full",)):
    for name, words, mode in (("corners", "align_corners|corner", {"align_corners": True}), ("nearest", "nearest", {"mode": "nearest", "align_corners": None})):
        program(
            f"resize-{name}-{'-'.join(where) if len(where) < 4 else 'everywhere'}", f"resiz & {words}",
            lambda p, where=where, mode=mode: p.modes.update({w: mode for w in where}))
for scales in ((6, 3, 2, 1), (1, 2, 3, 4), (2, 1, 3, 6), (1, 3, 2, 6)):
    program(f"scales-{'-'.join(map(str, scales))}", f"scale & {' '.join(map(str, scales)) if scales[0] < 6 else 'pool'}", scales=list(scales))
program("auxiliary-head", "auxiliary", answer=lambda p, found: F.interpolate(found["auxiliary_logits"], size=found["fused"].shape[2:], mode="bilinear"))
program("probabilities", "probabilit|softmax", answer=lambda p, found: found["logits"].softmax(1))
for epsilon in (1e-3, 1e-12, 1e-6):
    program(f"batch-norm-epsilon-{epsilon:g}", "batch norm & epsilon",
            lambda p, epsilon=epsilon: [setattr(m, "eps", epsilon) for m in p.modules() if isinstance(m, torch.nn.BatchNorm2d)])
for epsilon in (1e-3, 1e-5, 1e-12):
    program(f"layer-norm-epsilon-{epsilon:g}", "layernorm|layer norm|norm & epsilon", lambda p, epsilon=epsilon: setattr(p.backbone, "epsilon", epsilon))
program("statistics-of-the-batch", "batch norm & of the (pictures|batch)|training|eval",
        lambda p: [m.train() for m in p.modules() if isinstance(m, torch.nn.BatchNorm2d)])


def without_relu(which):
    def change(p):
        modules = {"laterals": list(p.main.lateral_convs), "pyramid": [m[1] for m in p.main.psp_modules], "outputs": list(p.main.fpn_convs),
                   "merge": [p.main.fpn_bottleneck], "bottleneck": [p.main.bottleneck]}
        for m in [m for name, group in modules.items() for m in group if which in (name, "all")]:
            m.with_activation = False

    return change


for which in ("all", "laterals", "pyramid", "outputs", "merge", "bottleneck"):
    program("no-relu-" + which, rf"relu & {OUT}|without", without_relu(which))
for name, words, function in (("tanh", "tanh", torch.nn.GELU("tanh")), ("relu", "relu", torch.nn.ReLU()), ("quick", "quick|1.702", None)):
    if function is None:
        function = torch.nn.Module()
        function.forward = lambda x: x * torch.sigmoid(1.702 * x)
    program(f"activation-{name}-in-the-neck", words, lambda p, f=function: p.necks.fpn1.__setitem__(2, f))
    program(f"activation-{name}-in-the-blocks", words, lambda p, f=function: p.backbone.replace(activation=lambda m, x: f(x)))
    program(f"activation-{name}-everywhere", words, lambda p, f=function: (p.necks.fpn1.__setitem__(2, f), p.backbone.replace(activation=lambda m, x: f(x))))
program("mean-in-the-neck", "mean", shrink=lambda p, x: F.avg_pool2d(x, 2, 2))
program("largest-in-the-pyramid", "largest|max", pool=lambda p, x, scale: F.adaptive_max_pool2d(x, scale))
program("pooled-first", rf"pool & before|first|{ORDER}", in_front=lambda p, x, pooled: [*pooled, x])
program("smallest-map-first", rf"revers|smallest & {ORDER}|first", together=lambda p, maps: maps[::-1])
program("no-sums", rf"map & larger & {OUT}|no map", add=lambda p, larger, smaller: larger)
program("class-token-in-the-map", "token & class|last|first", patches=lambda p, x: x[:, :-1].transpose(1, 2).reshape(len(x), -1, 4, 4))
program("map-down-first", rf"down|column|{FLIP}", patches=lambda p, x: x[:, 1:].transpose(1, 2).reshape(len(x), -1, 4, 4).transpose(2, 3).contiguous())
program("no-layer-scale", rf"layer scale|gamma & {OUT}|1", lambda p: p.backbone.replace(gamma=lambda m, i, n: 1))
program("no-relative-bias", rf"bias|table & {OUT}", lambda p: p.backbone.replace(bias=lambda m, i: 0))
program("scale-twice", r"scal|sqrt|factor|times|1/", lambda p: p.backbone.replace(factor=lambda m: 1 / m.arch.head_dim))
MEAN, STD = (torch.tensor(v, dtype=torch.float64).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
program("imagenet-statistics", "imagenet|0.485", see=lambda p, x: ((x * 0.5 + 0.5 - MEAN) / STD).to(x.dtype))
program("bgr", "blue, green, red|bgr", see=lambda p, x: x.flip(1))
program("mirrored", "mirror|flip|left", see=lambda p, x: x.flip(3))

# Checkpoints.

NECKS = ("fpn1.0.weight", "fpn1.3.weight", "fpn2.0.weight")
for name, which in (("all", NECKS), ("fpn1.3", NECKS[1:2]), ("fpn2", NECKS[2:])):
    need = () if name == "all" else which
    checkpoint(f"neck-axes-{name}", rf"axes|transpos|{SWAP}", on(which, lambda w: w.transpose(0, 1)), *need)
    checkpoint(f"neck-turned-{name}", rf"{FLIP}|180", on(which, lambda w: w.flip(2, 3)), *need)
    checkpoint(f"neck-across-is-down-{name}", r"transpos|across", on(which, lambda w: w.transpose(2, 3)), *need)
checkpoint("neck-convolutions-exchanged", SWAP, swap("fpn1.0", "fpn1.3", (".weight", ".bias")), "fpn1.0", "fpn1.3")
CONVOLUTION, STATISTICS, AFFINE = ".conv.weight", (".running_mean", ".running_var"), (".weight", ".bias")
MODULE = (CONVOLUTION, *(".bn" + e for e in (*AFFINE, *STATISTICS)))
for a, b in (("lateral_convs.0", "lateral_convs.1"), ("lateral_convs.0", "lateral_convs.2"), ("psp_modules.0.1", "psp_modules.3.1"), ("fpn_convs.0", "fpn_convs.2")):
    one, other = "decode_head." + a, "decode_head." + b
    checkpoint(f"exchanged-{a}-{b}", SWAP, swap(one, other, MODULE), one, other)
    checkpoint(f"weights-exchanged-{a}-{b}", SWAP, swap(one, other, (CONVOLUTION,)), one, other)
    checkpoint(f"statistics-exchanged-{a}-{b}", rf"statistic|batch norm|mean & {SWAP}", swap(one + ".bn", other + ".bn", STATISTICS), one, other)
checkpoint("norms-exchanged-bottleneck-merge", SWAP, swap("decode_head.bottleneck.bn", "decode_head.fpn_bottleneck.bn", (*AFFINE, *STATISTICS)), "decode_head.bottleneck",
           "decode_head.fpn_bottleneck")


def all_norms(ending, change):
    def planted(w, generator):
        for name in [n for n in w if n.endswith(".running_mean")]:
            name = name.removesuffix(".running_mean") + ending
            w[name] = change(w[name])

    return planted


def both(one, other):
    def planted(w, generator):
        one(w, generator)
        other(w, generator)

    return planted


FRESH = both(all_norms(".running_mean", torch.zeros_like), all_norms(".running_var", torch.ones_like))
checkpoint("statistics-lost", rf"statistic|mean|varianc & {OUT}", FRESH, kept=False)
checkpoint("deviation-for-variance", "deviation|square|root", all_norms(".running_var", torch.sqrt))
for norm in ("fpn1.1", "decode_head.lateral_convs.1.bn", "decode_head.bottleneck.bn", "decode_head.fpn_bottleneck.bn"):
    checkpoint(f"mean-zero-{norm}", rf"mean & {OUT}", on([norm + ".running_mean"], torch.zeros_like), norm + ".running_mean", kept=False)
    checkpoint(f"variance-ones-{norm}", rf"var & {OUT}", on([norm + ".running_var"], torch.ones_like), norm + ".running_var", kept=False)
    checkpoint(f"weight-and-bias-exchanged-{norm}", SWAP, lambda w, generator, n=norm: swap(n + ".weight", n + ".bias", ("",))(w, generator), norm + ".weight")
HEAD = ("decode_head.conv_seg.weight", "decode_head.conv_seg.bias")
checkpoint("classes-off-by-one", rf"class & {ORDER}", on(HEAD, lambda w: w.roll(1, 0)))
checkpoint("classes-off-by-one-back", rf"class & {ORDER}", on(HEAD, lambda w: w.roll(-1, 0)))


def shuffled(w, generator):
    order = torch.randperm(len(w[HEAD[1]]), generator=generator)
    for name in HEAD:
        w[name] = w[name][order]


checkpoint("classes-shuffled", rf"class & {ORDER}", shuffled)
checkpoint("no-bias-of-the-classes", rf"bias & {OUT}", on(HEAD[1:], torch.zeros_like), kept=False)
checkpoint("heads-exchanged", rf"{SWAP}|auxiliary", swap("decode_head.conv_seg", "auxiliary_head.conv_seg", AFFINE), "decode_head.conv_seg")
for name in ("decode_head.fpn_convs.1", "decode_head.bottleneck", "decode_head.fpn_bottleneck", "auxiliary_head.convs.0"):
    modes = ("taps-f64", "taps-f32") if name.startswith("auxiliary") else ()
    checkpoint(f"turned-{name}", rf"{FLIP}|180", on([name + CONVOLUTION], lambda w: w.flip(2, 3)), name, modes=modes)
    checkpoint(f"across-is-down-{name}", r"transpos|across", on([name + CONVOLUTION], lambda w: w.transpose(2, 3)), name, modes=modes)
checkpoint("axes-of-fpn-convs", rf"axes|transpos|{SWAP}", on(["decode_head.fpn_convs.0.conv.weight"], lambda w: w.transpose(0, 1)), "decode_head.fpn_convs.0")
checkpoint("reshaped-lateral", r"reshap|transpos", on(["decode_head.lateral_convs.0.conv.weight"], lambda w: w.flatten(1).T.reshape(w.shape)), "decode_head.lateral_convs.0")
checkpoint("query-and-key-exchanged", rf"{SWAP}|q, k",
           on(["blocks.2.attn.qkv.weight"], lambda w: torch.cat([*w.chunk(3)[1::-1], w.chunk(3)[2]])), "blocks.2")
checkpoint("projection-transposed", "transpos", on(["blocks.1.attn.proj.weight"], lambda w: w.T), "blocks.1.attn.proj")
checkpoint("gammas-exchanged", SWAP, swap("blocks.3.gamma_1", "blocks.3.gamma_2", ("",)), "blocks.3.gamma_1", "blocks.3.gamma_2")
checkpoint("norm-bias-zero", rf"norm & {OUT}", on(["blocks.4.norm2.bias"], torch.zeros_like), "blocks.4.norm2.bias", kept=False)

# What changes nothing.


def harmless(name, change, modes=()):
    HARMLESS.append(Kind(name, "", change, modes=modes))


LOGITS = ("logits-f64", "logits-f32", "full-f64")


def counters(w, generator):
    for name in [n for n in w if n.endswith("num_batches_tracked")]:
        w[name] = torch.randint(0, 10**6, (), generator=generator)


def fused_shuffled(w, generator):
    order = torch.randperm(len(w["decode_head.fpn_bottleneck.bn.bias"]), generator=generator)
    for ending in MODULE:
        w["decode_head.fpn_bottleneck" + ending] = w["decode_head.fpn_bottleneck" + ending][order]
    w[HEAD[0]] = w[HEAD[0]][:, order]


def hidden_shuffled(w, generator):
    order = torch.randperm(len(w["blocks.2.mlp.fc1.bias"]), generator=generator)
    for name in ("weight", "bias"):
        w["blocks.2.mlp.fc1." + name] = w["blocks.2.mlp.fc1." + name][order]
    w["blocks.2.mlp.fc2.weight"] = w["blocks.2.mlp.fc2.weight"][:, order]


def auxiliary_drawn(w, generator):
    for name in [n for n in w if n.startswith("auxiliary_head.") and w[n].dim() > 1]:
        w[name] = torch.randn(w[name].shape, generator=generator)


harmless("other-counters", counters)
harmless("fused-channels-in-another-order", fused_shuffled, LOGITS)
harmless("hidden-units-in-another-order", hidden_shuffled)
harmless("another-auxiliary-head", auxiliary_drawn, LOGITS)
