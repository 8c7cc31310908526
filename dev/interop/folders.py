#!/usr/bin/env python3
"""Compares the data sets that beitzoo evaluates with what torchvision and timm make of the same folders, and the accuracy on some of the classes with torch's.

Class folders are drawn by a seed: named by WordNet ids or numbers, some of them links, with images deeper inside, endings in any case, and files that are no
images. Each image has to have the class that torchvision's ImageFolder gives to its folder, and that timm's reader gives to the image with a class map. Then
classes of the digits are drawn: top-1, top-5 and loss have to be those that torch computes from PASSL's logits, over all classes and over the drawn ones."""

import argparse
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile

import safetensors.torch
import timm
import torch
from timm.data.readers import create_reader
from torchvision.datasets import ImageFolder

from check import Beitzoo

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EMBEDDED = ROOT / "manifests" / "embedded"
IMAGES = sorted((EMBEDDED / "images").glob("*/*.png"))
IDS = pathlib.Path(timm.__file__).parent / "data" / "_info" / "imagenet_synsets.txt"
ENDINGS = [".png", ".PNG", ".jpg", ".JPEG", ".Jpg", ".jpeg", ".bmp", ".webp"]


def plant(r, folder):
    """Draws class folders, and returns their folder and the right logit of each class."""
    root, store = folder / "data", folder / "elsewhere"
    root.mkdir(), store.mkdir()
    ids = IDS.read_text().split()
    classes = {name: ids.index(name) for name in r.sample(ids, r.randint(2, 9))} if r.random() < 0.5 else {str(i): i for i in r.sample(range(1000), r.randint(2, 9))}
    for name in classes:
        where = root / name
        if r.random() < 0.3:
            where = store / name
            os.symlink(where, root / name)
        where.mkdir()
        for k in range(r.randint(1, 4)):
            below = where
            for _ in range(r.choice([0, 0, 1, 2])):
                below = below / r.choice(["a", "b b", "ü"])
                below.mkdir(exist_ok=True)
            target = below / f"{k}{r.choice(['', ' x', '.y'])}{r.choice(ENDINGS)}"
            if r.random() < 0.2:
                shutil.copy(r.choice(IMAGES), store / f"{name}-{k}")
                os.symlink(store / f"{name}-{k}", target)
            else:
                shutil.copy(r.choice(IMAGES), target)
            if r.random() < 0.3:
                (below / "README.txt").write_text("words")
            if r.random() < 0.3:
                (below / ".DS_Store").write_bytes(b"\0")
    if r.random() < 0.3:
        (root / "notes.md").write_text("words")
    return root, classes


def check_folders(beitzoo, model, seed, folder):
    root, classes = plant(random.Random(seed), folder)
    predictions = folder / "predictions.jsonl"
    beitzoo("eval", model, root, "--predictions", predictions, "--quiet")
    records = [json.loads(line) for line in predictions.read_text().splitlines()]
    got = sorted((record["image"], record["class"]) for record in records if "image" in record)
    data = ImageFolder(root)
    want = sorted((os.path.relpath(path, root), classes[data.classes[i]]) for path, i in data.samples)
    if got != want:
        raise AssertionError(f"seed {seed}: torchvision has other images or classes: {sorted(set(got) ^ set(want))[:4]}")
    endings = (".png", ".jpg", ".jpeg")  # what timm takes for images
    (folder / "map.txt").write_text(IDS.read_text() if any(name.startswith("n") for name in classes) else "".join(f"{i}\n" for i in range(1000)))
    flat = [(name, index) for name, index in got if name.count("/") == 1 and name.lower().endswith(endings)]  # deeper folders are classes of their own
    try:
        reader = create_reader("", str(root), class_map=str(folder / "map.txt"))
        timms = sorted((os.path.relpath(path, root), index) for path, index in reader.samples)
    except RuntimeError as refusal:  # of folders in which all images lie deeper, or are of other kinds
        if flat or "Found 0 images" not in str(refusal):
            raise
        timms = []
    if flat != [s for s in timms if s[0].count("/") == 1]:
        raise AssertionError(f"seed {seed}: timm has other images or classes: {sorted(set(flat) ^ set(timms))[:4]}")
    return len(got)


def check_subset(beitzoo, seed, folder):
    """Some of the digits, scored over all ten classes and over these."""
    r = random.Random(f"{seed} subset")
    chosen = sorted(r.sample(range(10), r.randint(2, 9)))
    for digit in chosen:
        os.symlink(EMBEDDED / "images" / str(digit), folder / str(digit))
    logits = safetensors.torch.load_file(EMBEDDED / "digits_p16_64.passl.all-images.logits.safetensors")["logits"].double()
    right = torch.tensor([int(path.parent.name) for path in sorted(IMAGES, key=lambda path: path.name)])
    rows = torch.isin(right, torch.tensor(chosen))
    for among, columns in (("all", list(range(10))), ("data", chosen)):
        scores = logits[rows][:, columns]
        target = torch.tensor([columns.index(int(digit)) for digit in right[rows]])
        hits = scores.topk(min(5, len(columns))).indices == target[:, None]
        want = {"images": len(target), "top1_correct": int(hits[:, :1].sum()), "top5_correct": int(hits.any(1).sum())}
        got = json.loads(beitzoo("eval", "digits_p16_64", folder, "--among", among, "--json", "--quiet"))
        if {key: got[key] for key in want} != want:
            raise AssertionError(f"seed {seed}: digits {chosen} among {among}: {want} by torch, {({key: got[key] for key in want})}")
        loss = float(torch.nn.functional.cross_entropy(scores, target))
        if abs(got["loss"] - loss) > 1e-4 * max(1, loss):
            raise AssertionError(f"seed {seed}: digits {chosen} among {among}: loss {loss} by torch, {got['loss']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beitzoo", required=True)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--drawn", type=int, default=40, help="how many data sets, and subsets of classes, are drawn")
    parser.add_argument("--case", default="", help="only the folder of this number")
    a = parser.parse_args()
    beitzoo, images = Beitzoo(a.beitzoo), 0
    numbers = [int(a.case)] if a.case else range(a.drawn)
    with tempfile.TemporaryDirectory() as whole:
        model = pathlib.Path(whole) / "thousand.safetensors"
        beitzoo("convert", ROOT / "testdata/tiny/tiny_p16_32.unilm.pth", "-o", model, "--to", "timm", "--classes", 1000, "--seed", 1, "--labels", "imagenet-1k")
        for i in numbers:
            for check in (lambda folder: check_folders(beitzoo, model, f"{a.seed} {i}", folder), lambda folder: check_subset(beitzoo, f"{a.seed} {i}", folder)):
                folder = pathlib.Path(whole) / "drawn"
                folder.mkdir()
                try:
                    images += check(folder) or 0
                except AssertionError as problem:
                    sys.exit(f"{problem}\nCASE={i} checks it alone")
                shutil.rmtree(folder)
    print(f"{len(numbers)} data sets with {images} images, and as many subsets, seed {a.seed}: torchvision, timm {timm.__version__} and torch agree")


if __name__ == "__main__":
    main()
