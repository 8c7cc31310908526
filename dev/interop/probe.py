"""The linear probe beside a solver that has nothing to do with it: Newton's method on the whole Hessian, in float64, with torch.

    probe.py record FEATURES OUTPUT   keep features, as `beitzoo predict --features` wrote them, and what Newton makes of them, for the tests of Go
    probe.py check BEITZOO MODEL DATA compare `beitzoo finetune --probe` with Newton on the features that `beitzoo predict` writes, for a few penalties

The class of a picture is the folder that it is in.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy
import safetensors.numpy
import torch

PENALTIES = (1.0, 1e-2, 1e-4)


def newton(features, classes, penalty, count):
    """Weights and biases for the features as they are, the value at the minimum, and what is left of the gradient there."""
    mean, deviation = features.mean(0), features.std(0)
    deviation = numpy.where(deviation < 1e-12, 1.0, deviation)
    x = torch.tensor((features - mean) / deviation)
    y = torch.tensor(classes)
    width = x.shape[1]

    def objective(flat):
        weight, bias = flat[: count * width].reshape(count, width), flat[count * width:]
        return torch.nn.functional.cross_entropy(x @ weight.T + bias, y) + penalty / 2 * (weight**2).sum()

    at = torch.zeros(count * (width + 1), dtype=torch.float64)
    gradient_of = torch.func.grad(objective)
    for _ in range(100):
        gradient, hessian = gradient_of(at), torch.func.hessian(objective)(at)
        # The biases may all move together: of these moves the smallest is none.
        move = torch.linalg.lstsq(hessian, gradient.unsqueeze(1), driver="gelsd").solution.squeeze(1)
        length = 1.0
        while objective(at - length * move) > objective(at) + 1e-15 and length > 1e-6:
            length /= 2
        at = at - length * move
        if gradient_of(at).abs().max() < 1e-13:
            break
    left = gradient_of(at).abs().max().item()
    assert left < 1e-12, left
    weight = at[: count * width].reshape(count, width).numpy() / deviation
    bias = at[count * width:].numpy() - weight @ mean
    return weight, bias, objective(at).item(), left


def read(path):
    """Features and classes of a file that beitzoo wrote."""
    with safetensors.safe_open(path, "np") as file:
        features = file.get_tensor("features").astype(numpy.float64)
        names = json.loads(file.metadata()["names"]) if "names" in file.metadata() else None
    return features, names


def record(source, output):
    features, names = read(source)
    classes = numpy.array([int(pathlib.Path(name).parent.name) for name in names])
    kept = {"features": features, "classes": classes.astype(numpy.float64)}
    for penalty in PENALTIES:
        weight, bias, value, left = newton(features, classes, penalty, 10)
        kept |= {f"{penalty:g}.weight": weight, f"{penalty:g}.bias": bias, f"{penalty:g}.objective": numpy.array([value])}
        print(f"penalty {penalty:g}: {value:.15f}, {left:.2g} left of the gradient")
    safetensors.numpy.save_file(kept, output)


def check(beitzoo, model, data):
    """Every second picture of each class is learnt, and the others are tested."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for picture in sorted(pathlib.Path(data).glob("*/*")):
            part = folder / ("test" if len(list((folder / "train" / picture.parent.name).glob("*"))) > len(list((folder / "test" / picture.parent.name).glob("*"))) else "train")
            (part / picture.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, part / picture.parent.name)
        features, classes = {}, {}
        for part in ("train", "test"):
            listed = folder / f"{part}.txt"
            listed.write_text("".join(f"{p}\n" for p in sorted((folder / part).glob("*/*"))), encoding="utf-8")
            subprocess.run([beitzoo, "predict", model, "--list", str(listed), "--features", str(folder / f"{part}.safetensors"), "--dtype", "f64", "--quiet"],
                           check=True, stdout=subprocess.DEVNULL)
            features[part], names = read(folder / f"{part}.safetensors")
            classes[part] = numpy.array([int(pathlib.Path(n).parent.name) for n in names])
        for penalty in PENALTIES:
            ran = subprocess.run([beitzoo, "finetune", model, str(folder / "train"), "--test", str(folder / "test"), "--probe", "--penalty", str(penalty), "--dtype", "f64", "--json",
                                  "--quiet"], check=True, capture_output=True, text=True)
            said = json.loads(ran.stdout)
            weight, bias, value, _ = newton(features["train"], classes["train"], penalty, 10)
            right = int((numpy.argmax(features["test"] @ weight.T + bias, 1) == classes["test"]).sum())
            assert abs(said["objective"] - value) < 1e-10, (said["objective"], value)
            assert said["test"]["correct"] == right, (said["test"], right)
            print(f"penalty {penalty:g}: {value:.12f} at the minimum, {right} of {len(classes['test'])} right, in both")


if __name__ == "__main__":
    {"record": record, "check": check}[sys.argv[1]](*sys.argv[2:])
