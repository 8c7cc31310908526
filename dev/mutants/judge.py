"""Runs verify on what was planted, and says what it found: found, in the right place, rightly named, repaired."""

import json
import os
import re
import subprocess
import time
from dataclasses import asdict, dataclass, field

import cases
from kinds import EVERY, Absent
from plant import at_block, write

HEALTHY = ("healthy",)


@dataclass
class Outcome:
    """One line of the results."""

    case: str
    group: str
    family: str
    mode: str
    model: str
    kept: bool
    program: bool
    # must: what is planted exceeds twice the honest rounding. ratio says by how much.
    must: bool = False
    ratio: float = 0.0
    nothing: bool = False
    code: int = 0
    found: bool = False
    refused: bool = False
    place: bool = False
    named: bool = False
    # None where nothing can be repaired.
    repaired: bool = None
    equal: bool = None
    extra: int = 0
    seconds: float = 0.0
    first: str = ""
    stages: list = field(default_factory=list)
    said: list = field(default_factory=list)
    problem: str = ""


class Judge:
    """beitzoo is the program; fixes says whether its verify can repair."""

    def __init__(self, beitzoo, planter, threads=1):
        self.beitzoo, self.planter, self.threads = beitzoo, planter, threads
        self.fixes = "--fix" in subprocess.run([beitzoo, "verify", "--help"], capture_output=True, text=True).stdout

    def judge(self, case):
        """The outcome of a case, or None if the model has nothing that this could be planted into."""
        outcome = Outcome(
            case.name,
            case.group,
            family(case),
            case.mode,
            case.model,
            all(k.kept for k in case.kinds),
            any(k.program for k in case.kinds),
        )
        try:
            planted = self.planter.plant(case)
        except Absent:
            return None
        outcome.ratio, outcome.nothing, outcome.stages = min(planted.ratio, 1e300), planted.nothing, planted.stages
        outcome.must = bool(planted.stages)
        document, outcome.code, outcome.seconds, complaint = self.verify(planted.checkpoint, planted)
        if document is None:
            self.complained(case, outcome, complaint)
            return outcome
        findings = [f for f in document["findings"] if f["hypothesis"] not in HEALTHY]
        outcome.found = outcome.code == 1
        outcome.first = document["first_divergence"]
        outcome.said = [f"{f['stage']}: {f['sentence']}" for f in document["findings"]]
        if not outcome.found and any("computed" in dict(k.arguments) for k in case.kinds if k.program):
            # The model is right, and only the recording is not what it says: that is a remark.
            remarks = " ".join(r["sentence"] for r in document["remarks"])
            outcome.found = outcome.place = outcome.named = re.search("says float64, but .*float32", remarks) is not None
            return outcome
        if case.group in ("fault", "pair") and outcome.found:
            self.place(case, outcome, findings)
            outcome.named = self.named(case, outcome, findings)
            self.repair(case, outcome, planted)
        return outcome

    def command(self, checkpoint, planted, *more):
        reference = ["--against", planted.against] if planted.against else ["--recording", planted.recording]
        return [self.beitzoo, "verify", checkpoint, *reference, *planted.arguments, "--engine", "native", "--threads", str(self.threads), "--json", "-q", *more]

    def verify(self, checkpoint, planted, *more):
        start = time.monotonic()
        done = subprocess.run(self.command(checkpoint, planted, *more), capture_output=True, text=True, timeout=600)
        seconds = time.monotonic() - start
        try:
            return json.loads(done.stdout), done.returncode, seconds, done.stderr
        except json.JSONDecodeError:
            return None, done.returncode, seconds, done.stderr

    def complained(self, case, outcome, complaint):
        """verify printed no result: it refused the file, or it crashed."""
        outcome.refused, outcome.said = True, [complaint.strip()[:400]]
        if outcome.code not in (3, 4, 5):
            outcome.problem = f"exit {outcome.code}"
            return
        outcome.found = outcome.place = case.group in ("fault", "pair")
        finding = {"hypothesis": "", "sentence": complaint, "advice": "", "repair": [], "tensors": [], "stage": "model", "stages": []}
        outcome.named = self.named(case, outcome, [finding])

    def place(self, case, outcome, findings):
        right = {"model"} | set(outcome.stages) | {s + ".attn" for s in outcome.stages if at_block(s) is not None and "attn" not in outcome.mode}
        right |= {s.removesuffix(".attn") for s in outcome.stages}
        first = findings[0]["stage"] if findings else outcome.first
        if outcome.mode.startswith("logits") or outcome.mode == "against" and not outcome.stages:
            outcome.place = True
        elif case.group == "pair":
            wanted = {s.removesuffix(".attn") for s in outcome.stages}
            told = {s for f in findings for s in (f["stage"], *f["stages"])}
            outcome.place = {s.removesuffix(".attn") for s in told} >= wanted or "model" in told
        else:
            wanted = outcome.stages[0].removesuffix(".attn") if outcome.stages else first
            outcome.place = (
                first == "model"
                or first in right
                and (first.removesuffix(".attn") == wanted or findings != [] and outcome.first.removesuffix(".attn") == wanted)
            )
        outcome.extra = sum(f["stage"] not in right for f in findings)

    def named(self, case, outcome, findings):
        return all(self.names(case, outcome, findings, kind, where) for kind, where in case.faults)

    def names(self, case, outcome, findings, kind, where):
        """Reports whether each block that is visibly wrong has its finding; for a program, and for what concerns the whole model, one of them."""
        arch = self.planter.model(case).arch
        seen = {at_block(s) for s in outcome.stages} - {None}
        blocks = [b for b in cases.blocks(arch, where) if b in seen] or cases.blocks(arch, where)
        if kind.program or kind.scope == "model":
            return any(kind.named(f, arch, b) for f in findings for b in range(arch.depth))
        return all(any(kind.named(f, arch, b) and concerns(f, arch, b, kind) for f in findings) for b in blocks)

    def repair(self, case, outcome, planted):
        """Repairs with --fix what keeps its information, and verifies what that wrote. What was computed and stored in float32 verifies to float32's rounding
        beside a float64 recording, and verify says so: a file can't hold more."""
        if not self.fixes or outcome.program or not outcome.kept or not case.mode.startswith(("taps", "attn")):
            return
        fixed = self.planter.path("fixed")
        if os.path.exists(fixed):
            os.remove(fixed)
        self.verify(planted.checkpoint, planted, "--fix", "--trust-reference", "-o", fixed)
        outcome.repaired = os.path.exists(fixed) and self.verify(fixed, planted)[1] == 0
        if outcome.repaired and all(k.permutes for k in case.kinds):
            write(self.planter.model(case).weights, planted.original)
            outcome.equal = subprocess.run([self.beitzoo, "diff", fixed, planted.original, *planted.arguments, "-q"], capture_output=True).returncode == 0


def family(case):
    if case.group != "pair":
        return case.kinds[0].family if case.group == "fault" else case.group
    if any(kind.program for kind in case.kinds):
        return "two faults, one of the program"
    return "two faults in one block" if case.faults[0][1] == case.faults[1][1] else "two faults in two blocks"


def concerns(finding, arch, block, kind):
    """Reports whether a finding is about this block: by its stage, its tensors, or because it says that it is about all."""
    if finding["stage"] == f"blocks.{block}" or finding["stage"] == f"blocks.{block}.attn":
        return True
    if any(name.startswith(f"blocks.{block}.") for name in finding["tensors"]) or any(name.startswith("rel_pos_bias") for name in finding["tensors"]):
        return True
    if re.search(rf"blocks\.{block}\b", finding["sentence"]):
        return True
    return not finding["tensors"] and (finding["stage"] == "model" or re.search(EVERY, finding["sentence"].lower()) is not None)


def row(outcome):
    return asdict(outcome)
