"""What Pillow, timm and torch make of pictures, for given parameters, as cases for finetune/augment/augmenttest.

    augment.py record OUTPUT          the cases that the tests of Go have
    augment.py draw SEED COUNT OUTPUT more of them, drawn by a seed

The parameters of timm's operations follow from a magnitude by its own functions, and so do the proportions of CutMix.
"""

import base64
import json
import random
import sys

import numpy
import torch
import torchvision.transforms.functional
from PIL import Image
from timm.data import auto_augment, mixup

# Our name, and timm's for the same.
OPS = {
    "AutoContrast": "AutoContrast", "Equalize": "Equalize", "Invert": "Invert", "Rotate": "Rotate", "Posterize": "PosterizeIncreasing",
    "Solarize": "SolarizeIncreasing", "SolarizeAdd": "SolarizeAdd", "Color": "ColorIncreasing", "Contrast": "ContrastIncreasing",
    "Brightness": "BrightnessIncreasing", "Sharpness": "SharpnessIncreasing", "ShearX": "ShearX", "ShearY": "ShearY",
    "TranslateX": "TranslateXRel", "TranslateY": "TranslateYRel",
}
assert sorted(OPS.values()) == sorted(auto_augment._RAND_INCREASING_TRANSFORMS)
RESAMPLE = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def text(values):
    return base64.b64encode(numpy.ascontiguousarray(values).tobytes()).decode()


def amount(name, magnitude, negative):
    """What timm's operation takes at a magnitude, if its sign is this."""
    level = auto_augment.LEVEL_TO_ARG[OPS[name]]
    if level is None:
        return None
    before, random.random = random.random, lambda: float(negative)
    try:
        return float(level(magnitude, {})[0])
    finally:
        random.random = before


def pictures(generator, count):
    """Noise, gradients, a few colours, one colour: of odd sizes and of a square."""
    made = {}
    for i in range(count):
        width, height = [(20, 15), (16, 16), (11, 24), (33, 9)][i % 4]
        x, y = numpy.meshgrid(numpy.linspace(0, 1, width), numpy.linspace(0, 1, height))
        noise = generator.integers(0, 256, (height, width, 3))
        kind = i % 5
        pixels = [
            noise,
            numpy.stack([255 * x, 200 * y + 30, 90 + 60 * x * y], 2) + generator.integers(0, 8, (height, width, 3)),
            noise // 64 * 64,
            numpy.full((height, width, 3), generator.integers(0, 256, 3)),
            noise // 3 + 60,
        ][kind]
        made[f"p{i}"] = numpy.clip(pixels, 0, 255).astype(numpy.uint8)
    return made


def operation(pixels, name, value, interpolation, fill):
    picture = Image.fromarray(pixels)
    args = [] if value is None else [int(value) if name in ("Posterize", "Solarize", "SolarizeAdd") else value]
    made = auto_augment.NAME_TO_OP[OPS[name]](picture, *args, resample=RESAMPLE[interpolation], fillcolor=tuple(fill))
    return numpy.asarray(made)


