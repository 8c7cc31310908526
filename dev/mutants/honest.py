"""Every recording of the test data beside every checkpoint of the same weights, with the epsilon of the recording: each pair must pass."""

import glob
import json
import os
import subprocess

import models
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


def rows(beitzoo):
    found = []
    for checkpoint, recording, dtype in pairs():
        _, metadata = models.recording(recording)
        command = [
            beitzoo,
            "verify",
            checkpoint,
            "--recording",
            recording,
            "--epsilon",
            metadata["epsilon"],
            "--engine",
            "native",
            "--dtype",
            dtype,
            "--json",
            "-q",
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        said = [] if done.returncode == 0 else [done.stderr.strip()[:300]]
        first = json.loads(done.stdout)["first_divergence"] if done.stdout.strip() else ""
        found.append(
            {
                "case": f"{os.path.basename(checkpoint)}/{os.path.basename(recording)}/{dtype}",
                "group": "honest",
                "family": "honest",
                "mode": "testdata",
                "model": "testdata",
                "kept": True,
                "program": False,
                "must": False,
                "ratio": 0.0,
                "nothing": True,
                "code": done.returncode,
                "found": done.returncode == 1,
                "refused": done.returncode > 1,
                "place": False,
                "named": False,
                "repaired": None,
                "equal": None,
                "extra": 0,
                "seconds": 0.0,
                "first": first,
                "stages": [],
                "said": said,
                "problem": "",
            }
        )
    return found
