"""Interop checks: what the real frameworks write, beitzoo reads; what beitzoo writes, they load; and the logits are the same.

Everything is drawn by --seed: dimensions, depth, heads, patch and image size, classes, dtype, container. Exit code 1 if any check fails.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import traceback

import numpy
import paddle
import safetensors.torch
import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent / "docs"))
import draw
import record_paddle
import record_torch

SCHEMES = ("canonical", "passl", "unilm", "timm", "hf", "paddlevit")
FORMATS = {"safetensors": ".safetensors", "pytorch": ".pth", "paddle": ".pdparams"}
TESTDATA = pathlib.Path(__file__).parent.parent.parent / "testdata"


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


def with_torch(model, images):
    with torch.no_grad():
        out = model(images)
    return (out.logits if hasattr(out, "logits") else out).numpy()


def with_paddle(model, images):
    with paddle.no_grad():
        return model(paddle.to_tensor(images.numpy())).numpy()


def containers(state, folder):
    """The files in which PyTorch users keep a state dict."""
    def path(name):
        return folder / name

    torch.save(state, path("zip.pth"))
    torch.save(state, path("legacy.pth"), _use_new_zipfile_serialization=False)
    torch.save({"model": state}, path("model.pth"))
    torch.save({"module": state, "global_steps": 7}, path("module.pth"))
    torch.save({"state_dict": {"module." + k: v for k, v in state.items()}, "epoch": 3, "arch": "beit", "args": argparse.Namespace(lr=0.1)},
               path("training.pth"))
    transposed = {k: (v.t().contiguous().t() if v.dim() == 2 else v) for k, v in state.items()}
    torch.save(transposed, path("strided.pth"))
    flat = torch.cat([v.flatten() for v in state.values()])
    shared, at = {}, 0
    for k, v in state.items():
        shared[k] = flat[at:at + v.numel()].view(v.shape)
        at += v.numel()
    torch.save(shared, path("shared.pth"))
    safetensors.torch.save_file(state, path("timm.safetensors"))
    return sorted(folder.glob("*.pth")) + [path("timm.safetensors")]


def check_torch_containers(beitzoo, a, folder):
    """Each container converts to the bits that the framework holds, and timm loads them strictly."""
    model = draw.timm_model(a)
    want = bits(model.state_dict())
    for file in containers(model.state_dict(), folder):
        out = folder / "out.pth"
        beitzoo("convert", file, "-o", out, "--to", "timm", "--prove")
        state = torch.load(out, weights_only=True)
        same(bits(state), want, file.name)
        fresh = draw.timm_model(draw.Drawn(**{**a.__dict__, "seed": a.seed + 1}))
        fresh.load_state_dict(state, strict=True)
        close(with_torch(fresh, a.images()), with_torch(model, a.images()), file.name, 0)


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


def check_hf(beitzoo, a, folder):
    """from_pretrained loads a folder that beitzoo wrote; beitzoo reads one that transformers wrote, and the names that version 5 has in memory."""
    model = draw.timm_model(a)
    torch.save(model.state_dict(), folder / "timm.pth")
    beitzoo("convert", folder / "timm.pth", "-o", f"{folder}/ours/", "--to", "hf", "--prove")
    loaded, info = transformers.BeitForImageClassification.from_pretrained(folder / "ours", output_loading_info=True)
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info[problem]:
            raise AssertionError(f"from_pretrained: {problem}: {info[problem]}")
    close(with_torch(loaded.eval(), a.images()), with_torch(model, a.images()), "hf folder")
    transformers.AutoImageProcessor.from_pretrained(folder / "ours")

    theirs = draw.hf_model(a)
    theirs.save_pretrained(folder / "theirs")
    torch.save(theirs.state_dict(), folder / "memory.bin")
    with torch.no_grad():
        logits = theirs(a.images()).logits
    for source in (folder / "theirs", folder / "memory.bin"):
        beitzoo("convert", source, "-o", folder / "back.pth", "--to", "timm", "--prove")
        fresh = draw.timm_model(a)
        fresh.load_state_dict(torch.load(folder / "back.pth", weights_only=True), strict=True)
        close(with_torch(fresh, a.images()), logits, source.name, 5e-3)  # transformers runs with epsilon 1e-12


def check_hf_masked(beitzoo, a, folder):
    """Masked image modelling: there and back, and transformers computes the same."""
    model = draw.hf_masked_model(a)
    model.save_pretrained(folder / "theirs")
    torch.save(model.state_dict(), folder / "memory.bin")
    beitzoo("convert", folder / "theirs", "-o", folder / "unilm.pth", "--to", "unilm", "--prove")
    beitzoo("diff", folder / "memory.bin", folder / "theirs")
    beitzoo("convert", folder / "unilm.pth", "-o", f"{folder}/ours/", "--to", "hf", "--prove")
    loaded = transformers.BeitForMaskedImageModeling.from_pretrained(folder / "ours").eval()
    same(bits(loaded.state_dict()), bits(model.state_dict()), "masked model")


def check_paddle(beitzoo, a, folder):
    """beitzoo reads paddle.save's protocols; paddle.load and set_state_dict read what beitzoo writes; logits agree with torch."""
    model = draw.paddle_model(a)
    want = with_paddle(model, a.images())
    for protocol in (2, 3, 4):
        file = folder / f"protocol{protocol}.pdparams"
        paddle.save(model.state_dict(), str(file), protocol=protocol)
        beitzoo("convert", file, "-o", folder / "timm.pth", "--to", "timm", "--prove")
        fresh = draw.timm_model(a)
        fresh.load_state_dict(torch.load(folder / "timm.pth", weights_only=True), strict=True)
        close(with_torch(fresh, a.images()), want, file.name)
    paddle.save({"model": model.state_dict(), "epoch": 3}, str(folder / "nested.pdparams"))
    beitzoo("diff", folder / "nested.pdparams", folder / "protocol4.pdparams")

    other = draw.timm_model(a)
    torch.save(other.state_dict(), folder / "other.pth")
    beitzoo("convert", folder / "other.pth", "-o", folder / "ours.pdparams", "--to", "passl", "--prove")
    missing, unexpected = model.set_state_dict(paddle.load(str(folder / "ours.pdparams")))
    if missing or unexpected:
        raise AssertionError(f"set_state_dict: missing {missing}, unexpected {unexpected}")
    close(with_paddle(model, a.images()), with_torch(other, a.images()), "paddle from timm")


