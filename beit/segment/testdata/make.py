"""What OpenMMLab's own code makes of a picture and of the logits of its windows: slide.safetensors and several.safetensors.

mmcv resizes and normalises the picture, mmsegmentation's EncoderDecoder cuts windows, adds their logits and resizes them; the logits stand for those of a model and are
drawn. Run it as `python make.py DIR`, where DIR has OpenMMLab's programs (dev/interop/requirements-openmmlab.txt).
"""
import pathlib
import sys
import types

import numpy as np
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "dev" / "interop"))
sys.path.insert(0, sys.argv[1])
from frameworks import NoOperators  # noqa: E402

sys.modules["mmcv._ext"] = NoOperators("mmcv._ext")
import mmcv  # noqa: E402
from mmseg.models.segmentors import EncoderDecoder  # noqa: E402
from mmseg.models.utils import resize  # noqa: E402

WINDOW, STRIDE, CLASSES, MAP = 32, 21, 5, 8
MEAN, STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])


class Recorded:
    """Stands for a segmentor: what EncoderDecoder.slide_inference asks of one."""

    test_cfg = types.SimpleNamespace(stride=(STRIDE, STRIDE), crop_size=(WINDOW, WINDOW))
    out_channels = CLASSES
    align_corners = False

    def __init__(self, generator):
        self.generator, self.windows, self.logits = generator, [], []

    def encode_decode(self, window, metas):
        logits = torch.from_numpy(self.generator.normal(size=(1, CLASSES, MAP, MAP)).astype(np.float32))
        self.windows.append(window[0].clone())
        self.logits.append(logits[0])
        return resize(logits, size=window.shape[2:], mode="bilinear", align_corners=False)


def scaled(picture, scale):
    """The size for one of several scales, as unilm's resize_transform.py has it."""
    h, w = picture.shape[:2]
    short = max(WINDOW, int(WINDOW * scale))
    return (short * h / w, short) if h > w else (short, short * w / h)


def one(model, picture, size, mirrored):
    small = mmcv.imrescale(picture[..., ::-1].copy(), size)  # BGR, as mmcv reads files
    x = torch.from_numpy(mmcv.imnormalize(small, MEAN, STD, to_rgb=True)).permute(2, 0, 1)[None]
    if mirrored:
        x = x.flip(3)
    logits = EncoderDecoder.slide_inference(model, x.contiguous(), [{}])
    logits = resize(logits, size=picture.shape[:2], mode="bilinear", align_corners=False)
    return logits.flip(3) if mirrored else logits


def main():
    generator = np.random.default_rng(7)
    picture = generator.integers(0, 256, (50, 75, 3), dtype=np.uint8)
    model = Recorded(generator)
    logits = one(model, picture, (4 * WINDOW, WINDOW), False)
    folder = pathlib.Path(__file__).parent
    save_file({"picture": torch.from_numpy(picture), "windows": torch.stack(model.windows), "logits": torch.stack(model.logits),
               "classes": logits.argmax(1)[0]}, folder / "slide.safetensors")
    model = Recorded(generator)
    total = 0
    for scale in (0.5, 1.25, 1.75):
        for mirrored in (False, True):
            total = total + one(model, picture, scaled(picture, scale), mirrored).softmax(1)
    save_file({"picture": torch.from_numpy(picture), "windows": torch.stack(model.windows), "logits": torch.stack(model.logits),
               "classes": total.argmax(1)[0]}, folder / "several.safetensors")


main()
