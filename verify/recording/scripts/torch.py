"""Records what a BEiT in PyTorch computes, stage by stage, for `beitzoo verify MODEL --recording FILE`.

    python record_torch.py timm/beit_base_patch16_224.in22k_ft_in22k_in1k out.safetensors
    python record_torch.py FOLDER out.safetensors                # a folder of transformers or timm, or a name of the hub
    python record_torch.py port.py:build out.safetensors         # what a function of a file of yours returns
    python record_torch.py model.pt out.safetensors --trust      # a whole module of torch.save, which runs code when it is read

Or from your own code: record(model, images, "out.safetensors"). Blocks, attention, embedding and head are found by what the modules give; --map (from
Python names=) says where a stage is that is not found. `--help` lists the rest; docs/recording.md of beitzoo describes the file, and masked models,
segmentation and tokenizers. Needs torch, numpy and safetensors, and the program that the model is of.
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
import torch
from safetensors.numpy import load_file, save_file

FRAMEWORK, VERSION = "torch", torch.__version__
CONVOLUTION = (torch.nn.Conv2d,)


def is_module(value):
    return isinstance(value, torch.nn.Module)


def is_tensor(value):
    return isinstance(value, torch.Tensor)


def unwrapped(model):
    """The model inside of what torch.compile, DataParallel and the like put around it."""
    for name in ("_orig_mod", "module"):
        inner = getattr(model, name, None)
        if is_module(inner) and len(list(model.children())) == 1 and type(model).__module__.startswith("torch."):
            return unwrapped(inner)
    return model


def modules(model):
    """Each module with its path; the model itself has the empty one."""
    return list(model.named_modules())


def own_parameters(module):
    return list(module.parameters(recurse=False))


def parameters(model):
    return list(model.named_parameters())


def epsilon_of(module):
    """The epsilon of a module that normalises over channels, else None."""
    if isinstance(module, torch.nn.LayerNorm) or "layernorm" in type(module).__name__.lower():
        return next((getattr(module, name) for name in ("eps", "variance_epsilon", "epsilon") if isinstance(getattr(module, name, None), float)), None)
    return None


def before(module, action):
    return module.register_forward_pre_hook(lambda _, args, kwargs: action((args, kwargs)), with_kwargs=True)


def after(module, action):
    return module.register_forward_hook(lambda _, __, output: action(output))


def dtype_of(tensor):
    return str(tensor.dtype).removeprefix("torch.")


def array(tensor):
    """A copy as numpy array, of float32 if the numbers are in half precision."""
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.to(torch.promote_types(tensor.dtype, torch.float32))
    return numpy.array(tensor.numpy(), order="C", copy=True)


def tensor_like(values, model):
    """A numpy array on the model's device; numbers get the dtype of its parameters."""
    example = next((p for p in model.parameters() if p.is_floating_point()), None)
    tensor = torch.from_numpy(numpy.ascontiguousarray(values))
    if example is None:
        return tensor
    return tensor.to(device=example.device, dtype=example.dtype if tensor.is_floating_point() else tensor.dtype)


def one_hot(tokens, classes):
    return torch.nn.functional.one_hot(torch.from_numpy(tokens), classes).permute(0, 3, 1, 2).float()


@contextlib.contextmanager
def evaluating(model):
    """The model in evaluation mode without gradients, and without TF32, which is no float32."""
    training = [module for module in model.modules() if module.training]
    matrices, convolutions = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    model.eval()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = matrices, convolutions
        for module in training:
            module.training = True


def cast(model, dtype, device):
    return model.to(**({"dtype": getattr(torch, dtype)} if dtype else {}), **({"device": device} if device else {}))


def autocast(dtype, device):
    return torch.autocast((device or "cpu").split(":")[0], dtype=getattr(torch, dtype)) if dtype else contextlib.nullcontext()


def remarks(model):
    """What a reader of the recording should know of the model's program."""
    config = getattr(model, "config", None)
    size = getattr(config, "image_size", None)
    tables = getattr(config, "use_relative_position_bias", False) or getattr(config, "use_shared_relative_position_bias", False)
    if type(model).__module__.startswith("transformers.") and tables and isinstance(size, (list, tuple)) and size[0] != size[1]:
        return ["transformers takes the bias tables of images that are not square for width x height, so the recording differs from what unilm and timm compute, and verify says so"]
    return []


def load(name, options):
    """The model of the command line."""
    if name.startswith("timm/"):
        import timm

        return timm.create_model(name.removeprefix("timm/"), pretrained=True)
    path = pathlib.Path(name)
    if path.is_file():
        return load_file_of_torch(path, options.trust)
    stated = json.loads((path / "config.json").read_text()) if (path / "config.json").is_file() else {}
    if path.is_dir() and not stated:
        raise Problem(f"{name} is a folder without config.json; for a state dict build the model in Python, and give that: port.py:build")
    if "architecture" in stated and "model_type" not in stated:
        import timm

        return timm.create_model(f"local-dir:{name}", pretrained=True)
    return load_transformers(name, options.model_class)


def load_file_of_torch(path, trust):
    if path.suffix == ".safetensors":
        raise Problem(f"{path} holds weights and no program; build the model in Python, and give that: port.py:build")
    if not trust:
        raise Problem(f"torch.load runs code to read the whole module in {path}; add --trust if it is from somebody that you trust")
    found = torch.load(path, map_location="cpu", weights_only=False)
    if isinstance(found, dict):
        found = next((found[key] for key in ("model", "module", "model_ema", "state_dict") if is_module(found.get(key))), found)
    if not is_module(found):
        raise Problem(f"{path} holds {'a state dict' if isinstance(found, dict) else f'a {type(found).__name__}'} and no program; build the model in Python, and give "
                      "that: port.py:build")
    return found


def load_transformers(name, model_class):
    import transformers

    config = transformers.AutoConfig.from_pretrained(name)
    wanted = model_class or next(iter(config.architectures or ()), None)
    if not wanted or not hasattr(transformers, wanted):
        raise Problem(f"the config.json of {name} names {'no class' if not wanted else wanted + ', which transformers does not have'}; name one with --class, such as "
                      "--class BeitForImageClassification")
    model, info = getattr(transformers, wanted).from_pretrained(name, output_loading_info=True)
    fresh = sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]]))
    if fresh:
        raise Problem(f"{name} has no weights for {', '.join(fresh[:3])}{' and more' if len(fresh) > 3 else ''} of {wanted}, which transformers would draw at random; name "
                      "the class of the weights with --class")
    return model
