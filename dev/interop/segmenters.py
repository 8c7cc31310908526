"""Segmentation models drawn by a seed cross between all programs that have them.

Each is written under unilm's names, computed by a BEiT of the test's own (that of dev/mutants, a stand-in for unilm's, which needs mmcv 1.3) with UPerHead and FCNHead
of mmsegmentation, and converted: to transformers, whose UperNetForSemanticSegmentation loads it strictly; to OpenMMLab's names, which mmsegmentation's own BEiT,
Feature2Pyramid and heads load strictly; to PaddleSeg's, which has no package; and from each back to unilm's, with equal bits. Logits are compared in float64.
PaddleSeg has no counters of batch norms: from there they come back as zero.
"""

import argparse
import importlib
import logging
import pathlib
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import torch

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "mutants")]
import beit
from operators import NoOperators

# Float64 against float64, as a share of the largest logit.
BOUND = 1e-12
SCALES = (1, 2, 3, 6)


@dataclass(frozen=True)
class Case:
    """A drawn architecture."""

    seed: int
    patch: int
    side: int
    dim: int
    heads: int
    depth: int
    taps: tuple
    channels: int
    auxiliary: int
    classes: int

    @property
    def size(self):
        return self.side * self.patch


def draw(seed):
    r = random.Random(seed)
    heads = r.choice((1, 2, 3, 4))
    depth = r.randint(4, 9)
    return Case(
        seed, r.choice((4, 8, 16)), r.randint(2, 7), heads * r.choice((4, 8, 12)), heads, depth, tuple(sorted(r.sample(range(depth), 4))),
        r.randint(3, 24), r.choice((0, 5, 9, 16)), r.choice((2, 3, 7, 19, 150)))


def mmseg():
    """mmsegmentation's modules. Its compiled operators can't be installed and are not used."""
    sys.modules["mmcv._ext"] = NoOperators("mmcv._ext")
    logging.disable(logging.WARNING)
    try:
        return importlib.import_module("mmseg.models")
    finally:
        logging.disable(logging.NOTSET)


def heads(case, models):
    """UPerHead, and FCNHead or None."""
    norm = {"type": "BN", "requires_grad": True}
    common = dict(channels=case.channels, num_classes=case.classes, norm_cfg=norm, align_corners=False, dropout_ratio=0.1)
    main = models.decode_heads.UPerHead(in_channels=[case.dim] * 4, in_index=[0, 1, 2, 3], pool_scales=SCALES, **common)
    if not case.auxiliary:
        return main, None
    common["channels"] = case.auxiliary
    return main, models.decode_heads.FCNHead(in_channels=case.dim, in_index=2, num_convs=1, concat_input=False, **common)


class Necks(torch.nn.Module):
    """What unilm's backbone makes of tapped blocks, under its names (microsoft/unilm beit/semantic_segmentation/backbone/beit.py)."""

    def __init__(self, dim):
        super().__init__()
        deconvolution = lambda: torch.nn.ConvTranspose2d(dim, dim, 2, 2)
        self.fpn1 = torch.nn.Sequential(deconvolution(), torch.nn.BatchNorm2d(dim), torch.nn.GELU(), deconvolution())
        self.fpn2 = torch.nn.Sequential(deconvolution())

    def forward(self, maps):
        return [self.fpn1(maps[0]), self.fpn2(maps[1]), maps[2], torch.nn.functional.max_pool2d(maps[3], 2, 2)]


class Own:
    """The model under unilm's names."""

    def __init__(self, case, models):
        self.case = case
        self.arch = beit.Arch("drawn", (case.side, case.side), case.dim, case.heads, case.depth, 1, patch=case.patch)
        self.necks = Necks(case.dim)
        self.main, self.auxiliary = heads(case, models)
        generator = torch.Generator().manual_seed(case.seed)
        self.weights = {}
        for name, shape in self.arch.shapes().items():
            if not name.startswith(("head.", "fc_norm.")):
                noise = torch.randn(shape, generator=generator) * (0.4 if len(shape) == 1 else 1.5 * (shape[-1] * (shape[-2] if len(shape) > 2 else 1)) ** -0.5)
                self.weights[name] = noise + (1 if "norm" in name and name.endswith("weight") else 0)
        for _, module in self.parts():
            fill(module, generator)

    def parts(self):
        return [p for p in (("backbone.", self.necks), ("decode_head.", self.main), ("auxiliary_head.", self.auxiliary)) if p[1] is not None]

    def state(self):
        """The state dict, as unilm's files have it."""
        state = {"backbone." + name: value for name, value in self.weights.items()}
        for i in range(self.case.depth):
            state[f"backbone.blocks.{i}.attn.relative_position_index"] = beit.relative_index(self.arch.window)
        for prefix, module in self.parts():
            state |= {prefix + name: value.clone() for name, value in module.state_dict().items()}
        return state

    def logits(self, pixels):
        """Logits of the main head, and those of the auxiliary one or None, in float64."""
        program, maps, side = beit.Beit(self.arch, self.weights), [], self.case.side
        with torch.no_grad():
            x = program.embed(pixels)
            for i in range(self.case.depth):
                _, x = program.block(i, x)
                maps += [x[:, 1:].transpose(1, 2).reshape(len(x), -1, side, side)] * self.case.taps.count(i)
            features = self.necks.double().eval()(maps)
            main = self.main.double().eval()(features)
            return main, self.auxiliary.double().eval()(features) if self.auxiliary else None


