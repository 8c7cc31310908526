"""Plants faults into segmentation models and judges what verify says, as plant.py and judge.py do for classifiers."""

import os
import zlib
from dataclasses import dataclass

import torch
import upernet
import upernet_kinds
from judge import HEALTHY, Outcome
from plant import SAID, write

MODES = ("taps-f64", "taps-f32", "logits-f64", "logits-f32", "full-f64")
RIGHTS = {}
DTYPES = {"f64": torch.float64, "f32": torch.float32}


@dataclass(frozen=True)
class Case:
    """One thing to plant into the model of a seed, seen by a mode. kind is None for what is right."""

    kind: object
    mode: str
    seed: int
    group: str
    openmmlab: str
    model: str = "segmenter"

    @property
    def name(self):
        kind = "nothing" if self.kind is None else ("program." if self.kind.program else "") + self.kind.name
        return f"segmenter/{kind}/{self.mode}"

    def right(self):
        key = self.seed
        if key not in RIGHTS:
            RIGHTS[key] = upernet.Right(self.seed, self.openmmlab)
        return RIGHTS[key]

    def judge(self, judge):
        """The outcome, by the program and the folder of a Judge."""
        family = "segmentation" if self.group == "fault" else self.group
        kind, right, dtype = self.kind, self.right(), DTYPES[self.mode[-3:]]
        outcome = Outcome(self.name, self.group, family, self.mode, self.model, kind is None or kind.kept, kind is not None and kind.program)
        weights, program = {n: w.clone() for n, w in right.weights.items()}, right.program(dtype)
        generator = torch.Generator().manual_seed(zlib.crc32(self.name.encode()) + self.seed)
        if kind is not None:
            kind.change(*((program,) if kind.program else (weights,)), generator)
        run = program.run(right.images)
        touched = self.expect(outcome, right, run if kind is not None and kind.program else right.program(torch.float64, weights).run(right.images))
        checkpoint, recording = judge.planter.path("planted"), judge.planter.path("recording")
        write({("" if n.startswith(("decode_head.", "auxiliary_head.")) else "backbone.") + n: w for n, w in weights.items()}, checkpoint)
        self.record(right, run, recording)
        self.told(outcome, judge, checkpoint, recording, touched)
        return outcome

    def stages(self):
        return {"taps": upernet.STAGES, "logi": ["logits"], "full": ["logits_full"]}[self.mode[:4]]

    def expect(self, outcome, right, other):
        """Which stages are off in the run of the whole model, by more than twenty times what float32 leaves, or by 1e-10 in float64."""
        touched = []
        exact, rough = right.program().run(right.images), right.program(torch.float32).run(right.images)
        for stage in self.stages():
            far = float((other[stage].double() - exact[stage]).abs().max())
            noise = float((rough[stage].double() - exact[stage]).abs().max()) if self.mode.endswith("f32") else 5e-12 * float(exact[stage].abs().max())
            if far > 0:
                touched.append(stage)
            if far > 20 * noise:
                outcome.stages.append(stage)
                outcome.ratio = outcome.ratio or far / noise
        outcome.must, outcome.nothing = bool(outcome.stages) and self.group == "fault", self.group != "fault"
        return touched

    def record(self, right, run, path):
        wide = DTYPES[self.mode[-3:]]
        tensors = {"input": right.images.float()} | {s: run[s].to(wide) for s in self.stages()}
        write(tensors, path, {
            "format": "beitzoo.recording.v1", "task": "semantic segmentation", "framework": "PyTorch", "framework_version": torch.__version__, "epsilon": "1e-06",
            "implementation": "mmsegmentation's heads over a BEiT of its own", "dtype": SAID[self.mode[-3:]],
        })

    def told(self, outcome, judge, checkpoint, recording, touched):
        planted = Files(recording)
        document, outcome.code, outcome.seconds, complaint = judge.verify(checkpoint, planted)
        if document is None:
            outcome.refused, outcome.said, outcome.found = True, [complaint.strip()[:400]], False
            outcome.problem = f"exit {outcome.code}"
            return
        findings = [f for f in document["findings"] if f["hypothesis"] not in HEALTHY]
        outcome.found, outcome.first = outcome.code == 1, document["first_divergence"]
        outcome.said = [f"{f['stage']}: {f['sentence']}" for f in document["findings"]]
        if self.group != "fault" or not outcome.found:
            return
        upto = touched[: touched.index(outcome.stages[0]) + 1] if outcome.stages else touched
        outcome.place = outcome.first in upto or not self.mode.startswith("taps")
        outcome.named = any(self.kind.named(f) for f in findings)
        if not self.kind.program and self.kind.kept and self.mode.startswith("taps"):
            fixed = judge.planter.path("fixed")
            if os.path.exists(fixed):
                os.remove(fixed)
            judge.verify(checkpoint, planted, "--fix", "--trust-reference", "-o", fixed)
            outcome.repaired = os.path.exists(fixed) and judge.verify(fixed, planted)[1] == 0


@dataclass
class Files:
    """What Judge.verify gets."""

    recording: str
    against: str = ""
    arguments: tuple = ("--taps", ",".join(map(str, upernet.TAPS)))


def every(seed, openmmlab):
    """All faults in each mode in which they can be seen, then what is honest and what changes nothing."""
    for kind in upernet_kinds.KINDS:
        for mode in MODES:
            full_only = kind.program and kind.name.endswith("-full") and not mode.startswith(("taps", "full"))
            if (not kind.modes or mode in kind.modes) and not full_only:
                yield Case(kind, mode, seed, "fault", openmmlab)
    for kind in upernet_kinds.HARMLESS:
        for mode in kind.modes or MODES:
            yield Case(kind, mode, seed, "harmless", openmmlab)
    for mode in MODES:
        for more in range(3):
            yield Case(None, mode, seed + 1000 * more, "honest", openmmlab)
