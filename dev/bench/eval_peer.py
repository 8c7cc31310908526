"""An evaluation as it is usually written in Python: torchvision's ImageFolder, timm's transform, a DataLoader with 2 workers and batches of 64.

python eval_peer.py MODEL.safetensors DATA     prints the number of right answers
python eval_peer.py MODEL.safetensors          writes a tiny model of 224 pixels with weights drawn by a seed
"""

import sys

import timm.data
import torch
from safetensors.torch import load_file, save_file
from timm.models.beit import Beit


def model():
    torch.manual_seed(0)
    return Beit(img_size=224, patch_size=16, embed_dim=16, depth=1, num_heads=1, num_classes=10, use_abs_pos_emb=False, use_rel_pos_bias=True, init_values=0.1).eval()


def main(path, data):
    from torchvision.datasets import ImageFolder

    transform = timm.data.create_transform((3, 224, 224), interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=0.9)
    loader = torch.utils.data.DataLoader(ImageFolder(data, transform), batch_size=64, num_workers=2)
    beit = model()
    beit.load_state_dict(load_file(path))
    right = 0
    with torch.inference_mode():
        for images, classes in loader:
            right += (beit(images).argmax(1) == classes).sum().item()
    print(right)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(*sys.argv[1:])
    else:
        drawn = model().state_dict()
        torch.manual_seed(1)
        # Heads as they are made have the same answer for every picture.
        drawn["head.weight"] = torch.randn_like(drawn["head.weight"])
        save_file(drawn, sys.argv[1])
