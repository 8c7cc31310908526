"""Loads segmentation models that beitzoo wrote for transformers strictly, and compares their logits with a recording of unilm's, in float64.

python segmentation.py CLASS FOLDER RECORDING: CLASS is one of transformers 5. The logits of UperNetForSemanticSegmentation are resized to the image, so those of the
recording are resized in the same way. PaddleSeg's names are loaded by paddleseg.py.
"""
import sys

import torch
import transformers
from safetensors.torch import load_file

name, folder, recording = sys.argv[1:]
model, loaded = getattr(transformers, name).from_pretrained(folder, output_loading_info=True, dtype=torch.float64)
left = {key: sorted(value) for key, value in loaded.items() if value}
if left:
    sys.exit(f"{name} does not load {folder} strictly: {left}")
want = load_file(recording)
with torch.no_grad():
    got = model.eval()(pixel_values=want["input"].double()).logits
expected = want["logits"].double()
if got.shape != expected.shape:
    expected = torch.nn.functional.interpolate(expected, size=got.shape[2:], mode="bilinear", align_corners=False)
difference = (got - expected).abs().max().item()
print(f"{name}: logits differ by {difference:.2g} of {expected.abs().max().item():.2g}")
if difference > 1e-10:
    sys.exit(f"{name} computes other logits from {folder} than {recording} has")
