"""The files in which people keep models of torch: containers, and what trainers put around the weights."""

import argparse
import copy
import random
import zipfile

import safetensors.torch
import torch

PREFIXES = ("net", "encoder", "vit", "network", "base_model", "student.backbone", "model.visual", "my_beit")


class Holder(torch.nn.Module):
    """A module that has the model under a name, and a loss with a weight beside it."""

    def __init__(self, model, path):
        super().__init__()
        first, *rest = path.split(".")
        self.add_module(first, Holder(model, ".".join(rest)) if rest else model)
        self.criterion = torch.nn.CrossEntropyLoss(weight=torch.ones(3))


def compiled_blocks(model, depth):
    """The model with each of its blocks compiled, as people do it to keep compilation short."""
    for module in list(model.modules()):
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth:
            for i in range(depth):
                module[i] = torch.compile(module[i])
            return model
    raise AssertionError("no list of blocks")


def wrap(model, a):
    """What a program saves of a model: the object, and the state dict that is part of it."""
    if a.wrapper == "parallel":
        state = torch.nn.DataParallel(model).state_dict()
    elif a.wrapper == "compiled":
        state = torch.compile(model).state_dict()
    elif a.wrapper == "compiled-blocks":
        state = compiled_blocks(copy.deepcopy(model), a.depth).state_dict()
    elif a.wrapper == "averaged":
        state = torch.optim.swa_utils.AveragedModel(model).state_dict()
    elif a.wrapper == "prefixed":
        state = Holder(model, random.Random(a.seed).choice(PREFIXES)).state_dict()
    else:
        state = model.state_dict()
    if a.maker == "mmseg" and a.seed % 2:
        state = {f"backbone.{name}": value for name, value in state.items()}
    if a.wrapper in ("model", "module"):
        return {a.wrapper: state, "global_steps": 7}, state
    if a.wrapper == "ema":
        return {"model": state, "model_ema": {n: v + 1 if v.is_floating_point() else v for n, v in state.items()}, "epoch": 3}, state
    if a.wrapper == "training":
        optimizer = {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
        return {"model": state, "optimizer": optimizer, "epoch": 3, "args": argparse.Namespace(lr=0.1, model="beit")}, state
    if a.wrapper == "prefixed":
        return {"state_dict": state, "epoch": 3, "global_step": 8, "hyper_parameters": {"lr": 0.1}}, state
    if a.wrapper == "none" and a.scheme == "openmmlab" and a.container != "safetensors":
        return {"meta": {"mmengine_version": "0.10.7", "epoch": 3, "dataset_meta": {"classes": ("a", "b")}}, "state_dict": state}, state
    return state, state


def shared_storage(state):
    """The same tensors as views of one storage of each dtype."""
    out = {}
    for dtype in {value.dtype for value in state.values()}:
        names = [name for name, value in state.items() if value.dtype == dtype]
        flat, at = torch.cat([state[name].flatten() for name in names]), 0
        for name in names:
            out[name] = flat[at:at + state[name].numel()].view(state[name].shape)
            at += state[name].numel()
    return {name: out[name] for name in state}


def write(model, a, folder):
    """Writes a model, which computes in float64, with the numbers of its dtype, and returns the path."""
    model = copy.deepcopy(model).to(getattr(torch, a.dtype))
    path = folder / ("source.safetensors" if a.container == "safetensors" else "source.pth")
    if a.container.startswith("module"):
        whole = torch.nn.DataParallel(model) if a.wrapper == "parallel" else model
        torch.save(whole, path, _use_new_zipfile_serialization=a.container == "module")
        return path
    saved, state = wrap(model, a)
    if a.container == "safetensors":
        safetensors.torch.save_file({name: value.contiguous() for name, value in state.items()}, path)
        return path
    if a.container == "strided":
        for name, value in list(state.items()):
            state[name] = value.t().contiguous().t() if value.dim() == 2 else value
    if a.container == "shared":
        saved = shared_storage(state)
    torch.save(saved, path, _use_new_zipfile_serialization=a.container != "legacy")
    if a.container == "unpacked":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder / "unpacked")
        path.unlink()
        return next((folder / "unpacked").iterdir())
    return path
