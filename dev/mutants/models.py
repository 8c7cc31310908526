"""The models that faults are planted into: the trained one of the test data, and ones that are drawn anew by a seed."""

import glob
import os
import random
from dataclasses import dataclass, field

import torch
from safetensors import safe_open

from beit import Arch, Beit
from shuffled import Shuffled

TESTDATA = os.path.join(os.path.dirname(__file__), "..", "..", "testdata")

ARCHES = {
    "digits": Arch("digits_p16_64", (4, 4), 48, 3, 3, 10),
    "tiny32": Arch("tiny_p16_32", (2, 2), 32, 2, 2, 10),
    "tiny64": Arch("tiny_p16_64", (4, 4), 48, 3, 3, 7),
    "masked": Arch("tiny_mim_p16_64", (4, 4), 48, 3, 3, 64, pooling="masked", table="shared"),
    "token": Arch("token_p16_64", (4, 4), 48, 3, 3, 7, pooling="token", table="none", position=True, scale=False),
    "base": Arch("beit_base_p16_224", (14, 14), 768, 12, 12, 1000),
}
SMALL = ["digits", "tiny32", "tiny64", "masked", "token"]


@dataclass
class Model:
    """One right model: its sizes, weights and pictures."""

    name: str
    arch: Arch
    weights: dict
    images: torch.Tensor
    mask: torch.Tensor = None
    runs: dict = field(default_factory=dict)

    def program(self, dtype=torch.float64, weights=None, epsilon=1e-6):
        return Beit(self.arch, self.weights if weights is None else weights, epsilon, dtype)

    def shuffled(self, dtype, seed):
        return Shuffled(self.arch, self.weights, dtype, seed)


def unwrapped(path):
    state = torch.load(path, map_location="cpu", weights_only=False)
    return {name: value for name, value in state.get("model", state).items() if "relative_position_index" not in name}


def recording(path):
    """The tensors and the metadata of a recording."""
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()


def pictures(arch, count, generator):
    """Smooth coloured pictures with some noise, of whole numbers from 0 to 255, normalised to -1..1."""
    size = (arch.window[0] * arch.patch, arch.window[1] * arch.patch)
    coarse = torch.rand(count, 3, 5, 5, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic", align_corners=True)
    noisy = smooth + 0.1 * torch.randn(count, 3, *size, generator=generator)
    return ((noisy.clamp(0, 1) * 255).round() / 255 - 0.5) / 0.5


def drawn(arch, seed):
    """Weights of varied spread, as training leaves them: norms about one and zero, layer scales of both signs over two decades."""
    draw, generator = random.Random(seed), torch.Generator().manual_seed(seed)

    def normal(shape, spread):
        return torch.randn(shape, generator=generator) * spread

    weights = {}
    for name, shape in arch.shapes().items():
        if "gamma" in name:
            size = 10 ** (torch.rand(shape, generator=generator) * 1.5 - 1.2)
            weights[name] = size * torch.where(torch.rand(shape, generator=generator) < 0.3, -1.0, 1.0)
        elif "norm" in name:
            weights[name] = normal(shape, draw.uniform(0.1, 0.4)) + (1 if name.endswith("weight") else 0)
        elif name.endswith("bias"):
            weights[name] = normal(shape, draw.uniform(0.05, 0.4)) + draw.uniform(-0.1, 0.1)
        elif "table" in name:
            weights[name] = normal(shape, draw.uniform(0.3, 1.2))
        elif len(shape) == 3:
            weights[name] = normal(shape, draw.uniform(0.1, 0.5))
        else:
            inputs = 1
            for size in shape[1:]:
                inputs *= size
            weights[name] = normal(shape, draw.uniform(0.5, 1.5) * inputs**-0.5)
    return weights


def load(name, seed):
    """The model called name; digits is the same for each seed."""
    arch = ARCHES[name]
    if name == "digits":
        tensors, _ = recording(os.path.join(TESTDATA, "digits", "digits_p16_64.unilm.float64.recording.safetensors"))
        return Model(name, arch, unwrapped(os.path.join(TESTDATA, "digits", "digits_p16_64.unilm.pth")), tensors["input"])
    seed = seed * 100 + list(ARCHES).index(name)
    generator = torch.Generator().manual_seed(seed + 50)
    images = pictures(arch, 2 if name == "base" else 4, generator)
    mask = None
    if arch.pooling == "masked":
        mask = (torch.rand(images.shape[0], arch.tokens - 1, generator=generator) < 0.4).to(torch.uint8)
    return Model(name, arch, drawn(arch, seed), images, mask)


def orders():
    """How far the small models are from themselves with their sums in another order, as a share of the largest activation."""
    far = {}
    for name in SMALL:
        model = load(name, 1)
        one, other = (program.run(model.images, model.mask) for program in (model.program(), model.shuffled(torch.float64, 1)))
        far[f"{name} in another order"] = max(float((one[s] - other[s]).abs().max() / one[s].abs().max()) for s in one)
    return far


def golden():
    """How far this BEiT is from each float64 recording of the test data, by file, as a share of the largest activation."""
    checkpoints = {
        "digits_p16_64": ("digits", "digits/digits_p16_64"),
        "tiny_p16_32": ("tiny32", "tiny/tiny_p16_32"),
        "tiny_p16_64": ("tiny64", "tiny/tiny_p16_64"),
        "tiny_mim_p16_64": ("masked", "mim/tiny_mim_p16_64"),
    }
    far = {}
    for path in sorted(glob.glob(os.path.join(TESTDATA, "*", "*.float64.recording.safetensors"))):
        tensors, metadata = recording(path)
        if metadata.get("architecture") not in checkpoints:
            continue
        name, stem = checkpoints[metadata["architecture"]]
        weights = unwrapped(os.path.join(TESTDATA, stem + ".unilm.pth"))
        found = Beit(ARCHES[name], weights, float(metadata["epsilon"])).run(tensors["input"], tensors.get("mask"))
        shared = [stage for stage in ARCHES[name].stages if stage in tensors]
        if len(shared) != len(ARCHES[name].stages):
            raise SystemExit(f"{path} lacks stages")
        far[os.path.basename(path)] = max(float((found[s] - tensors[s]).abs().max() / tensors[s].abs().max()) for s in shared)
    return far
