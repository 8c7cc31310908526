"""Drawn models travel: each is written by a framework, and converted, published, pulled, bundled and converted back by beitzoo.

Every form computes in the frameworks what the source computes, and `predict` answers the same for it, or a line of `convert` names the flag with which it
does. Frameworks: transformers 4 and 5, timm, PASSL's and unilm's classes. A failure prints how to run its case alone.

Tolerances. Logits: float64 against float64, 1e-10 of the largest (PASSL 1e-6 where the epsilon is not PASSL's own: Paddle keeps it as float32;
2e-4 for the lines of Python for PASSL, which compute in float32).
Probabilities of a framework's pipeline and of `predict --dtype f64`: 1e-5 for PNG (both resize as Pillow does; the input is float32 and normalised in
another order of operations), 0.02 for JPEG (decoders differ by a step of 1/255). Between forms: the same to the last digit of the JSON.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import traceback

import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import drawn
import peer_paddle
import peer_timm

EXACT, PASSL, SINGLE, PNG, JPEG = 1e-10, 1e-6, 2e-4, 1e-5, 0.02
FILES = (("canonical.safetensors", "canonical"), ("timm.safetensors", "timm"), ("hf.safetensors", "hf"), ("unilm.pth", "unilm"),
         ("passl.pdparams", "passl"), ("paddlevit.pdparams", "paddlevit"))
ROOT = pathlib.Path(__file__).parent.parent.parent
STANDINS = pathlib.Path(__file__).parent / "programs"
KEYS = ROOT / "zoo" / "trust" / "testdata" / "minisign"


class Peer:
    """A process with one version of transformers."""

    def __init__(self, path=None):
        environment = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
        program = [sys.executable, "-W", "ignore", str(pathlib.Path(__file__).parent / "peer_transformers.py")]
        self.process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        self.version = json.loads(self.process.stdout.readline())
        self.name = f"transformers {self.version}"

    def __getattr__(self, request):
        def ask(**arguments):
            arguments = {k: str(v) if isinstance(v, pathlib.Path) else v for k, v in arguments.items()}
            print(json.dumps([request, arguments]), file=self.process.stdin, flush=True)
            answer = json.loads(self.process.stdout.readline())
            if "error" in answer:
                raise AssertionError(f"{self.name}: {request}:\n{answer['error']}")
            return answer["ok"]
        return ask


class Beitzoo:
    """The program under test, with a cache and a state of its own."""

    def __init__(self, path, home):
        self.path = str(path)
        self.environment = {**os.environ, **{f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA", "STATE")}}

    def __call__(self, *args):
        done = subprocess.run([self.path, *map(str, args)], capture_output=True, text=True, env=self.environment)
        return done.returncode, done.stdout, done.stderr

    def must(self, *args):
        code, out, err = self(*args)
        if code != 0:
            raise AssertionError(f"beitzoo {' '.join(map(str, args))}: exit {code}\n{err.strip()}")
        return out, err


class Travel:
    """The checks of one case; problems holds what failed."""

    def __init__(self, case, peers, path, programs, folder):
        self.case, self.peers, self.folder, self.programs = case, peers, folder, programs
        self.beitzoo = Beitzoo(path, folder / "home")
        self.problems, self.checks = [], 0
        self.images = drawn.pictures(case.seed, folder)
        self.pixels = folder / "pixels.npy"
        numpy.save(self.pixels, case.pixels())

    def check(self, ok, what):
        self.checks += 1
        if not ok:
            self.problems.append(what)
        return ok

    def attempt(self, what, step, *args):
        """Runs a step; an AssertionError of it is a problem, and so is any other error of a framework."""
        self.checks += 1
        try:
            return step(*args)
        except Exception as error:
            text = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            self.problems.append(f"{what}: {text.strip()}")

    # What the framework that made the model says.

    def write(self):
        """Writes the source, and finds out what its framework computes and answers."""
        case, folder = self.case, self.folder
        if case.source in self.peers:
            peer, self.source = self.peers[case.source], folder / "source"
            peer.write(case=case.asdict(), folder=self.source)
            peer.outputs(folder=self.source, pixels=self.pixels, out=folder / "source.npz")
            self.reference = dict(numpy.load(folder / "source.npz"))
            self.answers = peer.classify(folder=self.source, images=list(map(str, self.images))) if case.task == "classify" else None
            return
        if case.source == "passl":
            self.source = folder / "source.pdparams"
            outputs = peer_paddle.outputs(peer_paddle.write_file(case, self.source), case.pixels())
            self.answers = None
        else:
            name, write = {
                "timm-folder": ("source", peer_timm.write_folder), "unilm": ("source.pth", peer_timm.write_unilm),
                "timm-file": (f"source.{'pth' if case.seed % 2 else 'safetensors'}", peer_timm.write_file)}[case.source]
            self.source = folder / name
            model = write(case, self.source)
            outputs = peer_timm.outputs(model, case.pixels())
            if case.source == "timm-folder" and case.task == "classify" and case.square:
                rows = peer_timm.classify(model, self.images)
                names = case.labels or [None] * case.classes
                self.answers = [sorted(zip(names, row.tolist()), key=lambda answer: -answer[1]) for row in rows]
            else:
                self.answers = None
        self.reference = {{"classify": "logits", "masked": "logits", "encoder": "last_hidden_state", "features": "pooler_output"}[case.task]: outputs}

    # Flags.

    def flags(self):
        """Every flag that states something about the model, with its value."""
        case, folder = self.case, self.folder
        (folder / "arch.yaml").write_text(drawn.passl_yaml(case))
        (folder / "recipe.json").write_text(peer_timm.recipe_json(case))
        (folder / "labels.txt").write_text("".join(f"{name}\n" for name in case.labels or []))
        values = {
            "--epsilon": repr(case.epsilon), "--heads": case.heads, "--window": f"{case.window[0]}x{case.window[1]}", "--arch": folder / "arch.yaml",
            "--recipe": folder / "recipe.json", "--pooling": case.pooling}
        if case.source in ("hf4", "hf5"):
            values["--recipe"] = self.source / "preprocessor_config.json"
        if case.labels:
            values["--labels"] = folder / "labels.txt"
        if case.problem:
            values["--problem-type"] = case.problem
        return values

    def given(self, names):
        values = self.flags()
        return [part for name in sorted(names) if name in values for part in (name, values[name])]

    def needed(self):
        """The flags without which nobody could know what the source is."""
        case = self.case
        if case.folder:
            return set()
        names = {"--epsilon"} if case.epsilon != 1e-6 else set()
        if case.bias == "none":
            names.add("--heads")
        if not case.square or case.bias == "none" and not case.absolute:
            names.add("--window")
        return names

    def said(self, text):
        """The flags that lines of the program name."""
        return set(re.findall(r"--[a-z][a-z-]+", text))

    # What beitzoo answers.

    def predict(self, model, *flags):
        """The answer for all pictures; None if the program refuses."""
        code, out, err = self.beitzoo("predict", model, *self.images, "--json", "--dtype", "f64", "--top", 10**6, *flags)
        self.last = err.strip()
        if code != 0:
            return None
        answer = json.loads(out)
        rows = answer["images"] if isinstance(answer, dict) and "images" in answer else answer
        if isinstance(rows, dict):
            rows = next(value for value in rows.values() if isinstance(value, list))
        return [[(named(top.get("label"), top["class"]), top["class"], top["probability"]) for top in row["top"]] for row in rows]

    def source_answer(self):
        """What `predict` says of the source, which must be what the framework says."""
        flags = self.needed() | ({"--recipe"} if not self.case.folder else set()) | ({"--labels"} if not self.case.folder and self.case.labels else set())
        answer = self.predict(self.source, *self.given(flags))
        if not self.check(answer is not None, f"predict {self.source} {self.given(flags)}: {self.last}"):
            return None
        if self.answers:
            self.agrees(answer, self.answers, "predict of the source and its framework")
        return answer

    def agrees(self, answer, want, what):
        for image, ours, theirs in zip(self.images, answer, want):
            tolerance = JPEG if image.suffix == ".jpg" else PNG
            named = all(label is not None for label, _ in theirs) and self.case.labels
            a = sorted((label or "" if named else "", probability) for label, _, probability in ours)
            b = sorted((label if named else "", probability) for label, probability in theirs)
            far = max((abs(x[1] - y[1]) for x, y in zip(a, b)), default=0)
            self.check(len(a) == len(b) and [x[0] for x in a] == [y[0] for y in b] and far <= tolerance,
                       f"{what}: {image.name}: probabilities differ by {far:.2g}, or names:\n  beitzoo   {ours[:3]}\n  framework {theirs[:3]}")

    def answers_the_same(self, form, notes, *zoo):
        """A form answers as the source does, or its notes name flags with which it does. Returns the flags that it took."""
        if self.answer is None:
            return set()
        names = set()
        got = self.predict(form, *zoo)
        if got != self.answer:
            why = self.last if got is None else "another answer"
            names = self.said(notes) & set(self.flags())
            got = self.predict(form, *zoo, *self.given(names))
            self.check(got == self.answer, f"predict {form.name if isinstance(form, pathlib.Path) else form}: {why}; with the flags that convert named "
                       f"({' '.join(sorted(names)) or 'none'}) {self.last if got is None else 'still another answer'}\n  notes: {flagged(notes)}"
                       + ("" if got is None else f"\n  got  {got[0][:2]}\n  want {self.answer[0][:2]}"))
        else:
            self.checks += 1
        return names

    # Forms.

    def convert(self, source, target, *flags):
        """Converts, and returns what the program said, or None if that failed."""
        code, out, err = self.beitzoo("convert", source, "-o", target, "--no-sync", "--snippet", *flags)
        out, _, self.snippet = out.partition("\n\n")
        if self.check(code == 0, f"convert {source} -o {target} {' '.join(map(str, flags))}: exit {code}: {err.strip()}"):
            return out + err
        return None

    def same(self, got, key, what, tolerance=EXACT):
        want = self.reference[key]
        if key == "last_hidden_state" and key not in got:
            key = "pooler_output"
        got = got[key]
        ok = peer_timm.close(got, want, tolerance)
        self.check(ok, f"{what}: {key} is {numpy.abs(got - want).max() if got.shape == want.shape else (got.shape, want.shape)} away")

    def hf_folder(self, folder, notes, answers=True):
        """Both versions of transformers load a folder with nothing missing, compute the same and answer the same."""
        for peer in self.peers.values():
            out = self.folder / "out.npz"
            loaded = self.attempt(f"{peer.name}: {folder.name}", lambda: peer.outputs(folder=folder, pixels=self.pixels, out=out))
            if loaded is None:
                continue
            self.check(not loaded["problems"], f"{peer.name}: {folder.name}: {loaded['class']}.from_pretrained: {loaded['problems']}")
            got = dict(numpy.load(out))
            key = next(iter(k for k in ("logits", "pooler_output", "last_hidden_state") if k in self.reference and k in got), None)
            if self.check(key is not None, f"{peer.name}: {folder.name}: computes {list(got)}, the source {list(self.reference)}"):
                self.same(got, key, f"{peer.name}: {folder.name}", PASSL if self.case.source == "passl" and self.case.epsilon != 1e-6 else EXACT)
            if answers and self.answer and "--recipe" not in self.said(notes):
                theirs = self.attempt(f"{peer.name}: pipeline of {folder.name}",
                                      lambda: peer.classify(folder=folder, images=list(map(str, self.images))))
                if theirs:
                    self.agrees(self.answer, theirs, f"predict of the source and {peer.name}'s pipeline of {folder.name}")

    def timm_folder(self, folder, notes):
        """timm.create_model loads a folder, computes the same and prepares pictures the same."""
        model = self.attempt(f"timm: {folder.name}", peer_timm.load_folder, folder)
        if model is None:
            return
        if "epsilon" in notes:
            peer_timm.set_epsilon(model, self.case.epsilon)
        key = "logits" if self.case.classes else "pooler_output"
        self.same({key: peer_timm.outputs(model, self.case.pixels())}, key, f"timm: {folder.name}")
        if self.answer and "--recipe" not in self.said(notes) and "what the logits mean" not in notes:
            rows = peer_timm.classify(model, self.images)
            names = peer_timm.label_names(folder) or [None] * len(rows[0])
            self.agrees(self.answer, [list(zip(names, row.tolist())) for row in rows], f"predict of the source and timm's answer with {folder.name}")

    def frameworks(self, name, out, scheme):
        """A file loads strictly in the framework whose names it has, and computes the same."""
        case = self.case
        key = next(iter(self.reference))
        if "pooler_output" in self.reference:
            key = "pooler_output"
        what = f"{scheme}'s classes with {name}"
        if scheme in ("timm", "unilm", "canonical"):
            model = self.attempt(what, peer_timm.load_file, case, out)
            if model is not None:
                self.same({key: peer_timm.outputs(model, case.pixels())}, key, what, PASSL if case.source == "passl" and case.epsilon != 1e-6 else EXACT)
        elif scheme == "passl" and case.classes:
            model = self.attempt(what, peer_paddle.load_file, case, out)
            if model is not None:
                self.same({key: peer_paddle.outputs(model, case.pixels())}, key, what, PASSL if case.epsilon != 1e-6 else EXACT)

    def runs(self, form, scheme):
        """The lines of Python that convert printed build the model and compute what the source computes."""
        what = f"the lines of Python for {form.name}"
        if not self.check(self.snippet or not self.has_lines(scheme), f"{what}: there are none"):
            return
        tolerance = PASSL if "passl" in (self.case.source, scheme) and self.case.epsilon != 1e-6 else EXACT
        key = "pooler_output" if "pooler_output" in self.reference else next(iter(self.reference))
        if not self.snippet:
            return
        if scheme == "hf":
            if not self.case.square:
                return  # transformers computes something else, as convert said
            for peer in self.peers.values():
                out = self.folder / "out.npz"
                before = len(self.problems)
                self.attempt(f"{peer.name}: {what}:\n{self.snippet}", lambda: peer.run(snippet=self.snippet, pixels=self.pixels, out=out))
                if len(self.problems) == before:
                    self.same(dict(numpy.load(out)), key, f"{peer.name}: {what}", tolerance)
            return
        if scheme == "passl":
            got, tolerance = self.attempt(f"{what}:\n{self.snippet}", peer_paddle.run, self.snippet, self.programs, self.case.pixels()), SINGLE
        else:
            got = self.attempt(f"{what}:\n{self.snippet}", peer_timm.run, self.case, self.snippet, self.programs, self.case.pixels())
        if got is not None:
            self.same({key: got}, key, what, tolerance)

    def has_lines(self, scheme):
        """Whether the program of a scheme has a class for the case."""
        masked = self.case.task in ("masked", "encoder")
        if scheme == "passl":
            return not masked and self.case.square and self.case.bias != "shared"
        return scheme != "paddlevit" and not (masked and scheme in ("timm", "canonical"))

    def back(self, name, out, flags, wanted):
        """A form converted back to a Hugging Face folder is the folder that the source became."""
        again = self.folder / f"again-{name.replace('.', '-')}"
        if self.convert(out, again, "--to", "hf", "--prove", *flags) is None:
            return
        for file in sorted(wanted.iterdir()):
            other = again / file.name
            if file.name == "preprocessor_config.json" and self.case.task != "classify":
                continue
            differs = difference(file, other) if other.exists() else "it is missing"
            self.check(not differs, f"{name} converted back to a folder: {file.name}: {differs}")

    def publish(self):
        """Published, bundled and pulled again, the model answers the same."""
        zoo, bundle = self.folder / "zoo", self.folder / "drawn.bundle"
        trust = ("--zoo", zoo, "--trust", KEYS / "open.pub", "--offline")
        code, out, err = self.beitzoo(
            "publish", self.source, zoo, "--name", "drawn", "--version", "1.0.0", "--sign", KEYS / "open.key", *self.given(self.needed()), *self.card_flags("publish"))
        notes = out + err
        if not self.check(code == 0, f"publish: exit {code}: {err.strip()}"):
            return
        self.answers_the_same("drawn", notes, *trust)
        pulled = self.folder / "pulled.safetensors"
        code, out, err = self.beitzoo("pull", "drawn", "-o", pulled, "--to", "canonical", *trust)
        if self.check(code == 0, f"pull: exit {code}: {err.strip()}"):
            self.answers_the_same(pulled, notes + out + err)
        if self.writes_hf:
            code, out, err = self.beitzoo("pull", "drawn", "-o", self.folder / "pulled-hf", "--to", "hf", *trust)
            if self.check(code == 0, f"pull --to hf: exit {code}: {err.strip()}"):
                self.answers_the_same(self.folder / "pulled-hf", notes + out + err)
        code, _, err = self.beitzoo("bundle", "drawn", "-o", bundle, *trust)
        if self.check(code == 0, f"bundle: exit {code}: {err.strip()}"):
            self.answers_the_same("drawn", notes, "--zoo", bundle, "--trust", KEYS / "open.pub", "--offline")

    def card_flags(self, command):
        """Recipe and labels, for a source that does not state them, where a command takes them."""
        if self.case.folder or self.case.task != "classify" or not self.case.square:
            return []
        help_text = self.beitzoo(command, "--help")[1]
        return self.given({"--recipe"} | ({"--labels"} if self.case.labels else set()) & self.said(help_text) if "--recipe" in help_text else set())

    def run(self):
        case = self.case
        self.write()
        self.answer = self.source_answer() if case.task == "classify" and case.square else None
        flags = [*self.given(self.needed()), *self.card_flags("convert")]
        if not case.folder and "--recipe" not in flags:
            self.answer = None  # nothing to carry what the command line can't say

        hf = self.folder / "hf"
        code, out, err = self.beitzoo("convert", self.source, "-o", hf, "--to", "hf", "--prove", "--no-sync", "--snippet", *flags)
        out, _, self.snippet = out.partition("\n\n")
        notes, self.writes_hf = out + err, code == 0
        if case.square:
            if self.check(code == 0, f"convert {self.source} -o {hf} --to hf: exit {code}: {err.strip()}"):
                self.hf_folder(hf, notes)
                self.runs(hf, "hf")
                self.answers_the_same(hf, notes)
        else:
            self.check(code != 0 or "transformers" in notes or "Hugging Face" in notes, f"a folder for a window of {case.window}: nothing is said: {notes}")
            self.writes_hf = False

        if case.task in ("classify", "features"):
            timm_folder = self.folder / "timm"
            notes = self.convert(self.source, f"{timm_folder}/", "--to", "timm", "--prove", *flags)
            if notes is not None:
                self.timm_folder(timm_folder, notes)
                self.runs(timm_folder, "timm")
                self.answers_the_same(timm_folder, notes)
                if self.writes_hf:
                    self.back("timm", timm_folder, self.given(self.said(notes)), hf)

        for name, scheme in FILES:
            out = self.folder / name
            notes = self.convert(self.source, out, "--to", scheme, "--prove", *flags)
            if notes is None:
                continue
            names = self.answers_the_same(out, notes)
            self.attempt(name, self.frameworks, name, out, scheme)
            self.runs(out, scheme)
            if self.writes_hf:
                self.back(name, out, self.given(names | self.said(notes)), hf)
        if case.classes:
            self.publish()


def named(label, index):
    """The name of a class; none for the one that transformers invents."""
    return None if label == f"LABEL_{index}" else label


def flagged(text):
    """The lines of a text that name flags."""
    return "\n         ".join(line for line in text.splitlines() if "--" in line) or "none with a flag"


def difference(a, b):
    """The keys in which two JSON files differ, or whether other files do; empty if they are equal."""
    if a.suffix != ".json":
        return "" if a.read_bytes() == b.read_bytes() else "other bytes"
    a, b = (effective(json.loads(file.read_text())) for file in (a, b))
    return ", ".join(f"{k} {a.get(k)!r:.80} became {b.get(k)!r:.80}" for k in sorted({**a, **b}) if a.get(k) != b.get(k))


def effective(values):
    """What a configuration makes a program do; of one for image processors, only that."""
    if "image_mean" not in values:
        if values.get("problem_type") == "single_label_classification":
            del values["problem_type"]  # so it is for several classes anyway
        return values
    if not values["do_center_crop"]:
        values["crop_size"] = None
    return {key: values[key] for key in ("size", "crop_size", "do_center_crop", "resample", "image_mean", "image_std")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--beitzoo", required=True)
    parser.add_argument("--transformers4", required=True, help="the folder with transformers 4")
    parser.add_argument("--unilm", type=pathlib.Path, default=STANDINS / "unilm", help="a checkout of microsoft/unilm, for the lines of Python that import it")
    parser.add_argument("--passl", type=pathlib.Path, default=STANDINS / "PASSL", help="a checkout of PaddlePaddle/PASSL, likewise")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drawn", type=int, default=12, help="how many models")
    parser.add_argument("--case", type=int, help="only this case")
    parser.add_argument("--source", choices=drawn.SOURCES)
    parser.add_argument("--task", choices=("classify", "masked", "encoder", "features"))
    parser.add_argument("--keep", type=pathlib.Path, help="write the files of --case to this folder, and leave them there")
    args = parser.parse_args()
    torch.set_num_threads(1)
    peers = {"hf4": Peer(args.transformers4), "hf5": Peer()}
    for name, peer in peers.items():
        assert peer.version.startswith(name[-1]), f"{name} is transformers {peer.version}"
    checkouts = tempfile.TemporaryDirectory()  # one for all cases: Python remembers where it found a module
    programs = pathlib.Path(checkouts.name)
    (programs / "unilm").symlink_to(args.unilm.resolve())
    (programs / "PASSL").symlink_to(args.passl.resolve())
    seeds = [args.case] if args.case is not None else range(1000 * args.seed, 1000 * args.seed + args.drawn)
    checks = failed = 0
    for seed in seeds:
        case = drawn.draw(seed, args.source, args.task)
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as temporary:
            folder = args.keep or pathlib.Path(temporary)
            folder.mkdir(exist_ok=True)
            travel = Travel(case, peers, pathlib.Path(args.beitzoo).resolve(), programs, folder)
            travel.attempt("the case", travel.run)
        checks, failed = checks + travel.checks, failed + len(travel.problems)
        print(f"{'FAIL' if travel.problems else 'ok  '} {seed}: {travel.checks} checks, {time.monotonic() - started:.1f} s: {case.source} {case.task}, "
              f"{case.height}x{case.width}/{case.patch}, {case.heads}x{case.head_dim}, depth {case.depth}, {case.classes} classes, {case.pooling}, bias {case.bias}, "
              f"absolute {case.absolute}, scale {case.scale}, epsilon {case.epsilon}, {case.dtype}", flush=True)
        for problem in travel.problems:
            print("     " + problem.replace("\n", "\n     "))
        if travel.problems:
            print(f"     to see it again: make interop-drawn CASE={seed}", flush=True)
    print(f"{checks} checks of drawn models, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
