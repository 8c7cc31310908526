"""A check of models drawn by --seed: beitzoo casts as torch casts.

cross.py has the conversions, record.py the recordings. Exit code 1 if any check fails.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import traceback

import numpy
import paddle
import safetensors.torch
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import draw


class Beitzoo:
    """The program under test."""

    def __init__(self, path):
        self.path = path

    def __call__(self, *args, code=0):
        done = subprocess.run([self.path, *map(str, args)], capture_output=True, text=True)
        if done.returncode != code:
            raise AssertionError(f"beitzoo {' '.join(map(str, args))}: exit {done.returncode}, wanted {code}\n{done.stdout}{done.stderr}")
        return done.stdout


def close(got, want, what, tolerance=2e-4):
    got, want = numpy.asarray(got, numpy.float64), numpy.asarray(want, numpy.float64)
    distance = numpy.abs(got - want).max()
    if not distance <= tolerance * max(1.0, numpy.abs(want).max()):
        raise AssertionError(f"{what}: logits differ by {distance}")


def same(got, want, what):
    if set(got) != set(want):
        raise AssertionError(f"{what}: names differ: {sorted(set(got) ^ set(want))[:4]}")
    for name in want:
        a, b = numpy.ascontiguousarray(got[name]), numpy.ascontiguousarray(want[name])
        if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
            raise AssertionError(f"{what}: {name} differs")


def bits(state):
    """A torch state dict as numpy arrays of raw bits, index buffers left out."""
    plain = {k: v.detach().contiguous() for k, v in state.items() if not k.endswith("relative_position_index")}
    return {k: v.view({1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[v.element_size()]).numpy() for k, v in plain.items()}


def check_half(beitzoo, a, folder):
    """Half precisions: kept as they are, and cast as torch casts."""
    model = draw.timm_model(a)
    for dtype, flag in ((torch.float16, "f16"), (torch.bfloat16, "bf16")):
        want = {k: v.to(dtype) for k, v in model.state_dict().items()}
        torch.save(want, folder / "half.pth")
        torch.save(model.state_dict(), folder / "full.pth")
        beitzoo("convert", folder / "half.pth", "-o", folder / "kept.safetensors", "--to", "timm")
        beitzoo("convert", folder / "full.pth", "-o", folder / "cast.safetensors", "--to", "timm", "--dtype", flag)
        for name in ("kept", "cast"):
            same(bits(safetensors.torch.load_file(folder / f"{name}.safetensors")), bits(want), f"{name} {flag}")
        beitzoo("convert", folder / "half.pth", "-o", folder / "half.pdparams", "--to", "passl")
        paddle_state = paddle.load(str(folder / "half.pdparams"))
        head = paddle_state["head.fc_cls.bias"]
        close(head.astype("float32").numpy(), want["head.bias"].float().numpy(), f"paddle {flag}", 0)


CHECKS = (check_half,)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beitzoo", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(2)
    beitzoo = Beitzoo(str(pathlib.Path(args.beitzoo).resolve()))
    passed = failed = 0
    for seed in range(args.seed * args.draws, (args.seed + 1) * args.draws):
        a = draw.draw(seed)
        print(a, flush=True)
        for check in CHECKS:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    check(beitzoo, a, pathlib.Path(folder))
                    passed += 1
                    print(f"  ok   {check.__name__}", flush=True)
                except Exception:
                    failed += 1
                    print(f"  FAIL {check.__name__}\n{traceback.format_exc()}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
