#!/usr/bin/env python3
"""Compares what beitzoo counts of maps of classes with mmsegmentation: its own LoadAnnotations reads the labels, its own IoUMetric counts.

Pictures and labels are drawn by --seed: several sizes, ignored pixels, classes that no label has, labels that are grey, have a palette or one bit, laid out as ADE20K,
as Cityscapes and in two folders. The models are the small ones of testdata/segmentation. Figures and areas have to be equal, of the whole, of parts that are added up, and of an
evaluation that was cut off at a drawn byte and resumed; pairs of classes are those of mmsegmentation's confusion_matrix.py. With -o FOLDER a few are kept for the tests in Go."""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import zlib

import numpy
import torch
from PIL import Image

from check import Beitzoo

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODELS = {"seg_p16_48": ("1,2,3,4", "ADE20K"), "seg_p16_64": ("1,3,4,5", "Cityscapes")}


def blocks(r, height, width, values):
    """Labels in blocks, whose values are drawn."""
    step = int(r.integers(5, 14))
    coarse = r.choice(values, (height // step + 1, width // step + 1))
    return coarse.repeat(step, 0).repeat(step, 1)[:height, :width].astype(numpy.uint8)


def save_labels(values, path, kind):
    if kind == "palette":
        image = Image.fromarray(values, "P")
        image.putpalette([int(v) for v in numpy.random.default_rng(5).integers(0, 256, 768)])
        image.save(path)
    elif kind == "bit":
        Image.fromarray(values != 0).save(path, bits=1)
    else:
        Image.fromarray(values, "L").save(path)


def plant(seed, count, layout, classes, root):
    """Draws a data set; returns the folders of pictures and labels, and the pairs of names."""
    r = numpy.random.default_rng(seed)
    if layout == "ADE20K":
        images, labels = root / "images" / "validation", root / "annotations" / "validation"
        names = [(f"p{i:02}.jpg", f"p{i:02}.png") for i in range(count)]
        values = [0, *range(1, classes), 255]  # the last class is in no label
    elif layout == "Cityscapes":
        images, labels = root / "leftImg8bit" / "val", root / "gtFine" / "val"
        names = [(f"{c}/{c}_{i:02}_leftImg8bit.png", f"{c}/{c}_{i:02}_gtFine_labelTrainIds.png") for i in range(count) for c in ["aachen" if i % 3 else "ulm"]]
        values = [*range(classes - 1), 255]
    else:
        images, labels = root / "pictures", root / "truth"
        names = [(f"{i:02}.png", f"{i:02}.png") for i in range(count)]
        values = [*range(classes - 1), 255]
    for i, (image, label) in enumerate(names):
        height, width = (int(v) for v in r.integers(20, 120, 2))
        for path in (images / image, labels / label):
            path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(r.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=numpy.uint8)).resize((width, height), Image.BICUBIC)
        exif = Image.Exif()
        if image.endswith(".jpg") and i % 5 == 3:  # stored lying on its side
            exif[274] = 6
            picture = picture.transpose(Image.ROTATE_90)
        picture.save(images / image, **({"quality": 90, "exif": exif} if image.endswith(".jpg") else {}))
        kind = ["grey", "palette", "grey", "bit"][i % 4]
        drawn = blocks(r, height, width, values if i % 7 else [255, 0])  # every seventh has nothing but one class and what is ignored
        save_labels(drawn, labels / label, kind)
    return images, labels, names


class Peer:
    """mmsegmentation's reader of labels, metric and confusion matrix."""

    def __init__(self, classes, reduce):
        from mmseg.datasets.transforms import LoadAnnotations
        from mmseg.evaluation import IoUMetric

        self.load, self.reduce, self.classes = LoadAnnotations(), reduce, classes
        self.metric = IoUMetric(iou_metrics=["mIoU"])
        self.metric.dataset_meta = {"classes": [str(i) for i in range(classes)]}
        self.pairs = []

    def add(self, predicted, labels):
        found = {"seg_map_path": str(labels), "reduce_zero_label": self.reduce, "seg_fields": []}
        self.load._load_seg_map(found)
        truth = found["gt_seg_map"]
        self.metric.process({}, [{"pred_sem_seg": {"data": torch.from_numpy(predicted.astype(numpy.int64))}, "gt_sem_seg": {"data": torch.from_numpy(truth.astype(numpy.int64))}}])
        counted = truth != 255
        kept = self.classes * truth[counted].astype(int) + predicted[counted]  # as tools/analysis_tools/confusion_matrix.py has it
        self.pairs.append(numpy.bincount(kept, minlength=self.classes**2).reshape(self.classes, self.classes))
        return truth

    def figures(self):
        sums = [sum(column) for column in zip(*self.metric.results)]
        found = {name: numpy.asarray(value, numpy.float64) for name, value in self.metric.total_area_to_metrics(*sums).items()}
        printed = self.metric.compute_metrics(self.metric.results)
        return found, {name: float(value) for name, value in printed.items()}, [s.numpy().astype(int).tolist() for s in sums]


def check_summary(summary, peer, what):
    figures, printed, (intersection, _, predicted, labelled) = peer.figures()
    got = [[c[name] for c in summary["classes"]] for name in ("intersection", "predicted", "labelled")]
    if got != [intersection, predicted, labelled]:
        raise AssertionError(f"{what}: areas {got}, and those of mmsegmentation are {[intersection, predicted, labelled]}")
    for ours, theirs in (("iou", "IoU"), ("acc", "Acc")):
        mine = numpy.array([numpy.nan if c[ours] is None else c[ours] for c in summary["classes"]])
        if not numpy.allclose(mine, figures[theirs], rtol=1e-6, atol=0, equal_nan=True):
            raise AssertionError(f"{what}: {theirs} {mine}, and {figures[theirs]}")
    for ours, theirs in (("miou", "mIoU"), ("macc", "mAcc"), ("aacc", "aAcc")):
        if abs(100 * summary[ours] - printed[theirs]) > 0.005 + 1e-4:  # it prints two decimals, of float32
            raise AssertionError(f"{what}: {theirs} {100 * summary[ours]}, and {printed[theirs]}")
    if not any(c["iou"] is None for c in summary["classes"]) and what.endswith("absent"):
        raise AssertionError(f"{what}: no class is absent")
    return printed


def records(path):
    return [r for r in map(json.loads, path.read_text().splitlines()) if "image" in r]


def check(beitzoo, name, layout, seed, count, folder, keep=None):
    model, taps = ROOT / "testdata" / "segmentation" / f"{name}.unilm.pth", MODELS[name][0]
    classes = json.loads(beitzoo("inspect", model, "--taps", taps, "--json", "--quiet"))["architecture"]["classes"]
    images, labels, names = plant(seed, count, layout, classes, folder / "data")
    reduce = layout == "ADE20K"
    data = [images, "--labels-dir", labels] if layout == "two folders" else [folder / "data"]
    flags = ["--taps", taps, "--quiet", "--engine", "native"]
    summary = json.loads(beitzoo("eval", model, *data, *flags, "--predictions", folder / "whole.jsonl", "--json"))
    beitzoo("segment", model, images, *flags, "-o", folder / "maps/")
    peer, kept = Peer(classes, reduce), []
    by_image = {r["image"]: r for r in records(folder / "whole.jsonl")}
    for image, label in names:
        predicted = numpy.asarray(Image.open(folder / "maps" / (pathlib.Path(image).stem + ".png")))
        truth = peer.add(predicted, labels / label)
        record = by_image.pop(image)
        mine = numpy.zeros((classes, classes), int)
        for a, b, n in record["pairs"] if "pairs" in record else []:
            mine[a, b] = n
        if record["labels"] != label or not numpy.array_equal(mine, peer.pairs[-1]) or record.get("ignored", 0) != int((truth == 255).sum()):
            raise AssertionError(f"{name} {layout} seed {seed}: {image}: other pairs than confusion_matrix.py counts")
        kept.append({"image": image, "labels": label, "crc32_of_labels": zlib.crc32(truth.tobytes()), "pairs": record.get("pairs")})
    if by_image:
        raise AssertionError(f"pictures {sorted(by_image)} are not in the data")
    what = f"{name} {layout} seed {seed}"
    printed = check_summary(summary, peer, what)

    parts = []
    for part in (1, 2, 3):
        parts.append(folder / f"part{part}.jsonl")
        beitzoo("eval", model, *data, *flags, "--predictions", parts[-1], "--shard", f"{part}/3")
    random.Random(seed).shuffle(parts)
    check_summary(json.loads(beitzoo("eval", "merge", *parts, "--json", "--quiet")), peer, what + ", parts")
    whole = (folder / "whole.jsonl").read_bytes()
    for cut in (random.Random(seed).randrange(len(whole)) for _ in range(2)):
        (folder / "cut.jsonl").write_bytes(whole[:cut])
        beitzoo("eval", model, *data, *flags, "--predictions", folder / "cut.jsonl")
        if (folder / "cut.jsonl").read_bytes() != whole:
            raise AssertionError(f"{what}: cut at {cut} and resumed, the file is another one")
    if keep and layout != "two folders":
        figures, _, areas = peer.figures()
        shutil.copytree(folder / "data", keep / layout.lower().replace(" ", "_"), dirs_exist_ok=True)
        document = {
            "made_by": f"mmsegmentation {sys.modules['mmseg'].__version__}, mmcv {sys.modules['mmcv'].__version__}: dev/interop/pixels.py -o",
            "model": model.name, "taps": taps, "reduce_zero_label": reduce, "printed": printed, "pictures": kept,
            "intersection": areas[0], "predicted": areas[2], "labelled": areas[3],
            **{key: [None if numpy.isnan(v) else float(v) for v in numpy.atleast_1d(figures[key])] for key in ("IoU", "Acc", "aAcc")},
        }
        (keep / f"{layout.lower().replace(' ', '_')}.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
    print(f"ok {what}: {count} pictures, mIoU {printed['mIoU']}, mAcc {printed['mAcc']}, aAcc {printed['aAcc']}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beitzoo", required=True)
    parser.add_argument("--openmmlab", type=pathlib.Path, required=True)
    parser.add_argument("--beside", type=pathlib.Path, required=True, help="a folder with prettytable, which IoUMetric prints with")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drawn", type=int, default=40, help="how many pictures a data set has")
    parser.add_argument("-o", "--output", type=pathlib.Path)
    arguments = parser.parse_args()
    sys.path += [str(arguments.openmmlab), str(arguments.beside)]
    import frameworks

    frameworks.OpenMMLab()  # without mmcv's compiled operators
    beitzoo = Beitzoo(arguments.beitzoo)
    for name, layout in (("seg_p16_48", "ADE20K"), ("seg_p16_64", "Cityscapes"), ("seg_p16_48", "two folders")):
        with tempfile.TemporaryDirectory() as folder:
            check(beitzoo, name, layout, arguments.seed, arguments.drawn, pathlib.Path(folder), arguments.output)


if __name__ == "__main__":
    main()
