"""Every recording of the test data beside every checkpoint of the same weights, with the epsilon of the recording: each pair must pass."""

import concurrent.futures
import glob
import json
import os
import random
import subprocess
from dataclasses import asdict

import models
from judge import Outcome
from models import TESTDATA

SAME = {
    "digits_p16_64": [
        "digits/digits_p16_64*.pth",
        "digits/digits_p16_64*.safetensors",
        "digits/digits_p16_64*.pdparams",
        "digits/*.statedict.bin",
        "digits/hf",
    ],
    "tiny_p16_32": ["tiny/tiny_p16_32.*"],
    "tiny_p16_64": ["tiny/tiny_p16_64.*"],
    "tiny_mim_p16_64": ["mim/tiny_mim_p16_64.*"],
}


def pairs():
    for stem, patterns in SAME.items():
        found = sorted({path for pattern in patterns for path in glob.glob(os.path.join(TESTDATA, pattern))})
        checkpoints = [path for path in found if ".recording." not in path]
        for recording in sorted(glob.glob(os.path.join(TESTDATA, "*", stem + ".*.recording.safetensors"))):
            own = os.path.basename(os.path.dirname(recording)) == "half"  # made from values in half precision, which no other file has
            half = os.path.basename(recording).split(".")[1]
            for checkpoint in checkpoints:
                if own and f".{half}." not in os.path.basename(checkpoint):
                    continue
                for dtype in ("f32", "f64", "bf16"):
                    yield checkpoint, recording, dtype


def judge(beitzoo, pair, seed):
    """The outcome of one pair, as a row of the table."""
    checkpoint, recording, dtype = pair
    _, metadata = models.recording(recording)
    options = f"--engine native --threads 1 --json -q --dtype {dtype} --epsilon {metadata['epsilon']}".split()
    done = subprocess.run([beitzoo, "verify", checkpoint, "--recording", recording, *options], capture_output=True, text=True)
    name = f"{os.path.basename(checkpoint)}/{os.path.basename(recording)}/{dtype}"
    outcome = Outcome(name, "honest", "honest", "testdata", "testdata", True, False, nothing=True, code=done.returncode, found=done.returncode == 1)
    outcome.refused, outcome.said = done.returncode > 1, [done.stderr.strip()[:300]] if done.returncode else []
    outcome.first = json.loads(done.stdout)["first_divergence"] if done.stdout.strip() else ""
    return {**asdict(outcome), "seed": seed}


def rows(beitzoo, seed, drawn=0):
    """All pairs, or so many of them drawn by the seed."""
    chosen = list(pairs())
    if 0 < drawn < len(chosen):
        chosen = random.Random(seed).sample(chosen, drawn)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda pair: judge(beitzoo, pair, seed), chosen))
