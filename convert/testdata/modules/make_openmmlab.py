"""Makes branch.pth: BEiT v2's model of pre-training with the branch for the class token, of mmpretrain 1.2, pickled whole.

    python make_openmmlab.py FOLDER    # the packages of OpenMMLab, as `make interop` installs them"""

import os
import sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(sys.argv[1])
sys.path.insert(0, os.path.join(HERE, *[".."] * 3, "dev", "interop"))
from operators import NoOperators  # noqa: E402

sys.modules["mmcv._ext"] = NoOperators("mmcv._ext")
import mmpretrain.models as mm  # noqa: E402

torch.manual_seed(0)
arch = {"embed_dims": 8, "num_layers": 2, "num_heads": 2, "feedforward_channels": 16, "depth": 2}
norm = {"type": "LN", "eps": 1e-6}
backbone = mm.BEiTPretrainViT(
    arch=arch, img_size=(16, 32), patch_size=8, norm_cfg=norm, use_abs_pos_emb=False, use_shared_rel_pos_bias=True, final_norm=False, out_indices=[0, 1])
neck = mm.BEiTV2Neck(num_layers=2, early_layers=1, backbone_arch=arch, norm_cfg=norm)
head = mm.BEiTV2Head(8, 3, {"type": "CrossEntropyLoss"})
torch.save(mm.BEiT(backbone=backbone, neck=neck, head=head), os.path.join(HERE, "branch.pth"))
