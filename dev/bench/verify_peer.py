"""Compares a BEiT of timm with a recording, or with itself in float64, as a script in PyTorch would: hooks on every stage.

    python verify_peer.py KIND NAME FILES THREADS

KIND is oracle: the model in float32 beside the model in float64; or recording: FILES.recording.safetensors beside the model in float64, as a whole, and each
block alone from the recorded stream before it. FILES.safetensors has weights under timm's names. Each line of standard input is answered with the wall and CPU
seconds of loading the weights into a model that is there, its passes, and the comparison.
"""

import resource
import sys
import time

import timm
import torch
from safetensors.torch import load_file


def stages(model):
    """The modules whose outputs are compared, by the names in recordings."""
    found = {"embed": model.pos_drop, "pool": model.fc_norm, "logits": model.head}
    for i, block in enumerate(model.blocks):
        found[f"blocks.{i}.attn"], found[f"blocks.{i}"] = block.attn, block
    return found


def run(model, images):
    seen, hooks = {}, []
    for name, module in stages(model).items():
        hooks.append(module.register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out)))
    model(images)
    for hook in hooks:
        hook.remove()
    return seen


def apart(got, want):
    off = (got.double() - want.double()).abs()
    return off.max().item(), off.square().mean().sqrt().item()


def compare(kind, exact, rough, files, images):
    weights = load_file(files + ".safetensors")
    exact.load_state_dict(weights)
    if kind == "oracle":
        rough.load_state_dict(weights)
        want, got = run(exact, images.double()), run(rough, images)
        return {name: apart(got[name], value) for name, value in want.items()}
    recorded = load_file(files + ".recording.safetensors")
    whole = run(exact, recorded["input"].double())
    found = {name: apart(value, recorded[name]) for name, value in whole.items()}
    before = recorded["embed"]
    for i, block in enumerate(exact.blocks):
        alone = block(before.double())
        before = recorded[f"blocks.{i}"]
        found[f"blocks.{i} alone"] = apart(alone, before)
    return found


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(kind, name, files, threads):
    torch.set_num_threads(int(threads))
    exact = timm.create_model(name, pretrained=False).eval().double()
    rough = timm.create_model(name, pretrained=False).eval() if kind == "oracle" else None
    images = load_file(files + ".recording.safetensors")["input"]
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, busy = time.perf_counter(), cpu()
        with torch.inference_mode():
            found = compare(kind, exact, rough, files, images)
        largest = max(off for off, _ in found.values())
        if not largest < 1e-2:
            sys.exit(f"the largest difference is {largest}: the models are not the same")
        print(time.perf_counter() - wall, cpu() - busy, flush=True)


main(*sys.argv[1:5])
