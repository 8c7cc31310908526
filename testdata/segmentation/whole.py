"""Writes whole modules of transformers' segmentation models, and what they compute, into a folder: python whole.py FOLDER [--legacy].

transformers 5 hangs hooks into its backbones that torch.save cannot write; they compute nothing, and are taken off first. With --legacy the files have the
form of PyTorch before 1.6.
"""

import sys

import torch
from safetensors.torch import save_file
from transformers import BeitConfig, BeitForSemanticSegmentation, UperNetConfig, UperNetForSemanticSegmentation

torch.manual_seed(3)
size = {
    "hidden_size": 4, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 8, "image_size": 32, "patch_size": 16, "layer_norm_eps": 1e-6,
    "use_relative_position_bias": True, "use_absolute_position_embeddings": False, "layer_scale_init_value": 0.1, "use_mask_token": False,
}
stages = {"out_indices": [1, 2, 3, 4], "use_auxiliary_head": False}
backbone = BeitConfig(**size, out_indices=[0, 1, 3, 4], add_fpn=True, reshape_hidden_states=True)
for name, model in {
    "upernet": UperNetForSemanticSegmentation(UperNetConfig(backbone_config=backbone, hidden_size=4, use_auxiliary_head=False, num_labels=3)),
    "beit": BeitForSemanticSegmentation(BeitConfig(**size, **stages, num_labels=3)),
}.items():
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    for key, statistic in model.named_buffers():
        if key.endswith("running_mean"):
            statistic.normal_()
        elif key.endswith("running_var"):
            statistic.uniform_(0.5, 2)
    model.eval()
    for module in model.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    path = f"{sys.argv[1]}/whole.{name}"
    torch.save(model, path + ".pth", _use_new_zipfile_serialization="--legacy" not in sys.argv)
    state = model.state_dict()
    model = type(model)(model.config).double().eval()  # with its hooks
    model.load_state_dict(state)
    pixels = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(29))
    with torch.no_grad():
        logits = model(pixels.double()).logits
    metadata = {
        "format": "beitzoo.recording.v1", "framework": "torch", "framework_version": torch.__version__, "dtype": "float64", "epsilon": "1e-06",
        "task": "semantic segmentation", "implementation": f"transformers 5 {type(model).__name__}",
    }
    save_file({"input": pixels, "logits_full" if logits.shape[-1] == pixels.shape[-1] else "logits": logits}, path + ".recording.safetensors", metadata)
