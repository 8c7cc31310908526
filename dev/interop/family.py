"""Architectures of the family, drawn by a seed: who makes the model, what it is, and in what file or folder it comes."""

import dataclasses
import random

import numpy

from sizes import Sizes

# Who makes a model, and of which kinds. A kind says what the model computes:
#   classify    logits of an image
#   features    the pooled and normalised token
#   tokens      the patches as the last block leaves them; there is no final norm
#   encoder     a masked model without its head: all tokens, normalised
#   masked      logits of each patch over visual tokens
#   regression  for each patch what a teacher says: data2vec's pre-training
#   branch      masked, with BEiT v2's class-token branch
MAKERS = {
    "timm": ("classify", "classify", "classify", "features", "tokens"),
    "hf4": ("classify", "classify", "masked", "features", "tokens"),
    "hf5": ("classify", "classify", "masked", "features", "tokens"),
    "data2vec4": ("classify", "features", "tokens"),
    "data2vec5": ("classify", "features", "tokens"),
    "unilm": ("classify", "classify", "masked", "encoder", "features", "regression", "branch"),
    "passl": ("classify", "classify", "masked"),
    "paddlevit": ("classify", "features"),
    "mmpretrain": ("classify", "classify", "features", "masked", "branch"),
    "mmseg": ("tokens",),
}
TORCH_FILES = ("zip", "zip", "legacy", "module", "module-legacy", "safetensors", "unpacked", "strided", "shared")
PADDLE_FILES = ("protocol2", "protocol3", "protocol4", "plain")
FOLDERS = ("folder", "folder", "shards", "bin", "bin-shards")
WRAPPERS = ("none", "none", "model", "module", "parallel", "compiled", "compiled-blocks", "prefixed", "ema", "averaged", "training")


@dataclasses.dataclass
class Architecture(Sizes):
    """One model. The window is patches down and across."""

    seed: int
    maker: str  # one of MAKERS
    task: str  # one of its kinds
    patch: int
    window: tuple
    heads: int
    head_dim: int
    depth: int
    hidden: int
    classes: int
    channels: int
    pooling: str  # mean, class_token
    bias: str  # none, block, shared, both
    absolute: bool
    scale: bool  # LayerScale
    epsilon: float
    dtype: str  # float32, float64, bfloat16, float16
    container: str
    wrapper: str

    @property
    def patches(self):
        return self.window[0] * self.window[1]

    @property
    def early(self):
        """After how many blocks the class-token branch begins."""
        return max(1, self.depth - 1)

    @property
    def masked(self):
        """Whether the model has a mask token."""
        return self.task in ("masked", "encoder", "regression", "branch")

    @property
    def scheme(self):
        """What beitzoo calls the maker's names."""
        return {"hf4": "hf", "hf5": "hf", "data2vec4": "data2vec", "data2vec5": "data2vec", "mmpretrain": "openmmlab", "mmseg": "openmmlab"}.get(
            self.maker, self.maker)

    @property
    def mlp_ratio(self):
        return self.hidden / self.dim

    def pixels(self, count=2):
        return numpy.random.RandomState(self.seed % 2**32).uniform(-2, 2, (count, self.channels, self.height, self.width))

    def asdict(self):
        return dataclasses.asdict(self)

    def __str__(self):
        channels = f", {self.channels} channels" if self.channels != 3 else ""
        return (f"{self.maker} {self.task}, {self.height}x{self.width}/{self.patch}{channels}, {self.heads}x{self.head_dim}, depth {self.depth}, "
                f"hidden {self.hidden}, {self.classes} classes, {self.pooling}, bias {self.bias}{', absolute' * self.absolute}{', scale' * self.scale}, "
                f"epsilon {self.epsilon}, {self.dtype}, {self.container}, wrapper {self.wrapper}")


def load(values):
    return Architecture(**{**values, "window": tuple(values["window"])})


