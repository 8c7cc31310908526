"""Architectures drawn by a seed cross between all programs: each is made by a framework, and converted to every scheme, format and folder that can hold it.

For each conversion: beitzoo proves it (--prove); the formats of one scheme hold equal bits, as the frameworks' readers read them; the framework whose names
they are loads the result strictly, with nothing missing and nothing unexpected, and computes in float64 what the source computes; converted back to the names
of its maker it has the bits that the maker wrote. What beitzoo refuses must be a row of REFUSALS, and what no framework can load a row of its own: both are
counted, and printed at the end.

Tolerance: 1e-12 of the largest value, float64 against float64. Paddle keeps epsilon as float32, so beside Paddle the others get that epsilon.
"""

import argparse
import collections
import concurrent.futures
import copy
import dataclasses
import json
import multiprocessing
import multiprocessing.util
import os
import pathlib
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import family

BOUND = 1e-12
SCHEMES = ("canonical", "timm", "unilm", "hf", "data2vec", "passl", "paddlevit", "openmmlab")
FORMATS = {"safetensors": ".safetensors", "pytorch": ".pth", "paddle": ".pdparams"}
FOLDERS = ("hf", "data2vec", "timm")
PADDLE = ("passl", "paddlevit")
BRANCH = r"cls_pt_layers\.|patch_aggregation\."  # BEiT v2's class-token branch in names of unilm and OpenMMLab
BRANCHED = ("canonical", "unilm", "openmmlab")
PROGRAMS = pathlib.Path(__file__).parent / "programs"


@dataclasses.dataclass(frozen=True)
class Target:
    scheme: str
    form: str  # one of FORMATS, or folder

    def __str__(self):
        return f"{self.scheme} folder" if self.form == "folder" else f"{self.scheme}{FORMATS[self.form]}"


TARGETS = [Target(scheme, form) for scheme in SCHEMES for form in FORMATS] + [Target(scheme, "folder") for scheme in FOLDERS]

# What beitzoo may refuse: for which architecture and target, what it then says, and why that is right.
REFUSALS = (
    ("a folder of timm with a masked model: timm has no class for it",
     lambda a, target: a.masked and target == Target("timm", "folder"), "timm has no class for masked image modelling"),
    ("a folder of timm with a mask token, unless it is left out: timm's classes have none",
     lambda a, target: a.task == "encoder" and target == Target("timm", "folder"), "timm loads no mask_token"),
    ("a folder of timm with a model without a last norm: timm builds it only by an argument that no folder holds",
     lambda a, target: a.task == "tokens" and target == Target("timm", "folder"), "timm builds no model without a last norm"),
    ("a head of data2vec's pre-training in transformers: it has no class with one",
     lambda a, target: a.task == "regression" and target.scheme in ("hf", "data2vec"), "has no place for a regression head"),
    ("a head for visual tokens in transformers' data2vec-vision: it has no class with one",
     lambda a, target: a.task in ("masked", "branch") and target.scheme == "data2vec", "has no place for a head for visual tokens"),
    ("BEiT v2's class-token branch in programs that have none, unless it is left out",
     lambda a, target: a.task == "branch" and target.scheme not in BRANCHED, "has no place for the branch of the class token"),
    ("a folder of transformers with a window that is not square: it reshapes tables as if they were turned, and can't add position embeddings",
     lambda a, target: target in (Target("hf", "folder"), Target("data2vec", "folder")) and turned(a), "would be of no use: transformers"),
)


def turned(a):
    """Whether transformers computes something else, or nothing, because the window is not square."""
    return not a.square and (a.absolute or a.bias != "none")


class Count:
    """What was done, and what was not done why."""

    def __init__(self):
        self.done, self.refused, self.unchecked = collections.Counter(), collections.Counter(), collections.Counter()

    def add(self, other):
        for mine, its in zip(vars(self).values(), vars(other).values()):
            mine.update(its)


