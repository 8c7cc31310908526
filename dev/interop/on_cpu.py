"""Runs microsoft/unilm's beit/run_class_finetuning.py without a GPU, one process or several, on pictures of the digits:

    torchrun --nproc_per_node=2 dev/interop/on_cpu.py UNILM/beit --model beit_digits_patch16_64 ...

The script, its optimiser, its sampler and its loop are its own. What is replaced here, before it starts, is what needs a GPU (NCCL becomes gloo), modules that it imports
and does not use in such a run, and two things that a comparison of parameters can't have: random changes of pictures, and float32. The model, in unilm's class, is that of the
digits, which unilm's own list lacks.
"""

import functools
import importlib
import runpy
import sys
import types

import torch

# What it imports and has no use for here, with the names that it takes from there.
UNUSED = {
    "dall_e": (), "dall_e.utils": ("map_pixels",), "modeling_discrete_vae": ("Dalle_VAE", "DiscreteVAE"), "tensorboardX": ("SummaryWriter",), "scipy": ("interpolate",),
}
# Optimisers that timm no longer has, or under other names.
OPTIMISERS = {"nadam": "Nadam", "novograd": "NovoGrad", "nvnovograd": "NvNovoGrad", "radam": "RAdam"}


def stub_modules():
    for name, contents in UNUSED.items():
        sys.modules[name] = types.ModuleType(name)
        for item in contents:
            setattr(sys.modules[name], item, None)
    for name, item in OPTIMISERS.items():
        try:
            module = importlib.import_module(f"timm.optim.{name}")
        except ImportError:
            module = sys.modules[f"timm.optim.{name}"] = types.ModuleType(name)
        if not hasattr(module, item):
            setattr(module, item, None)
    sys.modules["torch._six"] = types.ModuleType("torch._six")  # older versions of torch had it
    sys.modules["torch._six"].inf = torch.inf


class NoScaler(torch.amp.GradScaler):
    """It leaves the loss as it is, which without float16 needs no scale, and states one, for the log."""

    def __init__(self):
        super().__init__("cpu", enabled=False)

    def state_dict(self):
        return {"scale": 1.0}


def without_gpu():
    """The few calls of CUDA become calls for the CPU."""
    torch.cuda.set_device = torch.cuda.synchronize = lambda *_: None
    torch.cuda.amp.GradScaler = NoScaler
    start, parallel, tensor = torch.distributed.init_process_group, torch.nn.parallel.DistributedDataParallel, torch.tensor
    torch.distributed.init_process_group = lambda backend, **options: start("gloo", **options)
    torch.nn.parallel.DistributedDataParallel = lambda model, device_ids, **options: parallel(model, **options)
    torch.tensor = lambda *values, device=None, **options: tensor(*values, device="cpu" if device == "cuda" else device, **options)


def register_digits():
    """Makes the architecture of the digits known to timm.create_model, as unilm does it with its own."""
    from timm.models import register_model

    import modeling_finetune

    # The arguments before the options are those of later versions of timm than unilm's.
    def beit_digits_patch16_64(pretrained=False, pretrained_cfg=None, pretrained_cfg_overlay=None, cache_dir=None, **options):
        model = modeling_finetune.VisionTransformer(
            img_size=64, patch_size=16, embed_dim=48, depth=3, num_heads=3, mlp_ratio=4, qkv_bias=True, norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6),
            **options)
        model.default_cfg = {}
        return model

    beit_digits_patch16_64.__module__ = modeling_finetune.__name__
    register_model(beit_digits_patch16_64)


def plain_pictures():
    """Pictures to learn from are made as those to test on, and all numbers are float64 but the rounding of pixels, which is that of float32."""
    import datasets

    build = datasets.build_transform

    def transform(picture, steps):
        torch.set_default_dtype(torch.float32)
        pixels = steps(picture)
        torch.set_default_dtype(torch.float64)
        return pixels.double()

    def build_transform(is_train, args):
        steps = build(False, args)
        made = functools.partial(transform, steps=steps)
        made.transforms = steps.transforms  # are printed
        return made

    datasets.build_transform = build_transform
    torch.set_default_dtype(torch.float64)


def main(folder, *arguments):
    stub_modules()
    without_gpu()
    sys.path.insert(0, folder)
    register_digits()
    plain_pictures()
    sys.argv = [f"{folder}/run_class_finetuning.py", *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
