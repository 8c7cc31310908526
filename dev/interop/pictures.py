#!/usr/bin/env python3
"""Compares what beitzoo makes of pictures with what Pillow, timm, transformers and unilm make of them, bit for bit.

First JPEG files drawn by a seed: the RGB samples must be those of Pillow's convert("RGB"). Then pictures of all kinds (see kinds.py): the input tensors of
each program's own transforms must be equal, and its samples where the picture is larger than that."""

import argparse
import hashlib
import io
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

import numpy
import timm.data
import torch
import transformers
from PIL import Image
from torchvision import transforms

import jpegs
import kinds

HERE = pathlib.Path(__file__).resolve().parent
PHOTOGRAPHS = [Image.open(HERE.parent.parent / "testdata" / "preprocess" / name).convert("RGB") for name in ("chelsea.png", "coffee.png", "rocket.jpg")]
Image.MAX_IMAGE_PIXELS = None


def digest(array):
    return hashlib.sha256(numpy.ascontiguousarray(array).tobytes()).hexdigest()


def pillow(data):
    """What Pillow reads of a file, or None if it refuses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Image.open(io.BytesIO(data)).convert("RGB")
        except Exception as refusal:  # Pillow has many kinds of them
            return None if not isinstance(refusal, MemoryError) else sys.exit(str(refusal))


class Beitzoo:
    """The program that tells what beitzoo makes of files."""

    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)

    def look(self, files, recipes):
        """What it says of each file, {name: data}, by name."""
        for name, data in files.items():
            (self.folder / name).write_bytes(data)
        lines = subprocess.run(
            [self.program, "-recipes", json.dumps(recipes), *(str(self.folder / name) for name in files)], check=True, capture_output=True, text=True).stdout
        answers = [json.loads(line) for line in lines.splitlines()]
        return {pathlib.Path(answer["file"]).name: answer for answer in answers}


class Score:
    """Counts, and keeps the files that fail."""

    def __init__(self, folder, case):
        self.folder, self.case, self.failures, self.compared = folder, case, 0, 0

    def fail(self, name, data, what):
        self.failures += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(data)
        print(f"FAIL {name} {what}; kept in {self.folder}")

    def rgb(self, name, data, want, answer, what):
        """Compares samples; returns whether both programs read the file."""
        if want is None or "error" in answer:
            if (want is None) != ("error" in answer):
                self.fail(name, data, f"{what}: Pillow {'refuses' if want is None else 'reads'} it, beitzoo says {answer.get('error', 'nothing')}")
            return False
        if digest(numpy.asarray(want)) != answer["rgb"]:
            self.fail(name, data, f"{what}: other samples")
        self.compared += 1
        return True


def check_jpegs(beitzoo, score, seed, count):
    files, about = {}, {}
    for i in range(count):
        data, what = jpegs.jpeg(random.Random(f"{seed} jpeg {i}"), PHOTOGRAPHS)
        name = f"jpeg-{seed}-{i}.jpg"
        if not score.case or score.case in name:
            files[name], about[name] = data, what
    if not files:
        return
    answers = beitzoo.look(files, {})
    for name, data in files.items():
        score.rgb(name, data, pillow(data), answers[name], about[name])
    print(f"{len(files)} drawn JPEG files, seed {seed}: RGB of {score.compared} equal to Pillow {Image.__version__}'s but for the failures above" if score.failures else
          f"{len(files)} drawn JPEG files, seed {seed}: RGB equal to Pillow {Image.__version__}'s")


def check_kinds(beitzoo, score, seed, recipes):
    files = {}
    for name, data in kinds.all_kinds(random.Random(f"{seed} kinds"), PHOTOGRAPHS):
        if not score.case or score.case in name:
            files[f"{seed}-{name}"] = data
    answers = beitzoo.look(files, {})
    before = score.compared
    refused = 0
    for name, data in files.items():
        want = pillow(data)
        refused += want is None
        score.rgb(name, data, want, answers[name], "")
    print(f"{len(files)} pictures of all kinds, seed {seed}: RGB of {score.compared - before} compared, {refused} refused by Pillow")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", required=True, help="the program of dev/pictures")
    parser.add_argument("--unilm", help="a checkout of microsoft/unilm, whose own transforms are then used")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--jpegs", type=int, default=500, help="how many JPEG files are drawn")
    parser.add_argument("--case", default="", help="only files with this in their name")
    parser.add_argument("--keep", default="out/pictures", help="where files that fail are kept")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        beitzoo, score = Beitzoo(a.pictures, folder), Score(pathlib.Path(a.keep), a.case)
        check_jpegs(beitzoo, score, a.seed, a.jpegs)
        check_kinds(beitzoo, score, a.seed, {})
    if score.failures:
        sys.exit(f"{score.failures} failures; CASE=NAME checks one of them")


if __name__ == "__main__":
    main()
