#!/usr/bin/env python3
"""Compares what beitzoo makes of pictures with what Pillow, timm, transformers and unilm make of them, bit for bit.

First JPEG files drawn by a seed: the RGB samples must be those of Pillow's convert("RGB"). Then pictures of all kinds (see kinds.py): the input tensors of
each program's own transforms must be equal, and its samples where the picture is larger than that."""

import argparse
import contextlib
import hashlib
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

import numpy
import timm.data
import torchvision
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


def pillow(data, damaged=False):
    """What Pillow reads of a file, or None if it refuses it, or if a damaged one states a size for which there is no memory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data)).convert("RGB")
            image.info.clear()  # CLIP's processors make what is said to be transparent white
            return image
        except Exception as refusal:  # Pillow has many kinds of them
            return None if damaged or not isinstance(refusal, MemoryError) else sys.exit(str(refusal))


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
        self.folder, self.case, self.failures, self.compared, self.tensors = folder, case, 0, 0, 0

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


class Peer:
    """A program's transform of an image to its input tensor, and the recipe that has to make the same one."""

    def __init__(self, recipe, transform, from_file=False):
        self.recipe, self.transform, self.from_file = recipe, transform, from_file


def full(resize, to, crop, interpolation, mean, std, **more):
    return {"resize": resize, "resize_to": to, "crop": crop, "interpolation": interpolation, "mean": list(mean), "std": list(std), **more}


def timm_peer(name, size, recipe):
    config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
    assert config["input_size"][1] == size
    return Peer({"name": recipe, "size": size}, timm.data.create_transform(**config))


def unilm_peer(unilm, size):
    """beit/datasets.py's own transform, or what it builds."""
    if unilm:
        source = pathlib.Path(unilm, "beit", "datasets.py").read_text()
        code = source[source.index("def build_transform"):]
        scope = {"transforms": transforms, "IMAGENET_INCEPTION_MEAN": (0.5,) * 3, "IMAGENET_INCEPTION_STD": (0.5,) * 3,
                 "IMAGENET_DEFAULT_MEAN": (0.485, 0.456, 0.406), "IMAGENET_DEFAULT_STD": (0.229, 0.224, 0.225)}
        exec(compile(code, "datasets.py", "exec"), scope)
        options = argparse.Namespace(input_size=size, imagenet_default_mean_and_std=False, crop_pct=None)
        transform = scope["build_transform"](False, options)
    else:
        transform = transforms.Compose([
            transforms.Resize(256 if size < 384 else size, interpolation=transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(size),
            transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)])
    return Peer({"name": "unilm", "size": size}, transform)


def processor_peer(recipe, kind, **options):
    processor = getattr(transformers, kind)(**options)
    return Peer(recipe, lambda image: processor(image, return_tensors="pt")["pixel_values"][0])


HALF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
TENSORS = {"arithmetic": "torchvision-tensors"}
LANCZOS, BILINEAR, BICUBIC = Image.Resampling.LANCZOS, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC


def peers(unilm):
    size = {"height": 224, "width": 224}
    pil = {"resample": BILINEAR, "size": size, "do_center_crop": False, **HALF}
    cropped = {"size": {"height": 257, "width": 257}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True, **IMAGENET}
    edge = {"size": {"shortest_edge": 96}, "crop_size": {"height": 101, "width": 101}, "do_center_crop": True, **IMAGENET}
    stats = (IMAGENET["image_mean"], IMAGENET["image_std"])
    found = {
        "timm-224": timm_peer("beit_base_patch16_224.in22k_ft_in22k_in1k", 224, "timm"),
        "timm-384": timm_peer("beit_base_patch16_384.in22k_ft_in22k_in1k", 384, "timm"),
        "timm-v2": timm_peer("beitv2_base_patch16_224.in1k_ft_in22k_in1k", 224, "timm-v2"),
        "unilm-224": unilm_peer(unilm, 224),
        "unilm-384": unilm_peer(unilm, 384),
        "hf": processor_peer({"name": "hf", "size": 224}, "BeitImageProcessorPil", **pil),
        "hf-torchvision": processor_peer({"name": "hf-torchvision", "size": 224}, "BeitImageProcessor", **pil),
        "pil-lanczos": processor_peer(full("squash", 257, 224, "lanczos", *stats, crop_rounding="down"), "BeitImageProcessorPil", resample=LANCZOS, **cropped),
        "torchvision-bicubic": processor_peer(
            full("squash", 257, 224, "bicubic", *stats, crop_rounding="down", **TENSORS), "BeitImageProcessor", resample=BICUBIC, **cropped),
        "pil-edge": processor_peer(full("shorter-edge", 96, 101, "bicubic", *stats, crop_rounding="down"), "CLIPImageProcessorPil", resample=BICUBIC, **edge),
        "torchvision-edge": processor_peer(
            full("shorter-edge", 96, 101, "bilinear", *stats, crop_rounding="down", **TENSORS), "CLIPImageProcessor", resample=BILINEAR, **edge),
    }
    pipeline = transformers.BeitImageProcessorPil(**pil)
    found["pipeline"] = Peer(  # which turns pictures
        {"name": "hf", "size": 224, "orientation": "upright"},
        lambda path: pipeline(transformers.image_utils.load_image(str(path)), return_tensors="pt")["pixel_values"][0], from_file=True)
    if tuple(map(int, torchvision.__version__.split(".")[:2])) >= (0, 27):  # before that it takes bicubic instead, and says so
        found["torchvision-lanczos"] = processor_peer(
            full("squash", 257, 224, "lanczos", *stats, crop_rounding="down", **TENSORS), "BeitImageProcessor", resample=LANCZOS, **cropped)
    return found