def fill(module, generator):
    """Fills all parameters and statistics with noise, so that exchanged ones are noticed; counters too."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith("num_batches_tracked"):
                value.fill_(int(torch.randint(1, 10**6, (1,), generator=generator)))
                continue
            spread = 0.3 if value.dim() < 2 else value[0].numel() ** -0.5
            noise = torch.randn(value.shape, generator=generator) * spread
            if name.endswith("running_var"):
                noise = 0.5 + noise.square()
            elif value.dim() == 1 and name.endswith("weight"):
                noise += 1
            value.copy_(noise)


class Crossing:
    """The checks of one case."""

    def __init__(self, beitzoo, case, models, folder):
        self.beitzoo, self.case, self.models, self.folder = beitzoo, case, models, folder
        self.own = Own(case, models)
        self.state = self.own.state()
        self.source = folder / "model.pth"
        torch.save({"meta": {"CLASSES": [f"class {i}" for i in range(case.classes)], "PALETTE": [[i % 256, i // 256, 7] for i in range(case.classes)]},
                    "state_dict": self.state}, self.source)
        self.pixels = torch.randn(2, 3, case.size, case.size, generator=torch.Generator().manual_seed(case.seed + 1)).double()
        self.main, self.auxiliary = self.own.logits(self.pixels)

    def convert(self, source, scheme, target):
        taps = ",".join(map(str, self.case.taps))
        command = [self.beitzoo, "convert", str(source), "--to", scheme, "--taps", taps, "-o", str(target) + ("/" if target.suffix == "" else ""), "--prove", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")
        return target

    def same(self, what, got, want):
        if got.shape != want.shape:
            want = torch.nn.functional.interpolate(want, size=got.shape[2:], mode="bilinear", align_corners=False)
        off = float((got - want).abs().max() / want.abs().max())
        if not off <= BOUND:
            raise AssertionError(f"{what}: logits differ by {off:.2g} of the largest")
        return off

    def back(self, path, counts=True):
        """Converts a file back to unilm's names and compares every bit; counters are zero if the names in between have none."""
        found = torch.load(self.convert(path, "unilm", self.folder / f"back.{path.name}.pth"), weights_only=True)
        found = found.get("state_dict", found.get("model", found))
        wanted = {name: value for name, value in self.state.items() if "relative_position_index" not in name}
        found = {name: value for name, value in found.items() if "relative_position_index" not in name}
        if found.keys() != wanted.keys():
            raise AssertionError(f"{path.name} and back: {sorted(found.keys() ^ wanted.keys())}")
        for name, value in wanted.items():
            if name.endswith("num_batches_tracked") and not counts:
                value = torch.zeros_like(value)
            if found[name].dtype != value.dtype or not torch.equal(found[name], value):
                raise AssertionError(f"{path.name} and back: {name} has other bits")

    def transformers(self):
        import transformers

        transformers.utils.logging.disable_progress_bar()
        folder = self.convert(self.source, "hf", self.folder / "hf")
        model, info = transformers.UperNetForSemanticSegmentation.from_pretrained(folder, output_loading_info=True, dtype=torch.float64)
        left = {kind: sorted(map(str, names)) for kind, names in info.items() if names}
        if left:
            raise AssertionError(f"transformers does not load it strictly: {left}")
        with torch.no_grad():
            off = self.same("transformers", model.eval()(pixel_values=self.pixels).logits, self.main)
        self.back(folder)
        return off

    def openmmlab(self):
        case, path = self.case, self.convert(self.source, "openmmlab", self.folder / "openmmlab.pth")
        state = torch.load(path, weights_only=True)["state_dict"]
        whole = torch.nn.Module()
        whole.backbone = self.models.backbones.BEiT(
            img_size=(case.size, case.size), patch_size=case.patch, embed_dims=case.dim, num_layers=case.depth, num_heads=case.heads, mlp_ratio=4,
            out_indices=list(case.taps), norm_cfg={"type": "LN", "eps": 1e-6}, init_values=0.1)
        whole.neck = self.models.necks.Feature2Pyramid(case.dim, norm_cfg={"type": "BN", "requires_grad": True})
        whole.decode_head, auxiliary = heads(case, self.models)
        if auxiliary:
            whole.auxiliary_head = auxiliary
        whole.load_state_dict(state, strict=True)
        whole.double().eval()
        with torch.no_grad():
            features = whole.neck(whole.backbone(self.pixels))
            off = self.same("mmsegmentation", whole.decode_head(features), self.main)
            if auxiliary:
                off = max(off, self.same("mmsegmentation's auxiliary head", auxiliary(features), self.auxiliary))
        self.back(path)
        return off

    def paddleseg(self):
        self.back(self.convert(self.source, "paddleseg", self.folder / "paddleseg.pdparams"), counts=False)
        return 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beitzoo", required=True)
    parser.add_argument("--openmmlab", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drawn", type=int, default=50)
    parser.add_argument("--case", type=int, default=None)
    arguments = parser.parse_args()
    sys.path.append(arguments.openmmlab)
    torch.set_num_threads(1)
    models, start, failed, worst = mmseg(), time.monotonic(), 0, {}
    seeds = [arguments.case] if arguments.case is not None else range(1000 * arguments.seed, 1000 * arguments.seed + arguments.drawn)
    for seed in seeds:
        case = draw(seed)
        with tempfile.TemporaryDirectory() as folder:
            crossing = Crossing(arguments.beitzoo, case, models, pathlib.Path(folder))
            for check in (crossing.transformers, crossing.openmmlab, crossing.paddleseg):
                try:
                    worst[check.__name__] = max(worst.get(check.__name__, 0), check())
                except Exception as problem:
                    failed += 1
                    print(f"make interop-segmentation CASE={seed}  # {case}: {check.__name__}: {type(problem).__name__}: {problem}", file=sys.stderr)
    print(f"{len(seeds)} segmentation models, {failed} failures, in {time.monotonic() - start:.0f} s; logits differ by at most "
          + ", ".join(f"{off:.1g} ({name})" for name, off in worst.items() if name != "paddleseg") + " of the largest")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
