"""Records every stage of a small UPerNet in transformers, in all dtypes: python make.py HF_FOLDER [-o OUTPUT_FOLDER].

The class is UperNetForSemanticSegmentation over BeitBackbone (transformers 5), the folder is one of seg_p16_48.unilm.pth, or another.
"""

import argparse
import pathlib

import torch
from safetensors.torch import save_file
from transformers import UperNetForSemanticSegmentation, __version__


def record(folder, dtype):
    model = UperNetForSemanticSegmentation.from_pretrained(folder).to(dtype).eval()
    size = model.config.backbone_config.image_size
    generator = torch.Generator().manual_seed(29)
    pixels = torch.randn(2, 3, size, size, generator=generator)
    found = {"input": pixels}
    modules = dict(model.named_modules())

    def keep(stage, name):
        def hook(_module, _inputs, output):
            output = output[0] if isinstance(output, tuple) else output
            found[stage] = output.detach().clone()

        modules[name].register_forward_hook(hook)

    layers = sorted((n for n in modules if n.rsplit(".", 2)[-2:-1] in (["layer"], ["layers"]) and n.rsplit(".", 1)[-1].isdigit()), key=lambda n: int(n.rsplit(".", 1)[-1]))
    for i, name in enumerate(layers):
        keep(f"blocks.{i}", name)
    keep("embed", next(n for n in modules if n.endswith("embeddings") and not n.endswith("patch_embeddings")))
    for i in range(3):
        keep(f"laterals.{i}", f"decode_head.lateral_convs.{i}")
    keep("pyramid", "decode_head.bottleneck")
    keep("fused", "decode_head.fpn_bottleneck")
    keep("logits", "decode_head.classifier")
    keep("auxiliary_logits", "auxiliary_head.classifier")

    def features(_module, _inputs, output):
        for level, x in enumerate(output.feature_maps):
            found[f"features.{level}"] = x.detach().clone()

    model.backbone.register_forward_hook(features)
    with torch.no_grad():
        found["logits_full"] = model(pixels.to(dtype)).logits
    assert len(layers) == model.config.backbone_config.num_hidden_layers
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    arguments = parser.parse_args()
    for name in ("float64", "float32", "bfloat16", "float16"):
        found = record(arguments.folder, getattr(torch, name))
        metadata = {
            "format": "beitzoo.recording.v1", "framework": "torch", "framework_version": torch.__version__, "dtype": name, "epsilon": "1e-06", "task": "semantic segmentation",
            "implementation": f"transformers {__version__} UperNetForSemanticSegmentation over BeitBackbone",
        }
        path = arguments.output / f"{arguments.folder.name.split('.')[0]}.stages.{name}.recording.safetensors"
        # A recording has float32 or float64 tensors, which hold values of half precision exactly.
        save_file({stage: (x.float() if x.dtype in (torch.bfloat16, torch.float16) else x).contiguous() for stage, x in found.items()}, path, metadata)
        print(path, sorted(found))


if __name__ == "__main__":
    main()
