"""The result of `beitzoo finetune` in the frameworks, and a training of two processes that beitzoo begins and ends.

The digits are trained for two epochs, and the result converted for PASSL, timm and transformers. Each loads it with no parameter missing or unexpected, and has as
many of the 360 test pictures right as `beitzoo eval`, with the same probabilities. Then a masked model is made a start for unilm's script, which two processes train on
CPUs, and one alone, and beitzoo itself: all three have the same parameters, and beitzoo reads and evaluates what the script has written.

unilm's and PASSL's code are stand-ins unless --unilm and --passl name checkouts. Exit code 1 if any check fails.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import traceback

import numpy
import safetensors.torch
import timm.data
import torch
import transformers
from PIL import Image
from torchvision.datasets import ImageFolder

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import family
import frameworks
import peer_timm
import peer_transformers
from check import Beitzoo

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
IMAGES = ROOT / "manifests" / "embedded" / "images"
PICTURES = ROOT / "testdata" / "tokenizer" / "digits_train.tar.gz"
DIGITS = family.Architecture(
    seed=0, maker="passl", task="classify", patch=16, window=(4, 4), heads=3, head_dim=16, depth=3, hidden=192, classes=10, channels=3, pooling="mean", bias="block",
    absolute=False, scale=True, epsilon=1e-6, dtype="float32", container="", wrapper="")


class Result:
    """A model of the digits, and what beitzoo says of it."""

    def __init__(self, beitzoo, path, *flags):
        self.beitzoo, self.path, self.flags = beitzoo, path, flags
        self.data = ImageFolder(IMAGES)
        self.right = json.loads(beitzoo("eval", path, IMAGES, "--json", "--quiet", "--engine", "native", *flags))["top1_correct"]

    def logs(self):
        """Logarithms of the probabilities of each picture, in float64."""
        said = json.loads(self.beitzoo("predict", self.path, *(path for path, _ in self.data.samples), "--json", "--quiet", "--engine", "native", "--dtype", "f64", "--top", "10", *self.flags))
        rows = numpy.empty((len(self.data), 10))
        for row, prediction in zip(rows, said["predictions"], strict=True):
            for answer in prediction["top"]:
                row[answer["class"]] = numpy.log(answer["probability"])
        return rows

    def check(self, name, run, pixels):
        """Compares with what a framework computes of pixels: run takes them in float64 or float32, and returns logits in the same."""
        logits = numpy.asarray(run(pixels.astype(numpy.float64)))
        highest = logits.max(1, keepdims=True)
        logs = logits - highest - numpy.log(numpy.exp(logits - highest).sum(1, keepdims=True))
        distance = numpy.abs(logs - self.logs()).max()
        if logits.dtype != numpy.float64 or not distance < 1e-10:
            raise AssertionError(f"{name}: {logits.dtype}, logarithms of probabilities differ by {distance:.2g}")
        classes = numpy.array([c for _, c in self.data.samples])
        single = numpy.asarray(run(pixels.astype(numpy.float32)))
        right = int((single.argmax(1) == classes).sum())
        if single.dtype != numpy.float32 or right != self.right or numpy.abs(single - logits).max() > 1e-4:
            raise AssertionError(f"{name}: {single.dtype}, {right} of {len(classes)} right, and {self.right} by beitzoo eval; {numpy.abs(single - logits).max():.2g} from float64")
        print(f"{name}: {right} of {len(classes)} right, as beitzoo eval says; logarithms of probabilities no more than {distance:.1g} apart in float64")


class Checks:
    """Each method check_* has a folder of its own."""

    def __init__(self, options):
        self.options, self.beitzoo = options, Beitzoo(options.beitzoo)

    def check_result(self, folder):
        trained = folder / "digits.safetensors"
        self.beitzoo("finetune", ROOT / "testdata" / "finetune" / "digits_start.unilm.pth", PICTURES, "-o", trained, "--epochs", "2", "--quiet")
        for name in ("passl.pdparams", "timm/", "hf/"):
            self.beitzoo("convert", trained, "--to", name.rstrip("/").removesuffix(".pdparams"), "-o", f"{folder}/{name}", "--quiet")
        result = Result(self.beitzoo, trained)

        folded = peer_timm.load_folder(folder / "timm")
        transform = timm.data.create_transform(**timm.data.resolve_model_data_config(folded), is_training=False)
        pictures = [Image.open(path).convert("RGB") for path, _ in result.data.samples]
        pixels = numpy.stack([transform(picture).numpy() for picture in pictures])
        result.check(f"timm {timm.__version__}", of_torch(folded), pixels)

        model, problems = peer_transformers.from_pretrained(folder / "hf")
        if problems:
            raise AssertionError(f"transformers: {problems}")
        own = peer_transformers.pil_processor(folder / "hf")(pictures, return_tensors="np")["pixel_values"]
        if numpy.abs(own - pixels).max() > 1e-6:
            raise AssertionError(f"transformers makes other pixels: {numpy.abs(own - pixels).max()} apart")
        result.check(f"transformers {transformers.__version__}", of_torch(model), pixels)

        passl = frameworks.Paddle(True, self.options.passl)
        in_paddle = passl.load(DIGITS, folder / "passl.pdparams", DIGITS.epsilon)
        result.check("PASSL's own classes" if self.options.passl else "a stand-in for PASSL's classes", of_paddle(passl, in_paddle), pixels)

    def check_processes(self, folder):
        """The commands of docs/finetuning.md, section "Several GPUs or machines"."""
        data, count = self.unpack(folder / "data"), 32
        start = folder / "start.pth"
        self.beitzoo("convert", ROOT / "testdata" / "mim" / "digits_mim_p16_64.unilm.pth", "-o", start, "--to", "unilm", "--classes", "10", "--per-block-bias", "--quiet")
        files, said = {}, ""
        for processes in (1, 2):
            output = folder / f"output-{processes}"
            said = self.torchrun(processes, start, data, output, count // processes)
            files[processes] = torch.load(output / "checkpoint-4.pth", weights_only=False)["model"]
        beside = folder / "beitzoo.safetensors"
        self.beitzoo(
            "finetune", start, data, "-o", beside, "--batch", count, "--epochs", "5", "--schedule", "unilm", "--warmup", "2", "--least-rate", "1e-6",
            "--recipe", "unilm", "--dtype", "f64", "--quiet")
        back = folder / "result.safetensors"
        self.beitzoo("convert", folder / "output-2" / "checkpoint-4.pth", "-o", back, "--to", "unilm", "--quiet")
        far = distance(files[2], safetensors.torch.load_file(back))
        if far:
            raise AssertionError(f"beitzoo convert changes parameters by {far}")
        moved = distance(files[2], read(start))
        one, own = distance(files[2], files[1]), distance(files[2], safetensors.torch.load_file(beside))
        print(f"five steps of two processes move parameters by up to {moved:.2g}; one process comes to the same within {one:.1g}, beitzoo finetune within {own:.1g}")
        if not (moved > 1e-3 and one < 1e-12 and own < 1e-12):
            raise AssertionError("that is too far, or too near")
        right = Result(self.beitzoo, back, "--recipe", "unilm").right
        share = re.findall(r"Accuracy of the network on the 360 test images: (\S+)%", said)[-1]
        if f"{100 * right / 360:.1f}" != share:
            raise AssertionError(f"{right} right by beitzoo eval, and {share} % by the script")
        print(f"{right} of 360 test pictures are right by beitzoo eval, {share} % by {'unilm' if self.options.unilm else 'the stand-in'}")

    def unpack(self, folder):
        """Writes the first pictures of each class, 32 together: a step for each epoch, whatever their order."""
        with tarfile.open(PICTURES) as packed:
            names = sorted(packed.getnames())
            for digit in "0123456789":
                of_class = [name for name in names if name.startswith(f"{digit}/")]
                packed.extractall(folder, [packed.getmember(name) for name in of_class[: 4 if digit in "36" else 3]], filter="data")
        return folder

    def torchrun(self, processes, start, data, output, batch):
        script = (self.options.unilm or HERE / "programs" / "unilm") / "beit"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}", HERE / "on_cpu.py", script,
             "--model", "beit_digits_patch16_64", "--input_size", "64", "--finetune", start, "--data_set", "image_folder", "--data_path", data, "--eval_data_path", IMAGES,
             "--nb_classes", "10", "--output_dir", output, "--batch_size", str(batch), "--epochs", "5", "--warmup_epochs", "2", "--lr", "2e-3", "--layer_decay", "0.65",
             "--weight_decay", "0.05", "--smoothing", "0.1", "--drop_path", "0", "--device", "cpu", "--num_workers", "0", "--seed", "0", "--min_lr", "1e-6"],
            capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
        if done.returncode:
            raise AssertionError(f"torchrun with {processes} processes: exit {done.returncode}\n{done.stdout[-3000:]}{done.stderr[:3000]}")
        return done.stdout


def of_torch(model):
    def run(pixels):
        with torch.no_grad():
            answer = model.to(getattr(torch, str(pixels.dtype)))(torch.from_numpy(pixels))
        return (answer if isinstance(answer, torch.Tensor) else answer.logits).numpy()
    return run


def of_paddle(passl, model):
    def run(pixels):
        model.to(dtype=str(pixels.dtype))
        for layer in model.sublayers():
            if hasattr(layer, "relative_position_index"):  # was made a number with a point, too
                layer.relative_position_index = layer.relative_position_index.astype("int64")
        return passl.outputs(DIGITS, model, pixels)
    return run


def read(path):
    found = torch.load(path, weights_only=True)
    return found.get("model", found)


def distance(a, b):
    """The largest distance of parameters of the same names; index buffers do not count."""
    a, b = ({name: value.double() for name, value in state.items() if not name.endswith("relative_position_index")} for state in (a, b))
    if set(a) != set(b):
        raise AssertionError(f"names differ: {sorted(set(a) ^ set(b))[:4]}")
    return max((a[name] - b[name]).abs().max().item() for name in a)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--beitzoo", required=True, help="a build with libtorch")
    parser.add_argument("--unilm", type=pathlib.Path, help="a checkout of microsoft/unilm")
    parser.add_argument("--passl", type=pathlib.Path, help="a checkout of PaddlePaddle/PASSL")
    parser.add_argument("--only", help="the end of the name of one check")
    options = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    checks, failed = Checks(options), 0
    for name in (n for n in dir(checks) if n.startswith("check_") and n.endswith(options.only or "")):
        with tempfile.TemporaryDirectory() as folder:
            try:
                getattr(checks, name)(pathlib.Path(folder))
            except Exception:
                failed += 1
                traceback.print_exc()
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
