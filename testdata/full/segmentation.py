"""Records what transformers' UperNetForSemanticSegmentation computes in float64 at full size, and measures it: python segmentation.py FOLDER [--times THREADS]

FOLDER is what `beitzoo synth beit_base_p16_640_ade20k --seed 0` and `beitzoo convert --to hf` wrote: the weights of docs/recipe.md. The input is probe image 0 of
the seed 0, made here from the recipe. Of the logits, [classes, places], the file has what every number counts in, as visual_tokenizers.py says. With --times nothing is
recorded: it prints the seconds of one picture in float32, eager and compiled, and the largest resident memory.
"""

import argparse
import pathlib
import resource
import statistics
import time

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import UperNetForSemanticSegmentation, __version__

GOLDEN, MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1


def splitmix64(x):
    z = x + np.uint64(GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def image(size):
    """Probe image 0 of the seed 0, [1, 3, size, size] float32."""
    key = 0xCBF29CE484222325
    for byte in b"input.0":
        key = ((key ^ byte) * 0x100000001B3) & MASK
    count = 3 * size * size
    with np.errstate(over="ignore"):
        start = np.uint64(key) ^ splitmix64(np.zeros(1, np.uint64))[0]
        bits = splitmix64(start + np.arange(count, dtype=np.uint64) * np.uint64(GOLDEN)) >> np.uint64(40)
    unit = (bits.astype(np.int64) - (1 << 23)) / float(1 << 23)
    return torch.from_numpy((2 * unit).astype(np.float32).reshape(1, 3, size, size))


def summary(name, matrix):
    ordered = np.sort(matrix, axis=1)
    return {f"{name}.rows": matrix.sum(axis=1), f"{name}.lengths": np.sqrt((matrix**2).sum(axis=1)), f"{name}.columns": matrix.sum(axis=0),
            f"{name}.largest": ordered[:, -1].copy(), f"{name}.second": ordered[:, -2].copy()}


def record(folder):
    model, loaded = UperNetForSemanticSegmentation.from_pretrained(folder, output_loading_info=True, dtype=torch.float64)
    assert not any(loaded.values()), loaded
    found = {}
    for name, module in {"logits": model.decode_head.classifier, "auxiliary_logits": model.auxiliary_head.classifier}.items():
        module.register_forward_hook(lambda _module, _inputs, output, name=name: found.update({name: output}))
    with torch.inference_mode():
        model.eval()(pixel_values=image(model.config.backbone_config.image_size).double())
    tensors = {}
    for name, logits in found.items():
        tensors.update(summary(name, logits[0].flatten(1).numpy()))
    metadata = {"implementation": f"transformers {__version__} UperNetForSemanticSegmentation", "framework": "torch", "framework_version": torch.__version__, "dtype": "float64"}
    path = pathlib.Path(__file__).parent / "beit_base_p16_640_ade20k.summary.safetensors"
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, path, metadata=metadata)
    print(path, {k: v.shape for k, v in tensors.items()})


def measure(folder, threads, rounds=5):
    torch.set_num_threads(threads)
    model = UperNetForSemanticSegmentation.from_pretrained(folder, dtype=torch.float32).eval()
    pixels = image(model.config.backbone_config.image_size)
    for name, run in (("eager", model), ("torch.compile", torch.compile(model))):
        times = []
        with torch.inference_mode():
            for i in range(rounds + 1):
                start = time.perf_counter()
                run(pixel_values=pixels)
                if i:
                    times.append(time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{name}: {threads} threads, {statistics.median(times):.2f} s a picture, {min(times):.2f} to {max(times):.2f}; {peak:.0f} MiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--times", type=int, metavar="THREADS")
    arguments = parser.parse_args()
    if arguments.times:
        measure(arguments.folder, arguments.times)
    else:
        record(arguments.folder)


if __name__ == "__main__":
    main()