def draw(seed, maker=None):
    """The architecture of a seed. A given maker leaves the other choices as they are where it can."""
    r = random.Random(f"architecture {seed}")
    drawn = r.choice([*MAKERS, "hf5", "hf4", "timm", "unilm"])
    maker = maker or drawn
    task = r.choice(MAKERS[maker])
    transformers = maker[:-1] in ("hf", "data2vec")
    window = (r.randint(2, 5),) * 2
    if not transformers and r.random() < 0.25 or r.random() < 0.03:
        window = r.choice([(window[0], window[0] + 1), (window[0] + 2, window[0]), (1, 6), (2, 8)])
    heads, head_dim = r.randint(1, 4), r.choice([4, 5, 7, 8, 11, 12, 16, 17, 24])
    if r.random() < 0.2:
        heads, head_dim = r.choice([(1, 64), (2, 64), (1, 48), (4, 22), (2, 34)])
    dim = heads * head_dim
    hidden = r.choice([4 * dim, 4 * dim, 2 * dim, 3 * dim, int(dim * 4.3637), r.randint(1, 5 * dim)])
    if int(dim * (hidden / dim)) != hidden or maker == "mmseg" and hidden % dim:
        hidden = 4 * dim  # programs compute it from the ratio, and cut off; mmsegmentation takes whole ones
    bias = r.choice(["none", "block", "block", "shared", "both"])
    if task in ("masked", "encoder", "regression") and r.random() < 0.5:
        bias = "shared"
    if task == "branch" or maker == "mmpretrain" and bias == "both":
        bias = r.choice(["none", "shared"])
    if maker in ("passl", "paddlevit") and bias == "both":
        bias = "block"  # their classes add one of the two
    if maker == "mmseg":
        bias = "block"
    classes = r.choice([1, 2, 3, 7, 10, 33, 59]) if task in ("classify", "masked", "branch") else dim if task == "regression" else 0
    if task in ("masked", "branch") and classes in (1, dim):
        classes = dim + 3  # with as many as the model is wide, nobody could know that it is no regression
    absolute = maker != "mmseg" and r.random() < (0.6 if bias == "none" else 0.25)
    if transformers and window[0] != window[1]:
        bias, absolute = "none", False  # it computes something else with these, or nothing
    container = "folder"
    if maker in ("passl", "paddlevit"):
        container = r.choice(PADDLE_FILES)
    elif not transformers or r.random() < 0.25:
        container = r.choice(TORCH_FILES)
        if maker[-1] == "5" and task == "tokens" and container.startswith("module"):
            container = "zip"  # its class keeps functions that Python can't save
    else:
        container = r.choice(FOLDERS)
        if maker[-1] == "5":
            container = container.replace("bin-shards", "shards").replace("bin", "folder")  # version 5 writes no other
    wrapper = "none"
    if container in ("zip", "legacy", "unpacked", "strided"):
        wrapper = r.choice(WRAPPERS)
    elif container in ("safetensors", "shared"):
        wrapper = r.choice(("none", "parallel", "compiled", "prefixed"))
    elif container in ("module", "module-legacy"):
        wrapper = r.choice(("none", "none", "parallel"))
    elif maker in ("passl", "paddlevit"):
        wrapper = r.choice(("none", "none", "model", "ema"))
    epsilon = r.choice([1e-12, 1e-6, 1e-6, 1e-5, 1e-3])
    if maker in ("passl", "paddlevit"):
        epsilon = float(numpy.float32(epsilon))  # Paddle keeps it so
    pooling = r.choice(["mean", "mean", "class_token"])
    if task == "tokens":
        pooling = "mean"  # with the other, transformers 5 keeps a norm in its backbone that it does not use
    return Architecture(
        seed=seed, maker=maker, task=task, patch=r.choice([4, 7, 8, 14, 16]), window=window, heads=heads, head_dim=head_dim,
        depth=r.randint(2 if task == "branch" else 1, 3), hidden=hidden, classes=classes, channels=r.choice([3, 3, 3, 3, 1, 2, 4]),
        pooling=pooling, bias=bias, absolute=absolute, scale=r.random() < 0.7 or maker == "mmseg",
        epsilon=epsilon, dtype=r.choice(["float32", "float32", "float16", "bfloat16", "float64"]),
        container=container, wrapper=wrapper)
