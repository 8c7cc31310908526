"""Writes training checkpoints with two copies of a small BEiT, or with a BEiT and something else, into a folder: python make.py FOLDER.

timm's class with random weights, torch.optim.swa_utils.AveragedModel for the moving average, torch.save. The parameters of the average are half of the model's.
"""

import sys

import torch
from timm.models.beit import Beit
from timm.models.vision_transformer import VisionTransformer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Modules(torch.nn.Module):
    def __init__(self, **modules):
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)


torch.manual_seed(11)
size = {"img_size": 8, "patch_size": 4, "embed_dim": 8, "depth": 1, "num_heads": 1, "num_classes": 3}
model = Beit(**size, use_rel_pos_bias=True, use_abs_pos_emb=False, init_values=0.1).eval()
for parameter in model.parameters():
    torch.nn.init.normal_(parameter, std=0.5)
average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
average.update_parameters(model)
for parameter in average.parameters():
    parameter.data.mul_(0.5)
own, ema = model.state_dict(), average.module.state_dict()

for name, content in {
    "model_and_ema.pth": Modules(model=model, ema=average.module).state_dict(),
    "module_and_averaged_model.pth": Modules(module=model, ema_model=average).state_dict(),
    "student_and_teacher.ckpt": {"state_dict": Modules(student=model, teacher=average.module).state_dict()},
    "bare_and_model_ema.pth": {**own, **{"model_ema." + name: value for name, value in ema.items()}},
    "student_and_teacher_keys.pth": {"student": torch.nn.DataParallel(model).state_dict(), "teacher": ema},
    "callback.ckpt": {"state_dict": own, "callbacks": {"EMACallback": {"ema_state_dict": ema}}, "epoch": 3},
    "online_and_ema_keys.pth": {"online_model": own, "ema_model": ema},
    "head_layer.pth": {"model": own, "head": torch.nn.Linear(8, 3).state_dict()},
    "head_settings.pth": {"model": own, "head": {"type": "linear", "classes": 3}},
    "head_vit.pth": {"model": own, "head": VisionTransformer(**size).state_dict()},
}.items():
    torch.save(content, sys.argv[1] + "/" + name)