def check_recordings(beitzoo, a, folder):
    """The scripts of docs/ record what verify then confirms, and a changed weight is noticed."""
    model = draw.timm_model(a)
    torch.save(model.state_dict(), folder / "timm.pth")
    record_torch.record(model, a.images(), folder / "timm.recording", implementation="timm")
    hf = draw.hf_model(a)
    hf.save_pretrained(folder / "hf")
    record_torch.record(hf, a.images(), folder / "hf.recording", implementation="hf")
    layer = draw.paddle_model(a)
    paddle.save(layer.state_dict(), str(folder / "paddle.pdparams"))
    record_paddle.record(layer.backbone, layer.head, a.images().numpy(), str(folder / "paddle.recording"))
    for file, recording in (("timm.pth", "timm"), ("hf", "hf"), ("paddle.pdparams", "paddle")):
        report = json.loads(beitzoo("verify", folder / file, "--recording", folder / f"{recording}.recording", "--json"))
        if not report["ok"] or len(report["taps"]) < a.depth + 3:
            raise AssertionError(f"{recording}: {report}")
    broken = model.state_dict()
    broken["blocks.0.attn.proj.weight"] = broken["blocks.0.attn.proj.weight"].t().contiguous()
    torch.save(broken, folder / "broken.pth")
    beitzoo("verify", folder / "broken.pth", "--recording", folder / "timm.recording", code=1)


def check_matrix(beitzoo, a, folder):
    """One file becomes each scheme and format: the frameworks' loaders read the same tensors from all of them."""
    torch.save(draw.timm_model(a).state_dict(), folder / "source.pt")
    loaders = {
        "pytorch": lambda p: bits(unwrap(torch.load(p, weights_only=True))),
        "safetensors": lambda p: bits(safetensors.torch.load_file(p)),
        "paddle": lambda p: bits({k: torch.from_numpy(v.numpy()) for k, v in paddle.load(str(p)).items()}),
    }
    for scheme in SCHEMES:
        seen = {}
        for format, ending in FORMATS.items():
            out = folder / f"{scheme}{ending}"
            beitzoo("convert", folder / "source.pt", "-o", out, "--to", scheme, "--format", format, "--prove")
            beitzoo("diff", folder / "source.pt", out)
            seen[format] = loaders[format](out)
        same(seen["pytorch"], seen["safetensors"], f"{scheme} pytorch and safetensors")
        same(seen["paddle"], seen["safetensors"], f"{scheme} paddle and safetensors")


def unwrap(state):
    return state["model"] if "model" in state and isinstance(state["model"], dict) else state


CHECKS = (check_torch_containers, check_half, check_hf, check_hf_masked, check_paddle, check_recordings, check_matrix)


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
