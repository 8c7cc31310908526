"""Makes the files of this folder with torch, timm 1.0 and transformers 5: models of two blocks, pickled whole or in the wrappers of training programs."""

import functools
import os

import torch
import timm.models.beit
import transformers
import timm.models.vision_transformer
from torch import nn

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def beit(**more):
    torch.manual_seed(0)
    size = {"img_size": (16, 32), "patch_size": 8, "embed_dim": 8, "depth": 2, "num_heads": 2, "mlp_ratio": 2, "num_classes": 3, "init_values": 0.1}
    return timm.models.beit.Beit(**{**size, **more, }, use_rel_pos_bias=True)


def vit(**more):
    return timm.models.vision_transformer.VisionTransformer(img_size=16, patch_size=8, embed_dim=8, depth=2, num_heads=2, mlp_ratio=2, num_classes=3, **more)


def activation(made):
    model = beit()
    model.blocks[1].mlp.act = made
    return model


def epsilons():
    model = beit()
    model.blocks[1].norm2.eps = 1e-3
    return model


def crowded():
    """GELU's approximation in the last block, and two million values in front of it that take 10 kB."""
    model = activation(nn.GELU(approximate="tanh"))
    model.act = [[1] * 1000] * 2000
    return model


def settings(**more):
    model = of_transformers()
    for name, value in more.items():
        model.config.__dict__[name] = value  # as transformers would refuse it
    return model


def no_epsilon():
    model = beit()
    model.blocks[0].norm1.eps = 2
    return model


def of_transformers(**more):
    torch.manual_seed(0)
    return transformers.BeitForImageClassification(transformers.BeitConfig(
        hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, image_size=[16, 32], patch_size=8, use_relative_position_bias=True,
        id2label={0: "ant", 1: "bee", 2: "cat"}, problem_type="multi_label_classification", layer_norm_eps=1e-5, **more)).eval()


def reset(classes, pool):
    """A classifier that was made with the mean, and pools otherwise since: its last norm stays where it was."""
    model = beit()
    model.reset_classifier(classes, global_pool=pool)
    nn.init.normal_(model.fc_norm.weight)
    return model.eval()


def same_with_norm(model):
    """timm's own model with the class token and the parameters of another whose norm stands behind the pooling; they answer the same."""
    other = beit(global_pool="token").eval()
    other.load_state_dict({name.replace("fc_norm", "norm"): value for name, value in model.state_dict().items()})
    image = torch.randn(2, 3, 16, 32)
    torch.testing.assert_close(model(image), other(image))
    return other


def with_convolution(**attributes):
    model = beit()
    for name, value in attributes.items():
        setattr(model.patch_embed.proj, name, value)
    return model


def with_attribute(path, name, value):
    model = beit()
    setattr(model.get_submodule(path), name, value)
    return model


def twice(module, inputs, output):
    return output * 2


def hooked():
    model = beit()
    model.head.register_forward_hook(twice)
    return model


def with_module(path, made):
    model = beit()
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, made)
    return model


def with_index(**more):
    """A model that reads one element of its tables at another place: the buffer is in the module, and not in its state dict."""
    model = beit(**more)
    model.blocks[1].attn.relative_position_index[3, 4] += 1
    assert "blocks.1.attn.relative_position_index" not in model.state_dict()
    return model


class Own(timm.models.beit.Beit):
    def forward(self, x):
        return super().forward(x) * 3


def own():
    model = beit()
    model.__class__ = Own
    return model


files = {
    "pool_token.pth": reset(3, "token"),
    "pool_token_norm.pth": same_with_norm(reset(3, "token")),
    "pool_empty.pth": reset(3, ""),
    "pool_empty_headless.pth": reset(0, ""),
    "pool_max.pth": with_attribute("", "global_pool", "max"),
    "prefix.pth": with_attribute("", "num_prefix_tokens", 0),
    "scale.pth": with_attribute("blocks.1.attn", "scale", 1.0),
    "stride.pth": with_convolution(stride=(4, 4)),
    "padding.pth": with_convolution(padding=(1, 1)),
    "softmax.pth": nn.Sequential(nn.Upsample((16, 32)), beit(), nn.Softmax(-1)),
    "hook.pth": hooked(),
    "own.pth": own(),
    "quantised.pth": torch.ao.quantization.quantize_dynamic(beit().eval(), {nn.Linear}, dtype=torch.qint8),
    "transformers.pth": of_transformers(),
    "transformers_relu.pth": of_transformers(hidden_act="relu"),
    "epsilon.pth": beit(norm_layer=functools.partial(nn.LayerNorm, eps=1e-5)),
    "epsilons.pth": epsilons(),
    "relu.pth": activation(nn.ReLU()),
    "tanh.pth": activation(nn.GELU(approximate="tanh")),
    "crowded.pth": crowded(),
    "no_epsilon.pth": no_epsilon(),
    "settings_function.pth": settings(hidden_act=torch.relu),
    "settings_nan.pth": settings(layer_norm_eps=float("nan")),
    "settings_crowd.pth": settings(crowd=[["\x01" * 250] * 900] * 1000),
    "index.pth": with_index(),
    "index_within.pth": nn.Sequential(nn.Upsample((16, 32)), with_index()),
    "norm_between.pth": with_module("blocks.1.drop_path1", nn.LayerNorm(8, elementwise_affine=False)),
    "tanh_behind.pth": with_module("head_drop", nn.Tanh()),
    "group_norm.pth": with_module("blocks.0.norm2", nn.GroupNorm(1, 8)),
    "quiet.pth": with_module("blocks.1.drop_path1", nn.Sequential(nn.Identity(), nn.Dropout(0.5))),
    "softmax_within.pth": with_module("softmax", nn.Softmax(-1)),
    "linear_behind.pth": nn.Sequential(beit(), nn.Linear(3, 2)),
}

for name, model in files.items():
    if not os.path.exists(name):
        torch.save(model, name)
