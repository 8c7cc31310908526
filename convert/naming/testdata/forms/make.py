"""Makes the lists of this folder: names and shapes of small models in forms in which people save them, of torch, timm 1.0 and transformers 5. The first line
of a list says how it was made. The packed weights of quantised modules are no tensors, so they are not in it."""

import copy
import os

import timm.models.beit
import torch
import torch.ao.quantization
import torch.nn.utils.prune
import transformers
from timm.models.vision_transformer import VisionTransformer
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, how, state):
    with open(os.path.join(HERE, name + ".txt"), "w") as f:
        f.write("# %s\n" % how)
        for key, value in state.items():
            if isinstance(value, torch.Tensor):
                f.write("%s %s\n" % (key, "x".join(str(n) for n in value.shape) or "-"))


size = dict(img_size=32, patch_size=16, embed_dim=32, depth=2, num_heads=2, num_classes=3)
beit = timm.models.beit.Beit(**size, init_values=0.1, use_rel_pos_bias=True)
vit = VisionTransformer(**size)

normed = copy.deepcopy(beit)
nn.utils.parametrizations.weight_norm(normed.head)
write("weight_norm", "torch.nn.utils.parametrizations.weight_norm(beit.head)", normed.state_dict())
normed = copy.deepcopy(beit)
nn.utils.weight_norm(normed.head)
write("weight_norm_old", "torch.nn.utils.weight_norm(beit.head)", normed.state_dict())
pruned = copy.deepcopy(beit)
torch.nn.utils.prune.l1_unstructured(pruned.blocks[0].mlp.fc1, "weight", 0.5)
write("pruned", "torch.nn.utils.prune.l1_unstructured(beit.blocks[0].mlp.fc1, 'weight', 0.5)", pruned.state_dict())
write("quantised", "torch.ao.quantization.quantize_dynamic(beit, {Linear})", torch.ao.quantization.quantize_dynamic(copy.deepcopy(beit), {nn.Linear}).state_dict())
write("no_biases", "Beit(qkv_bias=False)", timm.models.beit.Beit(**size, init_values=0.1, use_rel_pos_bias=True, qkv_bias=False).state_dict())
sequence = copy.deepcopy(beit)
sequence.head = nn.Sequential(nn.Dropout(0.1), sequence.head)
write("head_in_sequence", "beit.head = Sequential(Dropout(0.1), beit.head)", sequence.state_dict())
write("linear_behind", "Sequential(beit, Linear(3, 5))", nn.Sequential(beit, nn.Linear(3, 5)).state_dict())
write("student_and_vit", "ModuleDict(student=beit, teacher=vit)", nn.ModuleDict({"student": beit, "teacher": vit}).state_dict())

strangers = os.path.join(HERE, "..", "strangers")
HERE = strangers
write("timm_vit_no_biases", "timm VisionTransformer(qkv_bias=False)", VisionTransformer(**size, qkv_bias=False).state_dict())
small = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=32, patch_size=16)
write("hf5_vit", "transformers 5 ViTForImageClassification, state_dict()", transformers.ViTForImageClassification(transformers.ViTConfig(**small)).state_dict())
write("hf5_swin", "transformers 5 SwinModel, state_dict()", transformers.SwinModel(transformers.SwinConfig(image_size=64, embed_dim=24, depths=[1, 1], num_heads=[2, 2], window_size=2)).state_dict())
