"""Records what a BEiT in PaddlePaddle computes, stage by stage, for `beitzoo verify MODEL --recording FILE`.

    python record_paddle.py port.py:build out.safetensors        # what a function of a file of yours returns: a layer, or a backbone and its head

Or from your own code, with the model built and loaded as PASSL's README shows:

    record((backbone, head), images, "out.safetensors", implementation="PASSL")

where images is an array [N, 3, H, W], normalised. Blocks, attention, embedding and head are found by what the layers give; --map (from Python names=) says
where a stage is that is not found. `--help` lists the rest; docs/recording.md of beitzoo describes the file. Needs paddle, numpy and safetensors.
"""

import argparse
import contextlib
import importlib.util
import inspect
import json
import os
import pathlib
import re
import sys

import numpy
import paddle
from safetensors.numpy import load_file, save_file

FRAMEWORK, VERSION = "paddle", paddle.__version__
CONVOLUTION = (paddle.nn.Conv2D,)


class Sequence(paddle.nn.Layer):
    """A backbone and its head as one layer."""

    def __init__(self, backbone, head):
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, x):
        return self.head(self.backbone(x))


def is_module(value):
    return isinstance(value, paddle.nn.Layer)


def is_tensor(value):
    return isinstance(value, paddle.Tensor)


def unwrapped(model):
    """The layer inside of paddle.DataParallel; a pair is a backbone and its head."""
    if isinstance(model, (list, tuple)) and len(model) == 2 and all(map(is_module, model)):
        return Sequence(*model)
    return unwrapped(model._layers) if isinstance(model, paddle.DataParallel) else model


def modules(model):
    """Each layer with its path; the model itself has the empty one."""
    return list(model.named_sublayers(include_self=True))


def own_parameters(module):
    return list(module.parameters(include_sublayers=False))


def parameters(model):
    return list(model.named_parameters())


def epsilon_of(module):
    """The epsilon of a layer that normalises over channels, else None."""
    return getattr(module, "_epsilon", None) if isinstance(module, paddle.nn.LayerNorm) else None


def before(module, action):
    return module.register_forward_pre_hook(lambda _, args: action((args, {})))


def after(module, action):
    return module.register_forward_post_hook(lambda _, __, output: action(output))


def dtype_of(tensor):
    return str(tensor.dtype).removeprefix("paddle.")


def array(tensor):
    """A copy as numpy array, of float32 if the numbers are in half precision."""
    if dtype_of(tensor) in ("float16", "bfloat16"):
        tensor = tensor.astype("float32")
    return numpy.array(tensor.numpy(), order="C", copy=True)


def tensor_like(values, model):
    """A numpy array as tensor; numbers get the dtype of the model's parameters."""
    example = next((p for p in model.parameters() if "float" in dtype_of(p)), None)
    tensor = paddle.to_tensor(numpy.ascontiguousarray(values))
    return tensor.astype(example.dtype) if example is not None and "float" in dtype_of(tensor) else tensor


def one_hot(tokens, classes):
    return paddle.nn.functional.one_hot(paddle.to_tensor(tokens), classes).transpose([0, 3, 1, 2])


@contextlib.contextmanager
def evaluating(model):
    """The model in evaluation mode without gradients."""
    training = [layer for _, layer in modules(model) if layer.training]
    model.eval()
    try:
        with paddle.no_grad():
            yield
    finally:
        for layer in training:
            layer.training = True


def cast(model, dtype, device):
    if device:
        paddle.set_device(device)
    return model.astype(dtype) if dtype else model


def autocast(dtype, device):
    return paddle.amp.auto_cast(dtype=dtype, level="O1") if dtype else contextlib.nullcontext()


def remarks(model):
    """What a reader of the recording should know of the model's program."""
    return []


def load(name, options):
    """The model of the command line."""
    raise Problem(f"{name} holds weights and no program: build the model in Python as PASSL's README shows, and give that: port.py:build")
