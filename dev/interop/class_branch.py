"""The branch for the class token of BEiT v2's pre-training, as the class of microsoft/unilm beit2/modeling_pretrain.py computes it in float64.

    python class_branch.py --unilm UNILM    # needs torch, timm, einops, Pillow and safetensors

makes a small model with random weights, and records what the class says of the digits in testdata/mim: the weights in the container of unilm, and, for both forms of
the branch (with norm and lm_head of the model, and with its own), logits of the first pictures, losses and right answers for all. visual_tokens.py compares beitzoo
with the class itself.
"""

import argparse
import pathlib
import sys

import numpy
import torch
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGES = ROOT / "manifests" / "embedded" / "images"
MIM = ROOT / "testdata" / "mim"
WEIGHTS = MIM / "digits_class_branch.unilm.pth"
RECORDING = MIM / "digits_class_branch.unilm.float64.safetensors"
EARLY, FIRST = 2, 4  # blocks before the branch, of 3; pictures whose logits are recorded
FORMS = ("shared", "own")  # of the head


def classes(unilm):
    """unilm's class."""
    folder = str(pathlib.Path(unilm).resolve() / "beit2")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import modeling_pretrain

    return modeling_pretrain.VisionTransformerForMaskedImageModelingCLS


def build(unilm, form):
    return classes(unilm)(
        img_size=64, patch_size=16, vocab_size=32, embed_dim=24, depth=3, num_heads=3, init_values=0.1, use_abs_pos_emb=False, use_shared_rel_pos_bias=True,
        norm_layer=lambda width: torch.nn.LayerNorm(width, eps=1e-6), early_layers=EARLY, head_layers=2, shared_lm_head=form == "shared",
    )


def state_of(all_weights, form):
    """The state dict of a form of the branch."""
    return {name: value for name, value in all_weights.items() if form == "own" or not name.startswith(("cls_pt_norm", "cls_pt_lm_head"))}


def paths():
    return sorted(IMAGES.glob("*/*.png"), key=lambda path: path.name)


def pictures():
    """The digits as the masked model sees them."""
    from PIL import Image

    views = [numpy.asarray(Image.open(path).convert("RGB").resize((64, 64), Image.BICUBIC), dtype=numpy.float64) for path in paths()]
    return torch.from_numpy((numpy.stack(views) / 255 - 0.5) / 0.5).permute(0, 3, 1, 2).contiguous()


def score(unilm, all_weights, form):
    """What the class says of all digits: logits of all patches of both outputs, mean loss of masked patches, right answers among them."""
    model = build(unilm, form)
    model.load_state_dict(state_of(all_weights, form), strict=True)
    golden = load_file(MIM / "digits_mim_p16_64.all-images.safetensors")
    mask, tokens = golden["mask"].flatten(1).bool(), golden["tokens"].flatten(1).long()
    with torch.no_grad():
        outputs = model.double().eval()(pictures(), mask, return_all_tokens=True)
    loss = [torch.nn.functional.cross_entropy(logits[mask], tokens[mask]).item() for logits in outputs]
    right = [int((logits.argmax(-1) == tokens)[mask].sum()) for logits in outputs]
    return outputs, loss, right


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unilm", required=True)
    parser.add_argument("--beside", help="a folder with attrs and einops, which unilm's classes need")
    options = parser.parse_args()
    if options.beside:
        sys.path.append(options.beside)
    torch.manual_seed(18)
    weights = build(options.unilm, "own").state_dict()
    for name, value in weights.items():
        if value.is_floating_point():  # as unilm begins, all logits would be nearly equal
            value += torch.randn_like(value) * (0.5 if value.dim() < 2 or "bias_table" in name else 1.5 / value[0].numel() ** 0.5)
    torch.save({"model": weights}, WEIGHTS)
    recorded = {}
    for form in FORMS:
        outputs, loss, right = score(options.unilm, weights, form)
        for output, logits in zip(("logits", "class_logits"), outputs):
            recorded["%s.%s" % (form, output)] = logits[:FIRST].contiguous()
        recorded[form + ".loss"], recorded[form + ".right"] = torch.tensor(loss, dtype=torch.float64), torch.tensor(right)
        print(form, loss, right)
    save_file(recorded, RECORDING, metadata={
        "implementation": "unilm beit2 VisionTransformerForMaskedImageModelingCLS (768a3c8)", "framework": "torch", "framework_version": torch.__version__,
        "early_layers": str(EARLY),
    })


if __name__ == "__main__":
    main()
