"""What the scripts of `beitzoo record` record of the real frameworks, `beitzoo verify` confirms: every stage of unilm's, timm's, transformers' (4 and 5), OpenMMLab's
and PASSL's own code and of ports by hand, of classifiers, masked models and models without a head. Architectures are drawn by --seed.

unilm's and PASSL's code are stand-ins unless --unilm and --passl name checkouts. Exit code 1 if any check fails.
"""

import argparse
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import traceback

import numpy
import paddle
import safetensors
import timm.models.beit
import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import draw
import frameworks
import ports
from check import Beitzoo

PROGRAMS = pathlib.Path(__file__).parent / "programs"


class Checks:
    """Each method check_* makes models, records them, and verifies them in a folder of its own."""

    def __init__(self, options, beitzoo, a):
        self.options, self.beitzoo, self.a = options, beitzoo, a

    def scripts(self, folder):
        """The scripts as the program prints them."""
        self.folder = folder
        for name in ("torch", "paddle"):
            self.beitzoo("record", "--script", name, "-o", folder / f"record_{name}.py")
        self.torch, self.paddle = (imported(folder / f"record_{name}.py") for name in ("torch", "paddle"))

    def verify(self, file, recording, *flags, stages, code=0):
        done = subprocess.run([self.beitzoo.path, "verify", file, "--recording", recording, "--json", *flags], capture_output=True, text=True)
        if done.returncode != code:
            said = subprocess.run([self.beitzoo.path, "verify", file, "--recording", recording, "--all", *flags], capture_output=True, text=True)
            raise AssertionError(f"{recording.name}: exit {done.returncode}, wanted {code}\n{said.stdout}{said.stderr}")
        report = json.loads(done.stdout)
        taps = [tap["name"] for tap in report["taps"]]
        if code == 0 and stages is not None and taps != stages:
            raise AssertionError(f"{recording.name}: the stages {taps}, wanted {stages}")
        if code == 1 and report["ok"]:
            raise AssertionError(f"{recording.name}: a broken model passes")

    def stages(self, *ending):
        return ["embed", *(f"blocks.{i}{part}" for i in range(self.a.depth) for part in (".attn", "")), *ending]

    def images(self, dtype=torch.float32):
        return self.a.images().to(dtype)

    def form(self):
        a = self.a
        return {"img_size": a.side, "patch_size": a.patch, "embed_dim": a.dim, "depth": a.depth, "num_heads": a.heads, "init_values": 0.1, "use_abs_pos_emb": False}

    def classifier(self, name, model, *flags, ending=("pool", "logits"), **options):
        """Records a torch model whose state dict beitzoo reads, and sees a changed weight."""
        state = {k: v.contiguous() for k, v in model.state_dict().items()}
        torch.save(state, self.folder / f"{name}.pth")
        recording = self.folder / f"{name}.recording"
        self.torch.record(model, self.images(), recording, **options)
        self.verify(self.folder / f"{name}.pth", recording, *flags, stages=self.stages(*ending))
        key = next(k for k in state if k.endswith((f"{self.a.depth - 1}.attn.proj.weight", f"{self.a.depth - 1}.proj.weight")))
        torch.save({**state, key: state[key].t().contiguous()}, self.folder / "broken.pth")
        self.verify(self.folder / "broken.pth", recording, *flags, stages=None, code=1)

    def check_timm(self):
        self.classifier("timm", draw.timm_model(self.a))
        headless = draw.randomise(timm.models.beit.Beit(**self.form(), num_classes=0, use_rel_pos_bias=True, global_pool="avg"), self.a.seed)
        self.classifier("headless", headless, "--window", f"{self.a.window}x{self.a.window}", ending=("pool",))
        token = draw.randomise(timm.models.beit.Beit(**self.form(), num_classes=3, use_rel_pos_bias=True, global_pool="token"), self.a.seed)
        self.classifier("token", token)
        wrapped = torch.nn.DataParallel(draw.timm_model(self.a))
        self.torch.record(wrapped, self.images(), self.folder / "parallel.recording")
        self.verify(self.folder / "timm.pth", self.folder / "parallel.recording", stages=self.stages("pool", "logits"))

    def check_precisions(self):
        """float64, bfloat16 and autocast are said as what they are, and judged so."""
        model = draw.timm_model(self.a)
        torch.save(model.state_dict(), self.folder / "timm.pth")
        for name, run in (("float64", model.double), ("bfloat16", model.bfloat16)):
            self.torch.record(run(), self.images(), self.folder / f"{name}.recording")
            said = metadata(self.folder / f"{name}.recording")
            if said["dtype"] != name or "autocast" in said:
                raise AssertionError(f"{name}: {said}")
            self.verify(self.folder / "timm.pth", self.folder / f"{name}.recording", stages=self.stages("pool", "logits"))
        model = draw.timm_model(self.a)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            self.torch.record(model, self.images(), self.folder / "autocast.recording")
        said = metadata(self.folder / "autocast.recording")
        if (said["dtype"], said["autocast"], said["parameters"]) != ("bfloat16", "bfloat16", "float32"):
            raise AssertionError(f"autocast: {said}")
        self.verify(self.folder / "timm.pth", self.folder / "autocast.recording", stages=self.stages("pool", "logits"))

    def check_unilm(self):
        unilm = frameworks.Unilm(self.options.unilm or PROGRAMS / "unilm")
        finetune, pretrain = unilm.module("beit", "modeling_finetune"), unilm.module("beit", "modeling_pretrain")
        form = {**self.form(), "qkv_bias": True, "norm_layer": ports.norm(1e-6)}
        self.classifier("unilm", draw.randomise(finetune.VisionTransformer(
            **form, num_classes=self.a.classes, use_rel_pos_bias=True, use_mean_pooling=True), self.a.seed))
        masked = draw.randomise(pretrain.VisionTransformerForMaskedImageModeling(
            **form, vocab_size=self.a.dim + 3, use_rel_pos_bias=False, use_shared_rel_pos_bias=True), self.a.seed)
        if self.options.unilm:  # stand-ins take no masks
            self.classifier("masked", masked)
            branch = draw.randomise(unilm.module("beit2", "modeling_pretrain").VisionTransformerForMaskedImageModelingCLS(
                **{**form, "depth": self.a.depth}, vocab_size=self.a.dim + 3, early_layers=1, head_layers=1, use_shared_rel_pos_bias=True), self.a.seed)
            self.classifier("branch", branch)
        nothing = numpy.zeros((2, self.a.window ** 2), bool)
        if self.options.unilm:
            self.classifier("called", masked, mask=1 - nothing, call=lambda model, x, mask: model(x, mask, return_all_tokens=True))
        self.classifier("unmasked", masked, mask=nothing)
        del masked.lm_head
        encoder = masked
        self.classifier("encoder", encoder, ending=("pool",), call=lambda model, x: (
            model.forward_features(x) if isinstance(model, timm.models.beit.Beit) else model.forward_features(x, torch.zeros(len(x), self.a.window ** 2, dtype=torch.bool))))

    def check_transformers(self):
        """Folders, with both versions."""
        configs = {
            "classifier": (transformers.BeitForImageClassification, {}, ("pool", "logits")),
            "list": (transformers.BeitForImageClassification, {"image_size": [self.a.side, self.a.side]}, ("pool", "logits")),
            "oblong": (transformers.BeitForImageClassification, {
                "image_size": [self.a.side, 2 * self.a.side], "use_relative_position_bias": False}, ("pool", "logits")),  # with tables it computes something else
            "masked": (transformers.BeitForMaskedImageModeling, {
                "use_mask_token": True, "vocab_size": self.a.dim + 3, "use_relative_position_bias": False, "use_shared_relative_position_bias": True}, ("pool", "logits")),
            "headless": (transformers.BeitModel, {}, ("pool",)),
            "token": (transformers.BeitForImageClassification, {"use_mean_pooling": False}, ("pool", "logits")),
        }
        for name, (kind, changes, ending) in configs.items():
            model = draw.randomise(kind(draw.hf_config(self.a, **changes)), self.a.seed)
            model.save_pretrained(self.folder / name)
            self.torch.record(self.torch.load_transformers(str(self.folder / name), None), self.images(), self.folder / f"{name}5.recording") if name != "oblong" else (
                self.run("torch", self.folder / name, self.folder / f"{name}5.recording"))
        self.with_transformers4(configs)
        for name, (_, _, ending) in configs.items():
            for version in "45":
                recording = self.folder / f"{name}{version}.recording"
                self.verify(self.folder / name, recording, stages=self.stages(*ending))
                with safetensors.safe_open(recording, "numpy") as file:
                    if ("mask" in file.keys()) != (name == "masked"):
                        raise AssertionError(f"{recording.name}: a masked model is recorded with a mask, and no other is")

    def with_transformers4(self, names):
        """Records the same folders in one process with version 4, by the script's own main."""
        lines = ["import sys", f"sys.path.insert(0, {str(self.folder)!r})", "import record_torch, transformers", "assert transformers.__version__[0] == '4'"]
        for name in names:
            lines += [f"sys.argv = ['record_torch.py', {str(self.folder / name)!r}, {str(self.folder / (name + '4.recording'))!r}]", "record_torch.main()"]
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", "\n".join(lines)], capture_output=True, text=True, env={
            **self.options.environment, "PYTHONPATH": str(self.options.transformers4)})
        if done.returncode:
            raise AssertionError(f"transformers 4: {done.stderr}")

    def run(self, framework, *args, path=None, code=0):
        """Runs a script as a user does, and returns what it says."""
        environment = {**self.options.environment, **({"PYTHONPATH": str(path)} if path else {})}
        done = subprocess.run([sys.executable, "-W", "ignore", self.folder / f"record_{framework}.py", *map(str, args)], capture_output=True, text=True, env=environment)
        if done.returncode != code:
            raise AssertionError(f"record_{framework}.py {' '.join(map(str, args))}: exit {done.returncode}, wanted {code}\n{done.stdout}{done.stderr}")
        return done.stderr if code else done.stdout

    def check_segmentation(self):
        """UPerNet in transformers' own class: the recording has what the model gives, beitzoo gives the same, and a negated classifier changes it."""
        config = draw.hf_config(self.a, num_hidden_layers=4, out_indices=[1, 2, 3, 4], use_auxiliary_head=True)
        model = draw.randomise(transformers.BeitForSemanticSegmentation(config), self.a.seed)
        seen = self.torch.record(model, self.images(), self.folder / "segmentation.recording")
        with torch.no_grad():
            wanted = model(self.images()).logits.numpy()
        numpy.testing.assert_array_equal(seen["logits"], wanted)
        blocks = [f"blocks.{i}{part}" for i in range(4) for part in ("", ".attn")]
        if {"embed", "logits", "auxiliary_logits", *(f"features.{k}" for k in range(4)), *blocks} - set(seen):
            raise AssertionError(f"segmentation: {sorted(seen)}")
        model.save_pretrained(self.folder / "segmentation")
        self.verify(self.folder / "segmentation", self.folder / "segmentation.recording", stages=None)
        with torch.no_grad():
            model.decode_head.classifier.weight.neg_()
        model.save_pretrained(self.folder / "broken")
        self.verify(self.folder / "broken", self.folder / "segmentation.recording", stages=None, code=1)

    def check_tokenizer(self):
        """FLAVA's codebook: logits and tokens, which a broken weight changes."""
        codebook = draw.randomise(transformers.FlavaImageCodebook(transformers.FlavaImageCodebookConfig(hidden_size=8, num_blocks_per_group=1, vocab_size=19)), 1)
        pixels = torch.rand(2, 3, 32, 32)
        seen = self.torch.record(codebook, pixels, self.folder / "tokenizer.recording")
        with torch.no_grad():
            numpy.testing.assert_array_equal(seen["tokens"], codebook.get_codebook_indices(pixels).flatten(1).numpy())
        codebook.save_pretrained(self.folder / "codebook")
        self.verify(self.folder / "codebook", self.folder / "tokenizer.recording", stages=["logits", "tokens"])
        with torch.no_grad():
            next(p for name, p in codebook.named_parameters() if name.endswith("conv_2.weight")).neg_()
        codebook.save_pretrained(self.folder / "broken")
        self.verify(self.folder / "broken", self.folder / "tokenizer.recording", stages=None, code=1)

    def check_openmmlab(self):
        if not self.options.openmmlab:
            return
        mm = frameworks.OpenMMLab()
        for task in ("classify", "masked"):
            shape = Shape(self.a, task)
            model = draw.randomise(mm.build(shape, 1e-6), self.a.seed)
            self.classifier(f"openmmlab-{task}", model)

    def check_paddle(self):
        own = frameworks.Paddle(True, self.options.passl)
        shape = Shape(self.a, "classify")
        paddle.set_default_dtype("float32")
        layer = draw.paddle_model(self.a)
        if self.options.passl:
            frameworks.add_packages(self.options.passl)
            from passl_v110.modeling.backbones.beit import Beit
            from passl_v110.modeling.heads.beit_head import BEiTClsHead
            layer = own.whole(shape, 1e-6, Beit, BEiTClsHead)
            values = numpy.random.RandomState(self.a.seed)
            for parameter in layer.parameters():
                parameter.set_value((values.randn(*parameter.shape) * 0.2).astype("float32"))
        paddle.save(layer.state_dict(), str(self.folder / "paddle.pdparams"))
        for name, model in (("whole", layer), ("pair", (layer.backbone, layer.head))):
            recording = self.folder / f"{name}.recording"
            self.paddle.record(model, self.images().numpy(), recording)
            self.verify(self.folder / "paddle.pdparams", recording, stages=self.stages("pool", "logits"))
        import paddle_beit
        form = paddle_beit.Form(
            self.a.seed, self.a.patch, (self.a.window,) * 2, self.a.dim, self.a.heads, self.a.depth, 4 * self.a.dim, self.a.dim + 3, bias="shared", masked=True)
        masked = paddle_beit.Model(form)
        paddle.save(masked.state_dict(), str(self.folder / "masked.pdparams"))
        self.paddle.record(masked, self.images().numpy(), self.folder / "masked.recording")
        self.verify(self.folder / "masked.pdparams", self.folder / "masked.recording", stages=self.stages("pool", "logits"))

    def check_results(self):
        """Ports that run their modules twice, and that return several tensors: what is recorded belongs together, or it is said why it can't."""
        a = self.a
        self.classifier("warming", draw.randomise(ports.Warming(a), a.seed))
        self.classifier("naming", draw.randomise(ports.Naming(a), a.seed), result="scores")
        self.classifier("pairing", draw.randomise(ports.Pairing(a), a.seed))
        (self.folder / "port.py").write_text(
            f"import sys; sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})\nimport ports, draw\na = draw.draw({a.seed})\n"
            f"for port in (ports.Warming, ports.Averaging, ports.Naming, ports.Pairing):\n    globals()[port.__name__] = lambda port=port: draw.randomise(port(a), {a.seed})\n")
        for port, flags, code, sentence in (
            ("Warming", (), 0, "what is recorded is of call 2"),
            ("Averaging", (), 1, "is called 2 times when the model runs once"),
            ("Naming", (), 1, "returns several tensors, colours"),
            ("Naming", ("--result", "scores"), 0, "wrote"),
            ("Naming", ("--result", "score"), 1, "returns no tensor score; it returns colours"),
            ("Pairing", (), 0, "the first is recorded as its result"),
            ("Pairing", ("--result", "2"), 1, "returns no tensor 2"),
        ):
            said = self.run("torch", f"{self.folder}/port.py:{port}", self.folder / "x.recording", "--size", a.side, *flags, code=code)
            if sentence not in said:
                raise AssertionError(f"{port} {flags}: {said}")

    def check_ports(self):
        """Ports by hand: without pos_drop, with names of their own and a map, with all in one module, with a probability for a result."""
        a = self.a
        self.classifier("plain", draw.randomise(ports.Port(a), a.seed))
        inlined = draw.randomise(ports.Inlined(a), a.seed)
        names = {"blocks.{i}.attn": "blocks.{i}.proj"}
        self.classifier("inlined", inlined, names=names)
        torch.save(inlined, self.folder / "module.pt")
        (self.folder / "port.py").write_text(
            f"import sys; sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})\nimport torch, ports, draw\n"
            f"def build():\n    return draw.randomise(ports.Inlined(draw.draw({a.seed})), {a.seed})\n"
            "def dropping():\n    return ports.Dropping(draw.draw(0))\n")
        said = self.run("torch", f"{self.folder}/port.py:build", self.folder / "cli.recording", "--size", a.side, "--map", "blocks.{i}.attn=blocks.{i}.proj")
        if "blocks.0.attn" not in said:
            raise AssertionError(said)
        self.verify(self.folder / "inlined.pth", self.folder / "cli.recording", stages=self.stages("pool", "logits"))
        self.beitzoo("record", self.folder / "inlined.pth", "-o", self.folder / "ours.recording", "--stages", "logits")
        self.run("torch", self.folder / "module.pt", self.folder / "same.recording", "--trust", "--input", self.folder / "ours.recording",
                 "--map", "blocks.{i}.attn=blocks.{i}.proj", path=pathlib.Path(__file__).parent)
        self.verify(self.folder / "inlined.pth", self.folder / "same.recording", stages=self.stages("pool", "logits"))
        for wrong, sentence in (
            (("port.py:build", "x", "--size", str(a.side), "--map", "blocks.{i}.atn=blocks.{i}.proj"), "is not a stage"),
            (("port.py:build", "x", "--size", str(a.side), "--map", "pool=hed:in"), "the nearest is head"),
            (("port.py:build", "x", "--map", "pool"), "STAGE=MODULE"),
            (("port.py:build", "x"), "--size"),
            (("port.py:build", "x", "--size", "big"), "number of pixels"),
            (("port.py:build", "x", "--size", str(a.side + a.patch)), "fails on images"),
            (("port.py:dropping", "x", "--size", str(draw.draw(0).side)), "dropout or noise is on"),
            (("port.py:none", "x"), "AttributeError"),
            (("none.py:build", "x"), "no such file"),
            (("module.pt", "x"), "--trust"),
            (("plain.pth", "x", "--trust"), "state dict"),
            (("module.pt", "module.pt", "--trust"), "module.pt itself, which is read"),
            (("port.py:build", "port.py"), "port.py itself, which is read"),
            (("port.py:build", "same.recording", "--input", "same.recording"), "same.recording itself, which is read"),
            (("port.py:build", "x", "--input", "plain.pth"), "can't be read"),
        ):
            said = self.run("torch", *(f"{self.folder}/{word}" if word == "x" or pathlib.Path(word.split(":")[0]).suffix in (".py", ".pt", ".pth", ".recording") else word
                                       for word in wrong), code=1)
            if sentence not in said or said.count("\n") != 1 or (self.folder / "x").exists():
                raise AssertionError(f"{wrong}: {said}")


