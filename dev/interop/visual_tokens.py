"""Tokenizers: what beitzoo writes, loaded strictly by the classes that it is for, with equal bits and equal tokens.

transformers' FlavaImageCodebook always; with --openmmlab mmpretrain's DALLEEncoder and VQKD; with --unilm the classes of dall_e and of beit2/modeling_vqkd.py, and the
branch for the class token of beit2/modeling_pretrain.py as `beitzoo mim` scores it, with --passl those of discrete_vae.py. The tokenizers
and what OpenAI's classes compute are in testdata/tokenizer.
"""

import argparse
import ast
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types

import numpy
import safetensors.numpy
import torch

TOKENIZER = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "tokenizer"


class Checks:
    def __init__(self, beitzoo, folder):
        self.beitzoo, self.folder, self.done = beitzoo, pathlib.Path(folder), 0

    def convert(self, source, name, *flags):
        """The path of what beitzoo makes of a tokenizer."""
        target = str(self.folder) + "/" + name
        subprocess.run([self.beitzoo, "convert", str(source), "-o", target, "--prove", *flags], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return target

    def canonical(self, source, *flags):
        """The tensors by beitzoo's own names."""
        self.done += 1
        return safetensors.numpy.load_file(self.convert(source, "canonical%d.safetensors" % self.done, "--to", "canonical", *flags))

    def equal(self, what, got, want):
        if sorted(got) != sorted(want):
            sys.exit("%s: other names: %s" % (what, sorted(set(got) ^ set(want))[:4]))
        for name in want:
            a, b = numpy.asarray(got[name]), numpy.asarray(want[name])
            if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
                sys.exit("%s: %s differs" % (what, name))
        print("%-60s %3d tensors, equal bits" % (what, len(want)))


def tokens_equal(what, got, recorded):
    if not (numpy.asarray(got).reshape(recorded.shape) == recorded).all():
        sys.exit("%s: other tokens" % what)
    print("%-60s %3d tokens, all as recorded" % (what, recorded.size))


def arrays(state):
    return {name: value.detach().numpy() if isinstance(value, torch.Tensor) else value.numpy() for name, value in state.items()}


def flava(checks, recording):
    from transformers import FlavaImageCodebook

    model, loading = FlavaImageCodebook.from_pretrained(checks.convert(TOKENIZER / "digits_dvae.encoder.pkl", "flava/"), output_loading_info=True)
    if any(loading[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")):
        sys.exit("FlavaImageCodebook: %s" % loading)
    with torch.no_grad():
        tokens = model.eval().get_codebook_indices(torch.from_numpy(recording["input"]))
    tokens_equal("FlavaImageCodebook", tokens.numpy(), recording["tokens"])
    model.save_pretrained(str(checks.folder / "saved"))
    checks.equal("FlavaImageCodebook saves what it read", checks.canonical(checks.folder / "saved"), checks.canonical(TOKENIZER / "digits_dvae.encoder.pkl"))


def openai(checks, recording, unilm):
    package = types.ModuleType("dall_e")  # whose own __init__ is about downloads
    package.__path__ = [os.path.join(unilm, "beit", "dall_e")]
    sys.modules["dall_e"] = package
    from dall_e.decoder import Decoder
    from dall_e.encoder import Encoder

    for half, make, options in (("encoder", Encoder, {"input_channels": 3}), ("decoder", Decoder, {"n_init": 16})):
        state = torch.load(checks.convert(TOKENIZER / ("digits_dvae.passl.%s.pdparams" % half), half + ".pth", "--to", "openai"), weights_only=True)
        model = make(n_hid=16, n_blk_per_group=1, vocab_size=32, **options)
        model.load_state_dict(state, strict=True)
        checks.equal("OpenAI's %s, of PASSL's file" % half, arrays(model.state_dict()), arrays(torch.load(TOKENIZER / ("digits_dvae.%s.pkl" % half), weights_only=False).state_dict()))
        if half == "encoder":
            with torch.no_grad():
                tokens_equal("OpenAI's encoder", model(torch.from_numpy(recording["input"])).argmax(1).numpy(), recording["tokens"])


def vqkd(checks, unilm):
    sys.path.insert(0, os.path.join(unilm, "beit2"))
    for name in ("vqkd_teacher", "utils"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["vqkd_teacher"].clip = sys.modules["vqkd_teacher"].get_dino_vit_base = None
    import modeling_vqkd

    size = dict(img_size=64, patch_size=16, in_chans=3, num_classes=0, embed_dim=48, depth=3, num_heads=3, mlp_ratio=4, qkv_bias=True, use_abs_pos_emb=True,
                use_rel_pos_bias=False, use_shared_rel_pos_bias=False, init_values=0.0, use_mean_pooling=True)
    model = modeling_vqkd.VQKD(dict(size), dict(size, img_size=4, patch_size=1, depth=1), n_embed=64, embed_dim=8, teacher_model_type="None", decoder_out_dim=24)
    source = TOKENIZER / "vqkd_p16_64.unilm.pth"
    written = torch.load(checks.convert(source, "vqkd.pth", "--to", "unilm"), weights_only=True)["model"]
    model.load_state_dict(written, strict=True)
    checks.equal("unilm's VQKD", arrays(model.state_dict()), arrays(torch.load(source, weights_only=False)["model"]))


def class_token_branch(checks, unilm):
    """What `beitzoo mim` measures of both outputs, beside unilm's own class of BEiT v2's pre-training, with the weights that beitzoo wrote for it."""
    import class_branch

    mask, tokenizer = class_branch.MIM / "digits_mim_p16_64.all-images.safetensors", TOKENIZER / "digits_dvae.encoder.pkl"
    everything = torch.load(class_branch.WEIGHTS, weights_only=True)["model"]
    names = checks.folder / "digits.txt"
    names.write_text("".join("%s\n" % path for path in class_branch.paths()))
    for form in class_branch.FORMS:
        source = checks.folder / (form + ".pth")
        torch.save({"model": class_branch.state_of(everything, form)}, source)
        # unilm's names by way of OpenMMLab's, where those are known: they have the branch, but no norm and head of its own
        between = checks.convert(source, form + ".mm.pth", "--to", "openmmlab") if form == "shared" else source
        written = torch.load(checks.convert(between, form + ".unilm.pth", "--to", "unilm"), weights_only=True)["model"]
        checks.equal("unilm's masked model, %s head of the branch" % form, arrays(written), arrays(class_branch.state_of(everything, form)))
        _, loss, right = class_branch.score(unilm, written, form)
        printed = subprocess.run([
            checks.beitzoo, "mim", source, "--list", names, "--tokenizer", tokenizer, "--mask", mask, "--early-block", str(class_branch.EARLY), "--recipe", "passl-digits", "--json",
            "--quiet",
        ], stdout=subprocess.PIPE, cwd=checks.folder)  # random weights are near chance, with exit code 1
        found = json.loads(printed.stdout)
        for output, got, of_loss, of_right in (("logits", found, loss[0], right[0]), ("branch", found["class_branch"], loss[1], right[1])):
            if abs(got["masked_loss"] - of_loss) > 1e-5 or got["masked_right"] != of_right:
                sys.exit("mim, %s, %s: loss %s, %s right; unilm has %s, %s" % (form, output, got["masked_loss"], got["masked_right"], of_loss, of_right))
            print("%-60s loss %.6f and %d right of %d, as unilm's class" % ("mim, %s, %s" % (form, output), of_loss, of_right, got["masked_patches"]))


def openmmlab(checks, recording):
    """mmpretrain's DALLEEncoder and VQKD, which have the halves that make tokens, with the files that beitzoo writes for them."""
    import frameworks

    frameworks.OpenMMLab()  # without mmcv's compiled operators
    from mmpretrain.models.selfsup.beit import VQKD
    from mmpretrain.models.selfsup.cae import DALLEEncoder

    def load(model, name, source, hints, *flags):
        state = torch.load(checks.convert(source, name, "--to", "openmmlab", *flags), weights_only=True)
        model.load_state_dict(state.get("state_dict", state), strict=True)
        checks.equal("mmpretrain's %s" % type(model).__name__, checks.canonical(save(model, "again." + name), *hints), checks.canonical(checks.folder / name, *hints))
        return model.eval()

    def save(model, name):
        torch.save(model.state_dict(), checks.folder / name)
        return checks.folder / name

    encoder = load(DALLEEncoder(n_hid=16, n_blk_per_group=1, vocab_size=32), "dalle.pth", TOKENIZER / "digits_dvae.passl.encoder.pdparams", ())
    with torch.no_grad():
        tokens_equal("mmpretrain's DALLEEncoder", encoder(torch.from_numpy(recording["input"])).argmax(1).numpy(), recording["tokens"])
    size = {"embed_dims": 48, "num_layers": 3, "num_heads": 3, "feedforward_channels": 192}
    form = dict(arch=size, img_size=64, patch_size=16, out_indices=-1, final_norm=True, with_cls_token=True, use_abs_pos_emb=True, use_rel_pos_bias=False,
                use_shared_rel_pos_bias=False, layer_scale_init_value=0.0, out_type="featmap", norm_cfg={"type": "LN", "eps": 1e-6})
    tokenizer = load(VQKD(form, num_embed=64, embed_dims=8), "vqkd.mm.pth", TOKENIZER / "vqkd_p16_64.unilm.pth", ("--heads", "3"),
                     "--drop", "vqkd-training", "--lossy", "drop")
    recorded = safetensors.numpy.load_file(TOKENIZER / "vqkd_p16_64.unilm.float32.recording.safetensors")
    with torch.no_grad():
        tokens_equal("mmpretrain's VQKD", tokenizer.get_tokens(torch.from_numpy(recorded["input"]))["token"].numpy(), recorded["tokens"])


def passl(checks, recording, checkout):
    import paddle

    path = os.path.join(checkout, "passl_v110", "modeling", "backbones", "discrete_vae.py")
    tree = ast.parse(open(path).read())
    blocks = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in ("Identity", "EncoderBlock", "Encoder", "DecoderBlock", "Decoder")]
    space = {"paddle": paddle, "nn": paddle.nn, "F": paddle.nn.functional, "os": os}
    exec("from collections import OrderedDict\nfrom functools import partial\nimport math", space)
    exec(compile(ast.Module(blocks, []), path, "exec"), space)
    for half in ("encoder", "decoder"):
        options = {"n_hid": 16, "n_blk_per_group": 1, "vocab_size": 32}
        if half == "decoder":
            options["n_init"] = 16
        model = space[half.capitalize()](**options)
        state = paddle.load(checks.convert(TOKENIZER / ("digits_dvae.%s.pkl" % half), half + ".pdparams", "--to", "passl"))
        missing, unexpected = model.set_state_dict(state)
        if missing or unexpected:
            sys.exit("PASSL's %s: missing %s, unexpected %s" % (half, missing, unexpected))
        want = paddle.load(str(TOKENIZER / ("digits_dvae.passl.%s.pdparams" % half)))
        checks.equal("PASSL's %s" % half, arrays(model.state_dict()), {name: numpy.asarray(value) for name, value in want.items()})
        if half == "encoder":
            tokens_equal("PASSL's encoder", model(paddle.to_tensor(recording["input"])).argmax(1).numpy(), recording["tokens"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beitzoo", required=True)
    parser.add_argument("--openmmlab", help="the folder with OpenMMLab's programs")
    parser.add_argument("--unilm")
    parser.add_argument("--passl")
    parser.add_argument("--beside", help="a folder with attrs and einops, which unilm's classes need")
    options = parser.parse_args()
    if options.beside:
        sys.path.append(options.beside)
    recording = safetensors.numpy.load_file(TOKENIZER / "digits_dvae.openai.float32.recording.safetensors")
    with tempfile.TemporaryDirectory() as folder:
        checks = Checks(os.path.abspath(options.beitzoo), folder)
        flava(checks, recording)
        if options.openmmlab:
            sys.path.append(options.openmmlab)
            openmmlab(checks, recording)
        if options.passl:
            passl(checks, recording, options.passl)
        if options.unilm:
            openai(checks, recording, options.unilm)
            vqkd(checks, options.unilm)
            class_token_branch(checks, options.unilm)


if __name__ == "__main__":
    main()
