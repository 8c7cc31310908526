"""Writes the names and shapes of segmentation models as the frameworks have them: python make.py FOLDER_OF_UNILM_CHECKPOINTS, with transformers 5 and torch.

A line is a name and the sizes of its shape. unilm's are those of its class (microsoft/unilm beit/semantic_segmentation) with the heads of mmsegmentation.
"""
import pathlib
import sys
import tempfile

import torch
import transformers
from safetensors import safe_open

here = pathlib.Path(__file__).parent


def write(name, source, shapes):
    lines = [f"# {source}"] + [f"{key} {'x'.join(map(str, shape))}".rstrip() for key, shape in shapes.items()]
    (here / f"{name}.txt").write_text("\n".join(lines) + "\n")


def sizes(beit):
    return dict(hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32, image_size=64, patch_size=16, layer_scale_init_value=0.1,
                use_relative_position_bias=True, **beit)


backbone = transformers.BeitConfig(**sizes(dict(out_features=["stem", "stage1", "stage2", "stage4"], add_fpn=True, reshape_hidden_states=True)))
models = {
    "hf_upernet": transformers.UperNetForSemanticSegmentation(
        transformers.UperNetConfig(backbone_config=backbone, hidden_size=12, auxiliary_in_channels=16, auxiliary_channels=8, num_labels=5)),
    "hf_beit": transformers.BeitForSemanticSegmentation(transformers.BeitConfig(**sizes(dict(out_indices=[1, 2, 3, 4], auxiliary_channels=8, num_labels=5)))),
    "hf_data2vec": transformers.Data2VecVisionForSemanticSegmentation(
        transformers.Data2VecVisionConfig(**sizes(dict(out_indices=[1, 2, 3, 4], auxiliary_channels=8, num_labels=5)))),
}
for name, model in models.items():
    source = f"huggingface/transformers {transformers.__version__}, {type(model).__name__}"
    write(name + "_memory", source + ", state_dict()", {k: v.shape for k, v in model.state_dict().items()})
    folder = tempfile.mkdtemp()
    model.save_pretrained(folder)
    with safe_open(pathlib.Path(folder) / "model.safetensors", "pt") as file:
        write(name, source + ", save_pretrained", {k: file.get_slice(k).get_shape() for k in file.keys()})
for path in sorted(pathlib.Path(sys.argv[1]).glob("seg_p16_48.unilm.pth")):
    state = torch.load(path, weights_only=True)["state_dict"]
    write("unilm", "microsoft/unilm beit/semantic_segmentation", {k: v.shape for k, v in state.items()})