class Shape:
    """A drawn architecture as frameworks.py wants it."""

    def __init__(self, a, task):
        self.a, self.task = a, task
        self.height = self.width = a.side
        self.window = (a.window, a.window)
        self.hidden, self.mlp_ratio, self.channels = 4 * a.dim, 4, 3
        self.classes = a.classes if task == "classify" else a.dim + 3
        self.masked = task == "masked"
        self.bias, self.absolute, self.scale, self.pooling = "shared" if self.masked else "block", False, True, "mean"

    def __getattr__(self, name):
        return getattr(self.a, name)


def imported(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def metadata(path):
    with safetensors.safe_open(path, "numpy") as file:
        return file.metadata()


def main():
    import os

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beitzoo", required=True)
    parser.add_argument("--transformers4", type=pathlib.Path)
    parser.add_argument("--openmmlab", type=pathlib.Path)
    parser.add_argument("--unilm", type=pathlib.Path, help="a checkout of microsoft/unilm")
    parser.add_argument("--passl", type=pathlib.Path, help="a checkout of PaddlePaddle/PASSL")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--only", help="the name of one check, without check_")
    options = parser.parse_args()
    options.environment = dict(os.environ)
    if options.openmmlab:
        sys.path.append(str(options.openmmlab))
    torch.set_num_threads(2)
    beitzoo = Beitzoo(str(pathlib.Path(options.beitzoo).resolve()))
    passed = failed = 0
    for seed in range(options.seed * options.draws, (options.seed + 1) * options.draws):
        a = draw.draw(seed)
        print(a, flush=True)
        for name in [name for name in dir(Checks) if name.startswith("check_") and (not options.only or name == "check_" + options.only)]:
            checks = Checks(options, beitzoo, a)
            with tempfile.TemporaryDirectory() as folder:
                try:
                    checks.scripts(pathlib.Path(folder))
                    getattr(checks, name)()
                    passed += 1
                    print(f"  ok   {name}", flush=True)
                except Exception:
                    failed += 1
                    print(f"  FAIL {name}\n{traceback.format_exc()}", flush=True)
    whose = [f"{name}'s own code" if given else f"stand-ins for {name}" for name, given in (("unilm", options.unilm), ("PASSL", options.passl))]
    print(f"{passed} passed, {failed} failed ({', '.join(whose)})")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
