"""What is planted where: the list of cases, in a fixed order, each with a name of its own."""

import random
import zlib
from dataclasses import dataclass

import checkpoints
import harmless
import models
import programs

TAPS = ["taps-f64", "taps-f32"]
CHECKPOINT_MODES = [*TAPS, "attn-f64", "attn-f32", "logits-f64", "logits-f32", "half-bf16", "half-f16", "bf16-checkpoint", "against"]
PROGRAM_MODES = [*TAPS, "attn-f64", "attn-f32", "logits-f64", "logits-f32", "half-bf16"]
HARMLESS_MODES = [*TAPS, "attn-f64", "attn-f32", "logits-f64", "logits-f32", "half-bf16", "against"]
HONEST_MODES = [
    *TAPS,
    "attn-f64",
    "attn-f32",
    "logits-f64",
    "logits-f32",
    "half-bf16",
    "half-f16",
    "bf16-checkpoint",
    "f16-checkpoint",
    "f64-checkpoint",
    "against",
]
PLACES = ["first", "middle", "last", "all"]


@dataclass(frozen=True)
class Case:
    """One thing to plant: kinds with where each goes, into a model, seen by a mode."""

    model: str
    faults: tuple
    mode: str
    seed: int
    group: str = "fault"

    @property
    def name(self):
        faults = "+".join(f"{'program.' if kind.program else ''}{kind.name}@{where}" for kind, where in self.faults)
        return f"{self.model}/{faults or 'nothing'}/{self.mode}"

    @property
    def draw(self):
        """A seed that is the same for the same faults in each mode."""
        return zlib.crc32(self.name.rsplit("/", 1)[0].encode()) + self.seed

    @property
    def kinds(self):
        return [kind for kind, _ in self.faults]


def blocks(arch, where):
    if where == "all":
        return list(range(arch.depth))
    return [{"first": 0, "middle": arch.depth // 2, "last": arch.depth - 1}.get(where, 0)]


def shares(kind, arch):
    """Reports whether a kind is about the table that all blocks share."""
    return arch.table == "shared" and "table" in "".join(sum((way.need for way in kind.names), ()))


def planted(arch, kind, where):
    """The blocks that a kind is planted into: a table that all blocks share is changed once, not once for each."""
    return [0] if shares(kind, arch) and kind.names[0].need == ("table",) else blocks(arch, where)


def fits(kind, model):
    return not kind.models or model in kind.models


def places(kind, model):
    arch = models.ARCHES[model]
    if kind.scope == "model":
        return ["model"]
    if shares(kind, arch):
        return ["all"]
    return [p for p in PLACES if p != "middle" or arch.depth > 2]


def every(seed):
    """All single faults, and what is honest, in each mode. The plan draws from these, and CASE chooses among them."""
    for model in models.SMALL + ["base"]:
        for kind in checkpoints.KINDS + programs.KINDS:
            if not fits(kind, model):
                continue
            for where in places(kind, model):
                for mode in PROGRAM_MODES if kind.program else CHECKPOINT_MODES:
                    yield Case(model, ((kind, where),), mode, seed)
        if model == "base":
            continue
        for kind in harmless.KINDS:
            for mode in HARMLESS_MODES:
                yield Case(model, ((kind, "model"),), mode, seed, "harmless")
        for mode in HONEST_MODES:
            for more in range(3):
                yield Case(model, (), mode, seed + 1000 * more, "honest")


# What a kind is tried in beside float64 activations in each of its places: one case for each line, where it has such a mode.
SEEN_IN = (("taps-f32",), ("attn-f64", "attn-f32"), ("logits-f64", "logits-f32"), ("half-bf16", "half-f16"), ("bf16-checkpoint",), ("against",))


def small(seed):
    """The cases on small models: each kind with activations in float64 in each of its places, and once in each other way of seeing it; the models take turns."""
    draw = random.Random(seed)
    for kind in checkpoints.KINDS + programs.KINDS:
        modes, fitting = PROGRAM_MODES if kind.program else CHECKPOINT_MODES, [m for m in models.SMALL if fits(kind, m)]
        if not fitting:
            continue
        turns = in_turn(fitting, draw)
        for number in range(len(PLACES)):
            model = next(turns)
            if number < len(found := places(kind, model)):
                yield Case(model, ((kind, found[number]),), "taps-f64", seed)
        for ways in SEEN_IN:
            if having := [m for m in ways if m in modes]:
                model = next(turns)
                yield Case(model, ((kind, draw.choice(places(kind, model))),), draw.choice(having), seed)
    yield from (c for c in every(seed) if c.group != "fault" and c.model != "base")


def in_turn(things, draw):
    """All of things in a drawn order, over and over."""
    order = draw.sample(things, len(things))
    while True:
        yield from order


def pairs(seed, count=240):
    """Two faults at once: in different blocks, in one block, and a wrong checkpoint beside a wrong program."""
    draw = random.Random(seed + 1)
    single = [k for k in checkpoints.KINDS if k.scope == "block" and "another" not in k.name and k.family not in ("absent parameter", "not finite")]
    wrong = [k for k in programs.KINDS if k.kept and not k.depends and k.family not in ("input", "recording", "mask", "autocast", "output", "residual")]
    found = set()
    while len(found) < count:
        model = draw.choice(models.SMALL)
        one, other = draw.choice(single), draw.choice(single)
        where = draw.choice([("first", "last"), ("last", "first"), ("first", "first"), ("last", "last")])
        if draw.random() < 0.2:
            other, where = draw.choice(wrong), (where[0], "model")
        clash = set(sum((w.need for w in one.names), ())) & set(sum((w.need for w in other.names), ()))
        if one.name == other.name or clash or not fits(one, model) or not fits(other, model) or "all" in (*places(one, model)[:1], *places(other, model)[:1]):
            continue
        case = Case(model, ((one, where[0]), (other, where[1])), draw.choice([*TAPS, "attn-f32", "attn-f64"]), seed, "pair")
        if case.name not in found:
            found.add(case.name)
            yield case


def base(seed, count=60):
    """Drawn ones on the base model, three quarters in checkpoints, and the right one."""
    draw = random.Random(seed + 2)
    everything = [c for c in every(seed) if c.model == "base"]
    wrong = [c for c in everything if c.kinds[0].program and c.mode in (*TAPS, "attn-f32", "logits-f32")]
    broken = [c for c in everything if not c.kinds[0].program and c.mode in (*TAPS, "attn-f32", "logits-f32", "bf16-checkpoint")]
    yield from draw.sample(broken, count * 3 // 4) + draw.sample(wrong, count - count * 3 // 4)
    yield from (Case("base", (), mode, seed, "honest") for mode in (*TAPS, "attn-f32", "attn-f64"))