def compare_tensors(score, path, data, image, answer, found):
    name = path.name
    for peer, theirs in found.items():
        try:
            want = theirs.transform(path if theirs.from_file else image)
        except Exception as error:
            score.fail(name, data, f"{peer}: {error}")
            continue
        if digest(want.numpy().astype("<f4")) != answer["tensors"][peer]:
            score.fail(name, data, f"{peer}: another tensor")
        score.tensors += 1


def check_kinds(beitzoo, score, seed, unilm):
    files, found = {}, peers(unilm)
    for name, data in kinds.all_kinds(random.Random(f"{seed} kinds"), PHOTOGRAPHS):
        if not score.case or score.case in name:
            files[f"{seed}-{name}"] = data
    answers = beitzoo.look(files, {name: peer.recipe for name, peer in found.items()})
    before = score.compared
    refused = 0
    for name, data in files.items():
        want = pillow(data)
        refused += want is None
        if score.rgb(name, data, want, answers[name], ""):
            compare_tensors(score, beitzoo.folder / name, data, want, answers[name], found)
    print(f"{len(files)} pictures of all kinds, seed {seed}: RGB of {score.compared - before} and {score.tensors} tensors of {len(found)} transforms "
          f"compared, {refused} refused by Pillow; {', '.join(found)}; "
          f"timm {timm.__version__}, torchvision {torchvision.__version__}, transformers {transformers.__version__}")


@contextlib.contextmanager
def silent():
    """Without what libtiff writes to the standard error of the process."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


# KNOWN are what damaged files are refused for that Pillow reads: fax with codes that there are not, and JPEG in TIFF files that is damaged, or of another size.
KNOWN = ("ccitt: ", "a JPEG part")


def check_damaged(beitzoo, score, seed, count):
    """Files of all kinds that are damaged. What Pillow reads to the end has to be read, and to the same samples."""
    draw = random.Random(f"{seed} damaged")
    whole = list(kinds.all_kinds(random.Random(f"{seed} kinds"), PHOTOGRAPHS))
    files = {}
    for i in range(count):
        name, data = draw.choice(whole)
        damaged = kinds.damaged(draw, data)
        if not score.case or score.case in f"damaged-{seed}-{i}-{name}":
            files[f"damaged-{seed}-{i}-{name}"] = damaged
    answers = beitzoo.look(files, {})
    read = known = 0
    with silent():
        wanted = {name: pillow(data, damaged=True) for name, data in files.items()}
    for name, data in files.items():
        want, answer = wanted[name], answers[name]
        if want is None:
            continue
        if any(text in answer.get("error", "") for text in KNOWN):
            known += 1
        else:
            read += score.rgb(name, data, want, answer, "damaged")
    print(f"{len(files)} damaged pictures, seed {seed}: {read} that Pillow reads are read, {known} are not, for known reasons")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", required=True, help="the program of dev/pictures")
    parser.add_argument("--unilm", help="a checkout of microsoft/unilm, whose own transforms are then used")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--jpegs", type=int, default=500, help="how many JPEG files are drawn")
    parser.add_argument("--damaged", type=int, default=1000, help="how many damaged files are drawn")
    parser.add_argument("--case", default="", help="only files with this in their name")
    parser.add_argument("--keep", default="out/pictures", help="where files that fail are kept")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        beitzoo, score = Beitzoo(a.pictures, folder), Score(pathlib.Path(a.keep), a.case)
        check_jpegs(beitzoo, score, a.seed, a.jpegs)
        check_kinds(beitzoo, score, a.seed, a.unilm)
        check_damaged(beitzoo, score, a.seed, a.damaged)
    if score.failures:
        sys.exit(f"{score.failures} failures; CASE=NAME checks one of them")


if __name__ == "__main__":
    main()
