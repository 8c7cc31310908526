"""Plants one case: writes the checkpoint and the recording, and measures with its own arithmetic what should be seen at which stage."""

import dataclasses
import hashlib
import os
from dataclasses import dataclass, field

import cases
import models
import torch
from kinds import Absent, Site
from safetensors.torch import save_file

import beit

DTYPES = {"f64": torch.float64, "f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
SAID = {"f64": "float64", "f32": "float32", "bf16": "bfloat16", "f16": "float16"}
# What the rounding of a stage in float64 is in that of float32.
DOUBLE = 2.0**-29
# How many other orders of the sums are tried to see what honest rounding leaves.
ORDERS = 7


@dataclass
class Planted:
    """What verify gets, and what it should see."""

    checkpoint: str = ""
    recording: str = ""
    against: str = ""
    original: str = ""
    arguments: list = field(default_factory=list)
    # The stages that are off by more than twice what honest rounding leaves there, in order, and the ratio of the first of them.
    stages: list = field(default_factory=list)
    ratio: float = 0.0
    # True if nothing at all differs.
    nothing: bool = False


def computed_in(mode):
    return {"half-bf16": "bf16", "half-f16": "f16", "bf16-checkpoint": "f32", "f16-checkpoint": "f32", "f64-checkpoint": "f64", "against": "f64"}.get(
        mode
    ) or mode.rsplit("-", 1)[1]


def stored_in(mode):
    return {"bf16-checkpoint": torch.bfloat16, "f16-checkpoint": torch.float16, "f64-checkpoint": torch.float64}.get(mode, torch.float32)


class Planter:
    """Keeps right recordings and what honest rounding leaves, as they are the same for many cases."""

    def __init__(self, folder, cache):
        self.folder, self.cache, self.right, self.models = folder, cache, {}, {}

    def model(self, case):
        """The right model of a case, with the weights as the mode stores them."""
        key = case.model, case.seed, stored_in(case.mode) in (torch.bfloat16, torch.float16) and case.mode
        if key not in self.models:
            model = models.load(case.model, case.seed)
            if key[2]:
                model.weights = {name: w.to(stored_in(case.mode)).float() for name, w in model.weights.items()}
            self.models[key] = model
        return self.models[key]

    def rightly(self, case):
        """The stages of the right program in the dtype of the mode, and honest rounding at each: {stage: (max, rms)}."""
        model, dtype = self.model(case), computed_in(case.mode)
        if dtype != "f64" and any("computed" in dict(k.arguments) for k in case.kinds if k.program):
            raise Absent("a recording that claims float64")
        key = case.model, case.seed, stored_in(case.mode), dtype, case.mode.startswith("logits")
        if key not in self.right:
            run = self.cached(key, lambda: model.program(DTYPES[dtype]).run(model.images, model.mask))
            self.right[key] = run, self.honest(model, dtype, run, key[-1])
        return self.right[key]

    def honest(self, model, dtype, run, whole):
        """What honest rounding leaves at each stage: the most that right programs do, of which one is the usual one and others have their sums in other orders."""
        low = torch.float32 if dtype == "f64" else DTYPES[dtype]
        right = [model.program(low), *(model.shuffled(low, seed) for seed in range(ORDERS if model.name != "base" else 1))]
        each = [self.apart(model, program, model.program(), run, whole) for program in right]
        share = DOUBLE if dtype == "f64" else 1
        return {stage: tuple(share * max(far[stage][k] for far in each) for k in (0, 1)) for stage in each[0]}

    def cached(self, key, make):
        """Runs of the large model are kept between runs of this program."""
        if key[0] != "base":
            return make()
        path = os.path.join(self.cache, "-".join([*map(str, key), source()]).replace("torch.", "") + ".pt")
        if not os.path.exists(path):
            os.makedirs(self.cache, exist_ok=True)
            torch.save(make(), path + ".part")
            os.replace(path + ".part", path)
        return torch.load(path)

    def apart(self, model, one, other, run, whole, same=()):
        """How far two programs are apart at each stage that starts from what the right one has before it: {stage: (max, rms)}. With whole, at the logits
        of the whole model. The stages of same are known to be equal."""
        if whole:
            return {"logits": distance(one.run(model.images, model.mask)["logits"], other.run(model.images, model.mask)["logits"])}
        far, before = {}, model.images
        with torch.no_grad():
            for stage in model.arch.stages:
                if stage in same:
                    far |= {name: (0.0, 0.0) for name in run if name in (stage, stage + ".attn")}
                else:
                    found, wanted = (p.stage(stage, before, model.mask) for p in (one, other))
                    far |= {name: distance(found[name], wanted[name]) for name in wanted}
                before = run[stage]
        return far

    def plant(self, case, effects=True):
        model = self.model(case)
        planted = Planted()
        weights = {name: w.clone() for name, w in model.weights.items()}
        exact = case.group == "harmless"
        if model.arch.table == "none":
            planted.arguments += ["--heads", str(model.arch.heads)]
        if exact:
            weights = {name: w.double() for name, w in weights.items()}
        wrong = []
        for kind, where in case.faults:
            if kind.program:
                wrong.append(kind)
                continue
            generator = torch.Generator().manual_seed(case.draw % 2**31)
            for block in cases.planted(model.arch, kind, where):
                kind.change(Site(model.arch, weights, block, generator))
            planted.arguments += [a.format(heads=model.arch.heads, window="x".join(map(str, model.arch.window))) for a in kind.arguments]
        if exact and computed_in(case.mode) != "f64":
            weights = {name: w.float() if w.is_floating_point() else w for name, w in weights.items()}
        stored = weights if exact else {name: w.to(stored_in(case.mode)) for name, w in weights.items()}
        planted.checkpoint, planted.original = self.path("planted"), self.path("original")
        write(stored, planted.checkpoint)
        run, honest = self.rightly(case)
        if case.mode == "against":
            planted.against = planted.original
            write(model.weights, planted.original)
        else:
            planted.recording = self.record(case, model, wrong, run)
        if effects and case.group in ("fault", "pair"):
            self.expect(case, planted, model, weights if not wrong or len(case.faults) > 1 else model.weights, stored, wrong, run, honest)
        return planted

    def expect(self, case, planted, model, weights, stored, wrong, run, honest):
        """Fills in what should be seen."""
        arch, filled = model.arch, completed(model.arch, {name: w.double() for name, w in stored.items()})
        if "fc_norm.weight" in model.weights and "norm.weight" in weights:
            arch = dataclasses.replace(arch, pooling="token")
        faulty, right = models.Beit(arch, filled), model.program()
        for kind in wrong:
            kind.change(right)
        whole = case.mode.startswith("logits")
        same = () if wrong or arch.table == "shared" else untouched(model, filled)
        with torch.no_grad():
            far = self.apart(model, faulty, right, run, whole, same)
        planted.nothing = all(most == 0 for most, _ in far.values())
        if case.mode == "against":
            # Other pictures are run there, on which more may show.
            planted.nothing = all(torch.equal(filled[name].double(), w.double()) for name, w in model.weights.items() if name in filled)
        if any(k.depends for k in case.kinds):
            damaged = any(dict(k.arguments).get("damage") for k in case.kinds)
            planted.nothing, planted.stages, planted.ratio = False, [self.damaged(model, whole) if damaged else "logits" if whole else "embed"], float("inf")
            return
        recorded = [s for s in far if "attn" in case.mode or not s.endswith(".attn")]
        for stage in recorded:
            ratio = max(over(a, b) for a, b in zip(far[stage], honest[stage]))
            if ratio > 2:
                planted.stages.append(stage)
                planted.ratio = planted.ratio or ratio

    def damaged(self, model, whole):
        """The stage of a damaged recording that holds NaN."""
        return "logits" if whole else model.arch.stages[len(model.arch.stages) // 2]

    def record(self, case, model, wrong, run):
        dtype = computed_in(case.mode)
        claims = {"epsilon": "1e-06", "dtype": SAID[dtype]}
        damage = None
        if wrong:
            for kind in wrong:
                said = dict(kind.arguments)
                if "epsilon" in said:
                    del claims["epsilon"]
                damage = said.get("damage")
                dtype = "f32" if said.get("computed") and dtype == "f64" else dtype
            program = model.program(DTYPES[dtype])
            torch.manual_seed(case.draw % 2**31)
            for kind in wrong:
                kind.change(program)
            run = program.run(model.images, model.mask)
        kept = ["logits"] if case.mode.startswith("logits") else [s for s in run if "attn" in case.mode or not s.endswith(".attn")]
        wide = torch.float64 if computed_in(case.mode) == "f64" else torch.float32
        tensors = {"input": model.images.float()} | {stage: run[stage].to(wide) for stage in kept}
        if damage:
            stage = self.damaged(model, len(kept) == 1)
            tensors[stage] = tensors[stage].clone()
            tensors[stage].view(-1)[7] = float("nan")
        if model.mask is not None:
            tensors["mask"] = model.mask
        metadata = {
            "format": "beitzoo.recording.v1",
            "architecture": model.arch.name,
            "framework": "PyTorch",
            "framework_version": torch.__version__,
            "implementation": "a BEiT of its own",
            **claims,
        }
        write(tensors, path := self.path("recording"), metadata)
        return path

    def path(self, name):
        return os.path.join(self.folder, name + ".safetensors")


def source():
    """Changes with what a cached run depends on."""
    digest = hashlib.sha256()
    for module in (beit, models):
        with open(module.__file__, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()[:12]


def untouched(model, weights):
    """The blocks whose parameters are all as they were."""
    changed = {name.split(".")[1] for name, w in weights.items() if name.startswith("blocks.") and not torch.equal(w, model.weights[name].double())}
    return [f"blocks.{i}" for i in range(model.arch.depth) if str(i) not in changed]


def write(tensors, path, metadata=None):
    """A safetensors file; each tensor gets bytes of its own."""
    save_file({name: t.contiguous().clone() for name, t in tensors.items()}, path, metadata)


def completed(arch, weights):
    """The weights with what is absent as if it were not there: no bias, no scale."""
    filled = dict(weights)
    for name, shape in arch.shapes().items():
        if name not in filled:
            neutral = torch.ones if name.endswith(("gamma_1", "gamma_2")) or ("norm" in name and name.endswith("weight")) else torch.zeros
            filled[name] = neutral(shape, dtype=torch.float64)
    return filled


def distance(a, b):
    d = a.double() - b.double()
    return (float("inf"), float("inf")) if not bool(d.isfinite().all()) else (float(d.abs().max()), float(d.square().mean().sqrt()))


def over(a, b):
    return a / b if b > 0 else (float("inf") if a > 0 else 0.0)


def at_block(stage):
    return int(stage.split(".")[1]) if stage.startswith("blocks.") else None
