"""A segmentation model as a program: mmsegmentation's own heads over the BEiT of this folder, step by step, so that a wrong program is this one with a step replaced."""

import os
import sys

import torch
import torch.nn.functional as F
from models import drawn, pictures

from beit import Arch, Beit

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
import segmenters

ARCH = Arch("segmenter", (4, 4), 32, 2, 6, 1)
TAPS, CHANNELS, CLASSES = (1, 3, 4, 5), 20, 9
PREFIXES = ("", "decode_head.", "auxiliary_head.")
STAGES = [
    "embed",
    *(f"blocks.{i}" for i in range(ARCH.depth)),
    *(f"features.{i}" for i in range(4)),
    *(f"laterals.{i}" for i in range(3)),
    "pyramid",
    "fused",
    "logits",
    "logits_full",
    "auxiliary_logits",
]


def openmmlab(folder):
    """mmsegmentation's classes, which live in a folder of their own."""
    if folder not in sys.path:
        sys.path.append(folder)
    return segmenters.mmseg()


class Segmenter:
    """One model with its weights. Every method and attribute may be replaced by that of a wrong program."""

    def __init__(self, backbone, necks, main, auxiliary, dtype=torch.float64):
        self.backbone = Beit(ARCH, backbone, dtype=dtype)
        self.necks, self.main, self.auxiliary = (m.to(dtype).eval() for m in (necks, main, auxiliary))
        self.taps, self.scales, self.dtype = list(TAPS), [1, 2, 3, 6], dtype
        self.modes = {"pyramid": {}, "sum": {}, "fused": {}, "full": {}}

    def modules(self):
        return [m for part in (self.necks, self.main, self.auxiliary) for m in part.modules()]

    def resize(self, where, x, size):
        mode = {"mode": "bilinear", "align_corners": False, **self.modes[where]}
        return F.interpolate(x, size=size, **{k: v for k, v in mode.items() if v is not None})

    def see(self, images):
        return images

    def patches(self, tokens):
        return tokens[:, 1:].transpose(1, 2).reshape(len(tokens), -1, *ARCH.window)

    def shrink(self, x):
        return F.max_pool2d(x, 2, 2)

    def pool(self, x, scale):
        return F.adaptive_avg_pool2d(x, scale)

    def in_front(self, x, pooled):
        return [x, *pooled]

    def together(self, maps):
        return maps

    def add(self, larger, smaller):
        return larger + self.resize("sum", smaller, larger.shape[2:])

    def answer(self, found):
        return found["logits"]

    def run(self, images):
        """Every stage, by name."""
        with torch.no_grad():
            return self.compute(self.see(images.to(self.dtype)))

    def compute(self, images):
        found = {"embed": self.backbone.embed(images)}
        x, streams = found["embed"], []
        for i in range(ARCH.depth):
            _, x = self.backbone.block(self.backbone.order[i], x)
            found[f"blocks.{i}"] = x
            streams.append(x)
        maps = [self.patches(found["embed"] if t < 0 else streams[t]) for t in self.taps]
        features = [self.necks.fpn1(maps[0]), self.necks.fpn2(maps[1]), maps[2], self.shrink(maps[3])]
        found |= {f"features.{i}": f for i, f in enumerate(features)}
        laterals = [convolution(x) for convolution, x in zip(self.main.lateral_convs, features)]
        found |= {f"laterals.{i}": f for i, f in enumerate(laterals)}
        pooled = [self.resize("pyramid", p[1](self.pool(features[3], scale)), features[3].shape[2:]) for p, scale in zip(self.main.psp_modules, self.scales)]
        laterals.append(self.main.bottleneck(torch.cat(self.in_front(features[3], pooled), 1)))
        found["pyramid"] = laterals[3]
        for i in (3, 2, 1):
            laterals[i - 1] = self.add(laterals[i - 1], laterals[i])
        outputs = [convolution(x) for convolution, x in zip(self.main.fpn_convs, laterals)] + laterals[3:]
        outputs = [self.resize("fused", x, outputs[0].shape[2:]) for x in outputs]
        found["fused"] = self.main.fpn_bottleneck(torch.cat(self.together(outputs), 1))
        found["auxiliary_logits"] = self.auxiliary.conv_seg(self.auxiliary.convs[0](features[2]))
        found["logits"] = self.main.conv_seg(found["fused"])
        found["logits"] = self.answer(found)
        found["logits_full"] = self.resize("full", found["logits"], images.shape[2:])
        return found


class Right:
    """The right model of a seed, and its pictures."""

    def __init__(self, seed, folder):
        self.models = openmmlab(folder)
        generator = torch.Generator().manual_seed(seed * 100 + 77)
        self.images = pictures(ARCH, 3, generator)
        self.case = segmenters.Case(seed, 16, 4, ARCH.dim, ARCH.heads, ARCH.depth, TAPS, CHANNELS, CHANNELS, CLASSES)
        self.weights = {n: w for n, w in drawn(ARCH, seed * 100 + 9).items() if not n.startswith(("head.", "fc_norm."))}
        self.backbone = list(self.weights)
        for prefix, module in zip(PREFIXES, self.modules()):
            segmenters.fill(module, generator)
            self.weights |= {prefix + n: w.clone() for n, w in module.state_dict().items()}

    def modules(self):
        return segmenters.Necks(ARCH.dim), *segmenters.heads(self.case, self.models)

    def program(self, dtype=torch.float64, weights=None):
        weights, modules = weights or self.weights, self.modules()
        for prefix, module in zip(PREFIXES, modules):
            module.load_state_dict({n: weights[prefix + n] for n in module.state_dict()}, strict=True)
        return Segmenter({n: weights[n] for n in self.backbone}, *modules, dtype)

    def beside(self):
        """How far this program is from mmsegmentation's heads themselves, as a share of the largest logit."""
        program = self.program()
        found = program.run(self.images)
        features = [found[f"features.{i}"] for i in range(4)]
        with torch.no_grad():
            pairs = ((found["logits"], program.main(features)), (found["auxiliary_logits"], program.auxiliary(features)))
        return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)
