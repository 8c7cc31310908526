"""Whole models drawn by a seed: an architecture, and what belongs to it (class names, recipe, epsilon), and pictures."""

import dataclasses
import json
import random

import numpy
from PIL import Image, ImageFilter

from sizes import Sizes

SOURCES = ("hf4", "hf5", "timm-folder", "timm-file", "unilm", "passl")
ODD_NAMES = ("tabby, tabby cat", "Hauskatze \"Mieze\"", "çığ 🏔", "a\\b", "naïve", " spaced ", "100 %", "[x]", "null", "LABEL_one", "3")


@dataclasses.dataclass
class Case(Sizes):
    """One model. Sizes are in pixels, window is patches down and across."""

    seed: int
    source: str  # who writes it: one of SOURCES
    task: str  # classify, masked, encoder (masked without its head), features (no head)
    patch: int
    window: tuple
    heads: int
    head_dim: int
    depth: int
    hidden: int
    classes: int
    pooling: str  # mean, class_token
    bias: str  # none, block, shared
    absolute: bool
    scale: bool  # LayerScale
    epsilon: float
    dtype: str  # float32, float16, bfloat16, float64
    labels: list
    problem: str
    recipe: dict
    sharded: bool
    pickled: bool  # .bin instead of .safetensors

    @property
    def folder(self):
        """Whether the source is a folder with a configuration, which states everything that a program reads."""
        return self.source in ("hf4", "hf5", "timm-folder")

    def pixels(self, count=2):
        return numpy.random.RandomState(self.seed % 2**32).uniform(-2, 2, (count, 3, self.height, self.width))

    def asdict(self):
        return dataclasses.asdict(self)


def load(values):
    return Case(**{**values, "window": tuple(values["window"])})


def draw(seed, source=None, task=None):
    """The case of a seed. A given source or task leaves the other choices as they are."""
    r = random.Random(f"case {seed}")
    drawn_source = r.choice(SOURCES)
    drawn_task = r.choices(("classify", "masked", "encoder", "features"), (7, 1, 1, 1))[0]
    source, task = source or drawn_source, task or drawn_task
    if source.startswith("hf") and task == "encoder":
        task = "masked"  # transformers has no class for it; "features" with a mask token is another case
    if source == "timm-folder" and task in ("masked", "encoder"):
        task = "features"
    if source == "passl" and task in ("encoder", "features"):
        task = "classify"
    side = r.randint(2, 5)
    square = source.startswith("hf") or r.random() < 0.8
    window = (side, side) if square else (side, side + r.choice([-1, 1, 2]))
    bias = r.choice(["none", "block", "block", "shared"])
    head_dim = r.choice([8, 16, 24, 64])
    heads = r.choice([1, 2, 3, 4]) if head_dim < 64 else r.choice([1, 2])
    classes = r.choice([1, 2, 3, 7, 10, 21])
    if task in ("encoder", "features"):
        classes = 0
    epsilon = r.choice([1e-12, 1e-12, 1e-6, 1e-5, 1e-3])
    if source == "timm-folder" or source != "hf4" and source != "hf5" and r.random() < 0.5:
        epsilon = 1e-6
    dtypes = ("float32", "float32", "float16", "bfloat16", "float64")
    case = Case(
        seed=seed, source=source, task=task, patch=r.choice([4, 8, 14, 16]), window=window, heads=heads, head_dim=head_dim, depth=r.randint(1, 3),
        hidden=heads * head_dim * r.choice([2, 4, 4, 3]), classes=classes, pooling=r.choice(["mean", "mean", "class_token"]), bias=bias,
        absolute=bias == "none" and not source.startswith("hf") or r.random() < 0.25, scale=r.random() < 0.7, epsilon=epsilon, dtype=r.choice(dtypes),
        labels=names(r, classes), problem=r.choice([None, None, "single_label_classification", "multi_label_classification"]),
        recipe=recipe(r, source, side), sharded=source.startswith("hf") and r.random() < 0.3, pickled=source in ("hf4", "timm-folder") and r.random() < 0.3)
    case.recipe["to"], case.recipe["crop"] = case.patch * side + case.recipe["to"], case.patch * side
    if not source.startswith("hf") or case.classes == 1:
        case.problem = None  # with one class, version 5 takes nothing but regression
    return case


def names(r, classes):
    """Names of classes, or none."""
    if r.random() < 0.25 or classes == 0:
        return None
    labels = [f"animal {i}" for i in range(classes)]
    for i in range(classes):
        if r.random() < 0.3:
            labels[i] = r.choice(ODD_NAMES)
    return labels


def recipe(r, source, side):
    """How pictures become input; 'to' is what the resized edge has more than the crop."""
    digits = r.choice([1, 3])
    out = {
        "resize": "squash" if source.startswith("hf") else r.choice(["shorter-edge", "shorter-edge", "squash"]),
        "to": r.choice([0, 0, r.randint(1, 9)]), "interpolation": r.choice(["bilinear", "bicubic"]),
        "mean": [round(r.uniform(0.2, 0.7), digits) for _ in range(3)], "std": [round(r.uniform(0.2, 0.9), digits) for _ in range(3)],
    }
    if r.random() < 0.2:
        out["mean"], out["std"] = [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]
    return out


def pictures(seed, folder):
    """Writes three pictures, and returns their paths: PNG in colour, PNG in grey, JPEG."""
    noise = numpy.random.RandomState(seed % 2**32)
    paths = []
    for name, mode in (("colour.png", "RGB"), ("grey.png", "L"), ("photo.jpg", "RGB")):
        width, height = noise.randint(20, 140, 2)
        coarse = noise.randint(0, 256, (noise.randint(2, 9), noise.randint(2, 9), 3)).astype(numpy.uint8)
        picture = Image.fromarray(coarse).resize((int(width), int(height)), Image.BICUBIC).filter(ImageFilter.UnsharpMask(2, 200, 0)).convert(mode)
        path = folder / name
        picture.save(path, **({"quality": 95, "subsampling": 0} if name.endswith("jpg") else {}))
        paths.append(path)
    return paths


def passl_yaml(case):
    """A training configuration of PASSL that describes the architecture, for --arch."""
    masked = case.task in ("masked", "encoder")
    architecture = {
        "name": "VisionTransformerForMaskedImageModeling" if masked else "Beit", "img_size": [case.height, case.width], "patch_size": case.patch,
        "embed_dim": case.dim, "depth": case.depth, "num_heads": case.heads, "mlp_ratio": case.hidden / case.dim,
        "init_values": 0.1 if case.scale else None, "use_abs_pos_emb": case.absolute, "use_rel_pos_bias": case.bias == "block",
        "use_shared_rel_pos_bias": case.bias == "shared", "use_mean_pooling": case.pooling == "mean",
        **({"vocab_size": case.classes} if masked else {"num_classes": case.classes})}
    return json.dumps({"model": {"architecture": architecture, "head": {"num_classes": case.classes}}})  # JSON is YAML