class Crossing:
    """The checks of one architecture; problems holds what failed."""

    def __init__(self, a, bench, folder):
        self.a, self.bench, self.folder = a, bench, folder
        self.problems, self.count, self.failures, self.strayed = [], Count(), collections.defaultdict(list), collections.defaultdict(list)
        self.pixels = folder / "pixels.npy"
        numpy.save(self.pixels, a.pixels())
        self.references = {}

    def check(self, ok, what):
        self.count.done["checks"] += 1
        if not ok:
            self.problems.append(what)
        return ok

    def attempt(self, what, step, *args):
        """Runs a step of a framework, of which every error is a problem, and tells what came of it; None if nothing did."""
        self.count.done["checks"] += 1
        try:
            return step(*args)
        except self.bench.NoClass as why:
            self.count.done["checks"] -= 1
            self.count.unchecked[str(why)] += 1
        except Exception as error:
            lines = (str(error) if isinstance(error, AssertionError) else traceback.format_exc()).strip().splitlines()
            self.problems.append(f"{what}: " + "\n".join(lines if len(lines) < 6 or self.bench.verbose else [lines[0], "...", *lines[-3:]]))

    def beitzoo(self, *args):
        done = subprocess.run([self.bench.beitzoo, *map(str, args)], capture_output=True, text=True, env=self.bench.environment)
        return done.returncode, done.stdout + done.stderr

    # The source.

    def write(self):
        """Writes the source; want are its bits under its maker's names, as other programs than beitzoo read them."""
        a, bench = self.a, self.bench
        if a.maker in bench.peers:
            peer = bench.peers[a.maker]
            self.source = pathlib.Path(peer.make(a=a.asdict(), folder=self.folder))
            self.want = bench.read_bits(self.folder / "plain" / "model.safetensors")
            return
        maker = bench.makers[a.maker]
        self.model = maker.make(a)
        if a.maker in PADDLE:
            self.source = bench.write_paddle(maker, self.model, a, self.folder)
            self.want = bench.bits(bench.cast(maker.names(self.model.state_dict()), a.dtype))
        else:
            self.source = bench.files.write(self.model, a, self.folder)
            self.want = bench.bits(copy.deepcopy(self.model).to(bench.dtype(a)).state_dict())

    def reference(self, epsilon):
        """What the maker's model computes with this epsilon."""
        if epsilon not in self.references:
            a, bench = self.a, self.bench
            if a.maker in bench.peers:
                out, folder = self.folder / "reference.npy", self.folder / "plain"
                config = json.loads((folder / "config.json").read_text())
                (folder / "config.json").write_text(json.dumps({**config, "layer_norm_eps": epsilon}))
                found = bench.peers[a.maker].compute(a=a.asdict(), folder=folder, pixels=self.pixels, out=out)
                assert not found["problems"], found
                self.references[epsilon] = numpy.load(out)
            else:
                bench.set_epsilon(self.model, epsilon)
                self.references[epsilon] = bench.makers[a.maker].outputs(a, self.model, a.pixels())
        return self.references[epsilon]

    def flags(self):
        """The flags without which nobody could know what the source is."""
        a = self.a
        if a.container in family.FOLDERS:
            return []
        flags = ["--epsilon", repr(a.epsilon)]
        if a.bias == "none":
            flags += ["--heads", a.heads]
        if not a.square or a.bias == "none" and not a.absolute:
            flags += ["--window", f"{a.window[0]}x{a.window[1]}"]
        return flags

    # The targets.

    def written(self, scheme):
        """The architecture as it is in files of a scheme: both kinds of bias tables are one, and the class-token branch is only where it has names."""
        a = dataclasses.replace(self.a, bias="block") if self.a.bias == "both" else self.a
        return dataclasses.replace(a, task="masked") if a.task == "branch" and scheme not in BRANCHED else a

    def refused(self, target, text):
        """Whether a refusal is one of those that are right, which is then counted."""
        for reason, applies, says in REFUSALS:
            if applies(self.a, target) and re.search(says, text):
                self.count.refused[reason] += 1
                return True
        return False

    def convert(self, source, target, out, flags):
        args = ("convert", source, "-o", f"{out}/" if target.form == "folder" else out, "--to", target.scheme, "--prove", "--no-sync", *flags)
        code, text = self.beitzoo(*args)
        self.count.done["conversions"] += 1
        if code != 0 and "branch of the class token" in text and self.refused(target, text):
            code, text = self.beitzoo(*args, "--drop", "cls-branch", "--lossy", "cls-branch")
            self.count.done["conversions"] += 1
        if code == 0:
            self.count.done["checks"] += 1
            if target.scheme in ("hf", "data2vec") and turned(self.a):
                self.check("transformers" in text, f"convert {source.name} to {target}: nothing is said of what transformers makes of a window of {self.a.window}")
            return True
        if not self.refused(target, text):
            self.count.done["checks"] += 1
            self.failures[f"exit {code}: {text.strip()}"].append(target)
        return False

    def run(self):
        self.write()
        flags, made = self.flags(), {}
        for target in TARGETS:
            out = self.folder / ("to-" + target.scheme if target.form == "folder" else f"to-{target.scheme}{FORMATS[target.form]}")
            if target.scheme in self.bench.schemes and self.convert(self.source, target, out, flags):
                made[target] = out
        for text, targets in self.failures.items():  # what is refused for several targets, for one reason, is one problem
            self.problems.append(f"convert {self.source.name} to {listed(targets)}: {text}")
        for scheme in SCHEMES:
            files = {target.form: out for target, out in made.items() if target.scheme == scheme and target.form != "folder"}
            if files:
                self.check(len(files) == len(FORMATS), f"{scheme}: only the formats {', '.join(files)}")
                self.same_bits(scheme, files)
                self.attempt(f"{scheme} file in its framework", self.load_file, scheme, files)
        for target, out in made.items():
            if target.form == "folder":
                self.attempt(f"{target} in its framework", self.load_folder, target.scheme, out)
            self.back(target, out)
        self.walk(made)
        for text, targets in self.strayed.items():
            self.problems.append(f"{listed(targets)} {text}")

    def same_bits(self, scheme, files):
        """The formats of one scheme hold the same."""
        first, *others = [(form, self.bench.read_bits(path)) for form, path in files.items()]
        for form, found in others:
            self.check(not differing(found, first[1]), f"{scheme}: {form} and {first[0]}: {differing(found, first[1])}")

    def near(self, got, want, what):
        """Whether a model computes what the source computes. Of a model that lost its class-token branch, only the rest is there, as strict loading noticed."""
        if self.a.task == "branch" and got.shape[1] == want.shape[1] // 2:
            want = want[:, :got.shape[1]]
        far = numpy.abs(got - want).max() / max(1.0, numpy.abs(want).max()) if got.shape == want.shape else f"of shape {got.shape}, not {want.shape}"
        self.check(got.shape == want.shape and far <= BOUND, f"{what}: what it computes is {far} away")
        if got.shape == want.shape:
            self.count.done["logits in float64"] += 1

    def load_file(self, scheme, files):
        """The framework of a scheme loads the file that it would load, and computes the same."""
        a, bench = self.written(scheme), self.bench
        if scheme in ("hf", "data2vec"):
            folder = self.folder / f"with-{scheme}"
            for form, name in (("safetensors", "model.safetensors"), ("pytorch", "pytorch_model.bin")):
                (folder / form).mkdir(parents=True)
                (folder / form / name).symlink_to(files[form])
                bench.own_peer.configure(a=a.asdict(), data2vec=scheme == "data2vec", folder=folder / form)
                self.transformers(a, f"{scheme} {form} file with a configuration of ours", folder / form)
            return
        framework = bench.frameworks["unilm" if a.task == "branch" and scheme == "canonical" else scheme]
        epsilon = float(numpy.float32(a.epsilon)) if scheme in PADDLE or a.maker in PADDLE else a.epsilon
        for form in ("paddle",) if scheme in PADDLE else ("safetensors", "pytorch"):
            model = framework.load(a, files[form], epsilon)
            self.near(framework.outputs(a, model, a.pixels()), self.reference(epsilon), f"{scheme} {form} file in its framework")

    def transformers(self, a, what, folder):
        """Both versions of transformers load a folder with nothing missing or unexpected, and compute the same."""
        out = self.folder / "out.npy"
        if turned(a):
            raise self.bench.NoClass("transformers computes something else where the window is not square")
        for peer in self.bench.transformers:
            epsilon = json.loads((folder / "config.json").read_text())["layer_norm_eps"]
            self.check(epsilon == a.epsilon, f"{what}: config.json states the epsilon {epsilon}, not {a.epsilon}")
            found = self.attempt(f"{peer.name}: {what}", lambda: peer.compute(a=a.asdict(), folder=folder, pixels=self.pixels, out=out))
            if found:
                self.check(not found["problems"], f"{peer.name}: {what}: {found['class']}.from_pretrained: {found['problems']}")
                self.near(numpy.load(out), self.reference(a.epsilon), f"{peer.name}: {what}")

    def load_folder(self, scheme, folder):
        a, bench = self.written(scheme), self.bench
        if scheme != "timm":
            self.transformers(a, f"{scheme} folder", folder)
            return
        model = bench.load_timm_folder(folder)
        bench.set_epsilon(model, a.epsilon)  # it can't be stated there
        self.near(bench.frameworks["timm"].outputs(a, model, a.pixels()), self.reference(a.epsilon), "timm folder")

    def back(self, target, out, what="back"):
        """Converted back to its maker's names, a target has the bits that the maker wrote, but for a class-token branch that was left out."""
        a = self.a
        form = "paddle" if a.scheme in PADDLE else "safetensors" if a.scheme in ("hf", "data2vec") else "pytorch"
        again = self.folder / f"{what}-{target.scheme}-{target.form}{FORMATS[form]}"
        code, text = self.beitzoo("convert", out, "-o", again, "--to", a.scheme, "--prove", "--no-sync", *self.flags_of(target))
        self.count.done["conversions"] += 1
        if self.check(code == 0, f"{target} {what} to {a.scheme}: exit {code}: {text.strip()}"):
            found, want = self.plain(self.bench.read_bits(again)), self.plain(self.want)
            if not any(re.search(BRANCH, name) for name in found):
                want = {name.replace("neck.norm.", "backbone.ln1."): value for name, value in want.items() if not re.search(BRANCH, name)}
            self.count.done["checks"] += 1
            if differs := differing(found, want):
                self.strayed[f"{what} to {a.scheme}: {differs}"].append(target)

    def walk(self, made):
        """From scheme to scheme in an order of its own, and home: after each step, the bits are those of the direct way, which a framework has loaded."""
        a, r, names = self.a, random.Random(f"walk {self.a.seed}"), {target.scheme for target in made}
        if a.task == "branch":
            names &= set(BRANCHED)
        order = [scheme for scheme in r.sample(SCHEMES, len(SCHEMES)) if scheme in names]
        chain = ("openmmlab", "hf", "timm", "passl")
        if a.maker == "unilm" and names.issuperset(chain) and a.seed % 4:
            order = chain
            self.count.done["chains unilm, OpenMMLab, HF, timm, PASSL, unilm"] += 1
        at, target = self.source, None
        for step, scheme in enumerate(order):
            before, target = target, r.choice(sorted((t for t in made if t.scheme == scheme), key=str))
            out = self.folder / f"step-{step}-{made[target].name}"
            flags = self.flags() if before is None else self.flags_of(before)
            code, text = self.beitzoo("convert", at, "-o", f"{out}/" if target.form == "folder" else out, "--to", scheme, "--prove", "--no-sync", *flags)
            self.count.done["conversions"] += 1
            if not self.check(code == 0, f"step from {before or 'the source'} to {target}: exit {code}: {text.strip()}"):
                return
            found, direct = (self.bench.read_bits(weights(path)) for path in (out, made[target]))
            self.check(not differing(found, direct), f"step from {before or 'the source'} to {target}, beside the direct way: {differing(found, direct)}")
            at = out
        if target:
            self.back(target, at, "home")
            self.count.done["walks"] += 1

    def flags_of(self, target):
        """The flags without which nobody could know what a target is."""
        if target.form == "folder" and target.scheme != "timm":
            return []
        a = self.a
        out = ["--epsilon", repr(a.epsilon)]
        if a.bias == "none" and target.form != "folder":
            out += ["--heads", a.heads]
        if target.form != "folder" and (not a.square or a.bias == "none" and not a.absolute):
            out += ["--window", f"{a.window[0]}x{a.window[1]}"]
        return out

    def plain(self, found):
        """Bits with one table for each block where there were both kinds, and without the prefix that only a wrapper of the maker has."""
        if self.a.bias == "both":
            found = self.bench.fold(found)
        prefix = {"mmseg": "backbone.", "timm": "model.", "hf5": "beit."}.get(self.a.maker)  # transformers 5 has it before the table for all blocks alone
        if self.a.task == "tokens" and prefix:
            found = {name.removeprefix(prefix): value for name, value in found.items()}
        return found


