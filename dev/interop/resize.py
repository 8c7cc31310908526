"""Resizing: `beitzoo convert --image-size` against timm's own code, and against unilm's if --unilm names a checkout.

Models have the width and heads of BEiT base, two blocks, position embeddings and random tables. Each parameter of what beitzoo writes is within 1e-6 of what
the program makes of the same checkpoint: timm through the filter that its models load with, unilm through the statement of run_class_finetuning.py that
prepares a checkpoint, which is run as it stands there. That statement needs a SciPy that still has interp2d: --scipy names the folder that has one.

What unilm makes of two small models is kept in convert/adapt/testdata, for the tests of Go, which need no Python. --record FOLDER writes those files.
"""

import argparse
import ast
import os
import pathlib
import subprocess
import sys
import tempfile
import types

import numpy
import safetensors.torch
import torch

TOLERANCE = 1e-6
SIZES = (384, 512)
BASE = {"embed_dim": 768, "num_heads": 12, "depth": 2}
SMALL = {"embed_dim": 8, "num_heads": 2, "depth": 1, "mlp_ratio": 1.0, "num_classes": 3}


def model_of(size, bias, options=BASE):
    """timm's model with the parameters that unilm's has, too. size is one number, or height and width."""
    import timm.models.beit

    return timm.models.beit.Beit(
        img_size=size, patch_size=16, init_values=0.1, use_abs_pos_emb=True, use_rel_pos_bias=bias == "block", use_shared_rel_pos_bias=bias == "shared",
        **options)


def state_of(size, bias, seed, options=BASE):
    """Its state dict, all of it random: tables as large as trained ones are."""
    generator = torch.Generator().manual_seed(seed)
    state = {k: v for k, v in model_of(size, bias, options).state_dict().items() if "index" not in k}
    return {k: torch.randn(v.shape, generator=generator) * (0.5 if "table" in k else 0.1) for k, v in state.items()}


def as_timm(state, size, bias):
    """What timm loads into a model of another size."""
    import timm.models.beit

    model = model_of(size, bias)
    made = timm.models.beit.checkpoint_filter_fn(dict(state), model)
    model.load_state_dict(made, strict=True)
    return made


def as_timm_from(state, window, new, bias):
    """The same for a window that is not square. timm's filter does not pass on which one it was, though the functions that it calls can be told."""
    from timm.layers import resample_abs_pos_embed, resize_rel_pos_bias_table

    rows = (2 * new[0] - 1) * (2 * new[1] - 1) + 3
    made = dict(state)
    for name, value in state.items():
        if name.endswith("table"):
            made[name] = resize_rel_pos_bias_table(value, new, (rows, value.shape[1]), old_window_size=window)
        elif name == "pos_embed":
            made[name] = resample_abs_pos_embed(value, list(new), old_size=list(window))
    model_of((16 * new[0], 16 * new[1]), bias).load_state_dict(made, strict=True)
    return made


def prepare_as_unilm(unilm, source, size, options, target):
    """Runs in a process of its own, with the old SciPy. The statement is `if args.finetune:` in the function main of run_class_finetuning.py."""
    sys.path.insert(0, str(pathlib.Path(unilm) / "beit"))
    from functools import partial

    import modeling_finetune
    from scipy import interpolate

    path = pathlib.Path(unilm) / "beit" / "run_class_finetuning.py"
    main = next(node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef) and node.name == "main")
    statement = next(node for node in main.body if isinstance(node, ast.If) and ast.unparse(node.test) == "args.finetune")
    model = modeling_finetune.VisionTransformer(
        img_size=size, patch_size=16, qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), init_values=0.1, use_rel_pos_bias=True,
        use_abs_pos_emb=True, num_classes=options.get("num_classes", 1000), **{k: v for k, v in options.items() if k != "num_classes"})

    def load(model, state, prefix):
        missing = model.load_state_dict(state, strict=False)
        assert all("relative_position_index" in name for name in missing.missing_keys) and not missing.unexpected_keys, missing

    utils = types.SimpleNamespace(load_state_dict=load)
    args = types.SimpleNamespace(finetune=str(source), model_key="model|module", model_prefix="")
    exec(compile(ast.Module([statement], []), str(path), "exec"), {"args": args, "model": model, "torch": torch, "np": numpy, "interpolate": interpolate, "utils": utils})
    torch.save({k: v for k, v in model.state_dict().items() if "index" not in k}, target)