def cases(generator, named, repeats):
    made = []
    names = list(named)
    for i in range(repeats):
        for name in OPS:
            picture = names[int(generator.integers(len(names)))]
            magnitude, negative = float(generator.choice([0, 10, generator.uniform(0, 10), generator.uniform(8, 10)])), bool(generator.integers(2))
            value = amount(name, magnitude, negative)
            made.append({"op": "level " + name, "args": [magnitude, float(negative)], "value": value or 0.0})
            if name == "Posterize" and value == 0:  # a black picture; from version 13 on Pillow refuses it, and timm with it
                continue
            interpolation, fill = ["bicubic", "bilinear"][i % 2], [int(v) for v in generator.integers(0, 256, 3)]
            made.append({
                "op": name, "args": [] if value is None else [value], "picture": picture, "interpolation": interpolation, "fill": fill,
                "pixels": text(operation(named[picture], name, value, interpolation, fill)),
            })
    for degrees in (90, -90, 180, 270, 45, 360, -1e-9):
        for picture in names[:2]:
            fill = [1, 2, 3]
            made.append({"op": "Rotate", "args": [float(degrees)], "picture": picture, "interpolation": "bicubic", "fill": fill,
                         "pixels": text(operation(named[picture], "Rotate", float(degrees), "bicubic", fill))})
    for i in range(4 * repeats):
        picture = names[i % len(names)]
        height, width = named[picture].shape[:2]
        h, w = int(generator.integers(1, height + 1)), int(generator.integers(1, width + 1))
        top, left = int(generator.integers(0, height - h + 1)), int(generator.integers(0, width - w + 1))
        interpolation, size = ["bicubic", "bilinear"][i % 2], [16, 7, 23][i % 3]
        crop = torchvision.transforms.functional.resized_crop(
            Image.fromarray(named[picture]), top, left, h, w, [size, size],
            {"bicubic": torchvision.transforms.InterpolationMode.BICUBIC, "bilinear": torchvision.transforms.InterpolationMode.BILINEAR}[interpolation])
        made.append({"op": "ResizedCrop", "args": [float(v) for v in (top, left, h, w, size)], "picture": picture, "interpolation": interpolation,
                     "pixels": text(numpy.asarray(crop))})
        made.append({"op": "Flip", "args": [], "picture": picture, "pixels": text(numpy.asarray(Image.fromarray(named[picture]).transpose(Image.Transpose.FLIP_LEFT_RIGHT)))})
        made += mixes(generator)
    return made


def mixes(generator):
    """A batch mixed by timm's Mixup, with proportions that are drawn here."""
    pictures, height, width, classes = int(generator.choice([2, 4, 5])), 8, 11, 6
    x = generator.standard_normal((pictures, 3, height, width)).astype(numpy.float32)
    labels, share = generator.integers(0, classes, pictures), float(generator.beta(0.8, 0.8))
    smoothing = float(generator.choice([0.0, 0.1]))
    mixer = mixup.Mixup(mixup_alpha=1, cutmix_alpha=1, num_classes=classes, label_smoothing=smoothing)
    made = []
    mixer._params_per_batch = lambda: (share, False)
    batch = torch.tensor(x)
    mixer._mix_batch(batch)
    made.append({"op": "mixup", "args": [share], "in": text(x), "shape": list(x.shape), "floats": text(batch.numpy())})
    targets = mixup.mixup_target(torch.tensor(labels), classes, share, smoothing)
    made.append({"op": "targets", "args": [share, classes, smoothing], "classes": [int(v) for v in labels], "floats": text(targets.numpy())})
    # The middle of the rectangle is drawn by numpy inside: the same state tells which it will be.
    numpy.random.seed(int(generator.integers(1 << 30)))
    state = numpy.random.get_state()
    middle = [int(numpy.random.randint(0, height)), int(numpy.random.randint(0, width))]
    numpy.random.set_state(state)
    mixer._params_per_batch = lambda: (share, True)
    batch = torch.tensor(x)
    after = mixer._mix_batch(batch)
    made.append({"op": "cutmix", "args": [share, *map(float, middle)], "in": text(x), "shape": list(x.shape), "floats": text(batch.numpy()), "value": float(after)})
    return made


def write(path, seed, count, repeats):
    generator = numpy.random.default_rng(seed)
    named = pictures(generator, count)
    document = {
        "pictures": {name: {"Width": p.shape[1], "Height": p.shape[0], "Pix": text(p)} for name, p in named.items()},
        "cases": cases(generator, named, repeats),
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=None, separators=(",", ":"))
        file.write("\n")
    print(f"{len(document['cases'])} cases")


if __name__ == "__main__":
    if sys.argv[1] == "record":
        write(sys.argv[2], 17, 10, 3)
    else:
        write(sys.argv[4], int(sys.argv[2]), 40, int(sys.argv[3]))