def listed(targets):
    """Targets in few words: a scheme stands for all its files and folders."""
    schemes = {target.scheme for target in targets}
    whole = {scheme for scheme in schemes if {t for t in TARGETS if t.scheme == scheme} <= set(targets)}
    if len(whole) > 4:
        return f"{len(targets)} of {len(TARGETS)} targets"
    return ", ".join([*sorted(whole), *(str(target) for target in targets if target.scheme not in whole)])


def weights(path):
    """The file of weights, which may be in a folder."""
    return next(path.glob("*.safetensors")) if path.is_dir() else path


def differing(got, want):
    """How two sets of bits differ, in words; empty if they are equal."""
    if set(got) != set(want):
        return f"missing {sorted(set(want) - set(got))[:4]}, unexpected {sorted(set(got) - set(want))[:4]}"
    wrong = [f"{name}: {got[name][:2]} and {want[name][:2]}" for name in want if got[name] != want[name]]
    return f"other bits in {len(wrong)} of {len(want)}: {', '.join(wrong[:3])}" if wrong else ""


class Bench:
    """What a process needs for all crossings: the frameworks, loaded once. Imports are here, since they take seconds."""

    def __init__(self, args):
        sys.path.append(args.openmmlab)
        import torch

        import files
        import frameworks
        import peer_timm
        import travel
        torch.set_num_threads(1)
        self.torch, self.files, self.NoClass = torch, files, frameworks.NoClass
        self.bits, self.read_bits, self.cast, self.set_epsilon = frameworks.bits, frameworks.read_bits, frameworks.cast, set_epsilon
        unilm = frameworks.Unilm(args.unilm or PROGRAMS / "unilm")
        mm, timm = frameworks.OpenMMLab(), frameworks.Timm()
        passl = frameworks.Paddle(True, args.passl)
        paddlevit = frameworks.Paddle(False)
        self.makers = {"timm": timm, "unilm": unilm, "passl": passl, "paddlevit": paddlevit, "mmpretrain": mm, "mmseg": mm}
        self.frameworks = {"timm": timm, "canonical": timm, "unilm": unilm, "passl": passl, "paddlevit": paddlevit, "openmmlab": mm}
        old, new = travel.Peer(args.transformers4), travel.Peer()
        self.transformers, self.own_peer = (old, new), new
        self.peers = {"hf4": old, "hf5": new, "data2vec4": old, "data2vec5": new}
        self.peer_timm, self.plain_pickle, self.paddle = peer_timm, frameworks.plain_pickle, frameworks.paddle
        self.beitzoo = str(pathlib.Path(args.beitzoo).resolve())
        self.home = tempfile.TemporaryDirectory()
        self.environment = {**os.environ, "GOMAXPROCS": "1", **{f"XDG_{kind}_HOME": f"{self.home.name}/{kind}" for kind in ("CACHE", "CONFIG", "DATA", "STATE")}}
        self.verbose = args.case is not None
        self.schemes = args.schemes.split(",") if args.schemes else SCHEMES

    def close(self):
        """Ends the processes with transformers, and waits for them, so that their time counts."""
        for peer in self.transformers:
            peer.process.stdin.close()
            peer.process.wait()

    def dtype(self, a):
        return getattr(self.torch, a.dtype)

    def load_timm_folder(self, folder):
        return self.peer_timm.load_folder(folder)

    def write_paddle(self, maker, model, a, folder):
        """Writes a model of Paddle in the architecture's container."""
        state, path = self.cast(maker.names(model.state_dict()), a.dtype), folder / "source.pdparams"
        if a.wrapper == "ema":
            state = {"model": state, "model_ema": {n: v + 1 if "int" not in str(v.dtype) else v for n, v in state.items()}}
        elif a.wrapper == "model":
            state = {"model": state, "epoch": 3}
        if a.container == "plain" and a.wrapper == "none":
            self.plain_pickle(state, path, 2 + a.seed % 4)
        else:
            self.paddle.save(state, str(path), protocol=int(a.container[-1]) if a.container[-1].isdigit() else 4)
        return path

    def fold(self, found):
        """Bits in which a table for all blocks is added to that of each block."""
        import torch
        found, name = dict(found), next((name for name in found if "relative_position_bias_table" in name and not re.search(r"\.\d+\.", name)), None)
        if name is None:
            return found
        tensor = lambda value: torch.frombuffer(bytearray(value[2]), dtype=getattr(torch, value[0])).reshape(value[1])
        shared = tensor(found.pop(name))
        for block in [block for block in found if block.endswith("relative_position_bias_table")]:
            found[block] = self.bits({"": tensor(found[block]) + shared})[""]
        return found