class Checks:
    def __init__(self, options, folder):
        self.options, self.folder, self.failures, self.done = options, folder, [], 0

    def beitzoo(self, source, size, method, *more):
        out = self.folder / "out.safetensors"
        subprocess.run([self.options.beitzoo, "convert", source, "-o", out, "--to", "timm", "--image-size", size, "--resize", method, "--no-sync", "--quiet", *more],
                       check=True, stdout=subprocess.DEVNULL)
        return safetensors.torch.load_file(out)

    def unilm(self, source, size, options):
        """What unilm makes of a checkpoint."""
        out = self.folder / "unilm.pth"
        environment = {**os.environ, "PYTHONPATH": str(self.options.scipy)}
        arguments = ["--unilm", self.options.unilm, "--prepare", source, "--size", str(size), "--target", out, *(["--small"] if options is SMALL else [])]
        done = subprocess.run([sys.executable, "-W", "ignore", __file__, *map(str, arguments)], env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"unilm's code failed:\n{done.stderr}")
        return torch.load(out, weights_only=True)

    def same(self, what, got, want):
        self.done += 1
        worst, where = 0.0, ""
        if set(got) != set(want) or any(got[k].shape != want[k].shape for k in want):
            self.failures.append(f"{what}: other names or shapes: {sorted(set(got) ^ set(want))[:4]}")
            return
        for name in want:
            distance = float((got[name].double() - want[name].double()).abs().max())
            if not distance <= worst:
                worst, where = distance, name
        print(f"{what}: {len(want)} parameters, largest difference {worst:.1e}", flush=True)
        if not worst <= TOLERANCE:
            self.failures.append(f"{what}: {where} differs by {worst}")

    def run(self):
        source = self.folder / "source.pth"
        for bias in ("block", "shared"):
            state = state_of(224, bias, self.options.seed)
            torch.save({"model": state}, source)
            for size in SIZES:
                self.same(f"timm, {bias}, 224 to {size}", self.beitzoo(source, str(size), "timm"), as_timm(state, size, bias))
                if self.options.unilm:
                    got = self.beitzoo(source, str(size), "unilm", "--per-block-bias")
                    self.same(f"unilm, {bias}, 224 to {size}", got, self.unilm(source, size, BASE))
        state = state_of(384, "block", self.options.seed)
        torch.save({"model": state}, source)
        self.same("timm, block, 384 to 224", self.beitzoo(source, "224", "timm"), as_timm(state, 224, "block"))
        if self.options.unilm:
            self.same("unilm, block, 384 to 224", self.beitzoo(source, "224", "unilm"), self.unilm(source, 224, BASE))
        for window, new in (((14, 14), (14, 20)), ((14, 14), (6, 24)), ((6, 20), (14, 14)), ((6, 20), (6, 30)), ((2, 9), (5, 4))):
            state = state_of((16 * window[0], 16 * window[1]), "block", self.options.seed)
            torch.save({"model": state}, source)
            got = self.beitzoo(source, f"{16 * new[0]}x{16 * new[1]}", "timm", "--window", f"{window[0]}x{window[1]}")
            self.same(f"timm, windows {window} to {new}", got, as_timm_from(state, window, new, "block"))

    def record(self, folder):
        """Writes what unilm and timm make of a small model."""
        source = self.folder / "source.pth"
        state = state_of(224, "block", 0, SMALL)
        torch.save({"model": state}, source)
        kept = ("pos_embed", "blocks.0.attn.relative_position_bias_table")
        recorded = {"before." + k: state[k] for k in kept}
        for size in SIZES:
            made = self.unilm(source, size, SMALL)
            recorded.update({f"unilm.{size}.{k}": made[k] for k in kept})
        from timm.layers import resample_abs_pos_embed, resize_rel_pos_bias_table

        for down, across in ((24, 24), (32, 32), (10, 20), (14, 18)):
            table = resize_rel_pos_bias_table(state[kept[1]], (down, across), ((2 * down - 1) * (2 * across - 1) + 3, 2), old_window_size=(14, 14))
            recorded[f"timm.{16 * down}x{16 * across}.{kept[1]}"] = table
            recorded[f"timm.{16 * down}x{16 * across}.{kept[0]}"] = resample_abs_pos_embed(state[kept[0]], [down, across], old_size=[14, 14])
        safetensors.torch.save_file(recorded, pathlib.Path(folder) / "resized.safetensors")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--beitzoo")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--unilm", help="a checkout of microsoft/unilm")
    parser.add_argument("--scipy", help="the folder with the old SciPy")
    parser.add_argument("--record", help="the folder to write what the programs make of a small model to")
    parser.add_argument("--prepare", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--target", help=argparse.SUPPRESS)
    parser.add_argument("--small", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        prepare_as_unilm(options.unilm, options.prepare, options.size, SMALL if options.small else BASE, options.target)
        return
    with tempfile.TemporaryDirectory() as folder:
        checks = Checks(options, pathlib.Path(folder))
        if options.record:
            checks.record(options.record)
            return
        checks.run()
    for failure in checks.failures:
        print("FAILED", failure, file=sys.stderr)
    said = "timm's and unilm's own code" if options.unilm else "timm's own code; UNILM=DIR compares with unilm's, too"
    print(f"{checks.done} resized models, {len(checks.failures)} failures ({said})")
    sys.exit(1 if checks.failures else 0)


if __name__ == "__main__":
    main()