def set_epsilon(model, epsilon):
    """Sets the epsilon of every LayerNorm of a model of torch or Paddle."""
    for layer in model.modules() if hasattr(model, "modules") else model.sublayers():
        if type(layer).__name__ == "LayerNorm":
            setattr(layer, "eps" if hasattr(layer, "eps") else "_epsilon", epsilon)


BENCH = None


def begin(args):
    global BENCH
    BENCH = Bench(args)
    multiprocessing.util.Finalize(None, BENCH.close, exitpriority=10)  # processes of a pool run no atexit


def cross(seed, maker, keep):
    """Does one architecture, and returns what came of it."""
    a, started = family.draw(seed, maker), time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or pathlib.Path(temporary)
        folder.mkdir(exist_ok=True)
        crossing = Crossing(a, BENCH, folder)
        try:
            crossing.run()
        except Exception:
            crossing.problems.append(f"the architecture: {traceback.format_exc().strip()}")
    return a, crossing.problems, crossing.count, time.monotonic() - started


def processor_time():
    """Seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--beitzoo", required=True)
    parser.add_argument("--transformers4", required=True, help="the folder with transformers 4")
    parser.add_argument("--openmmlab", required=True, help="the folder with OpenMMLab's programs")
    parser.add_argument("--unilm", type=pathlib.Path, help="a checkout of microsoft/unilm, whose classes then take the place of our stand-ins")
    parser.add_argument("--passl", type=pathlib.Path, help="a checkout of PaddlePaddle/PASSL, likewise")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drawn", type=int, default=100, help="how many architectures")
    parser.add_argument("--case", type=int, help="only this one")
    parser.add_argument("--maker", choices=family.MAKERS)
    parser.add_argument("--schemes", help="only to these")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count()), help="how many at a time")
    parser.add_argument("--keep", type=pathlib.Path, help="write the files of --case to this folder, and leave them there")
    args = parser.parse_args()
    seeds = [args.case] if args.case is not None else range(10000 * args.seed, 10000 * args.seed + args.drawn)
    stand_ins = ["PaddleViT", *(name for name, checkout in (("unilm", args.unilm), ("PASSL", args.passl)) if not checkout)]
    print(f"seed {args.seed}: {len(seeds)} architectures; logits to {BOUND:g} of the largest. Stand-ins of ours: the classes of {', '.join(stand_ins)}; "
          "for mmcv's compiled operators, which a BEiT does not use, a module that fails where one is called", flush=True)
    started, total, problems, makers = time.monotonic(), Count(), 0, collections.Counter()
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(args.jobs if len(seeds) > 1 else 1, context, begin, (args,)) as pool:
        for done in concurrent.futures.as_completed([pool.submit(cross, seed, args.maker, args.keep) for seed in seeds]):
            a, found, count, seconds = done.result()
            total.add(count)
            makers[a.maker] += 1
            problems += len(found)
            print(f"{'FAIL' if found else 'ok  '} {a.seed}: {count.done['conversions']} conversions, {count.done['checks']} checks, {seconds:.1f} s: {a}", flush=True)
            for problem in found:
                print("     " + problem.replace("\n", "\n     "))
            if found:
                print(f"     to see it again: make interop-cross CASE={a.seed}", flush=True)
    print(f"made by: {', '.join(f'{maker} {n}' for maker, n in sorted(makers.items()))}")
    for title, counts in (("refused, as it must be", total.refused), ("not computed, since no class is there", total.unchecked)):
        print(f"{title}: {sum(counts.values())}")
        for reason, n in sorted(counts.items()):
            print(f"  {n:6} {reason}")
    print(f"seed {args.seed}: {len(seeds)} architectures, {', '.join(f'{n} {what}' for what, n in sorted(total.done.items()))}, "
          f"{sum(total.refused.values())} refused, {problems} failed, in {time.monotonic() - started:.0f} s, of processors {processor_time():.0f} s")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
