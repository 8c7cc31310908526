"""What timm and unilm's code, which has the same names, do with a model."""

import json
import logging
import os
import sys
from functools import partial

import numpy
import safetensors.torch
import timm
import timm.data
import timm.models
import torch
import timm.models.beit
from peer_transformers import randomise
from PIL import Image
from timm.layers import LayerNorm

logging.getLogger("timm").setLevel(logging.WARNING)
ENTRIES = ("beit_base_patch16_224", "beit_large_patch16_384", "beitv2_base_patch16_224")


class Masked(timm.models.beit.Beit):
    """unilm's model for masked image modelling, with its names; without classes, only the encoder."""

    def __init__(self, classes, **options):
        super().__init__(num_classes=0, global_pool="", **options)
        self.mask_token = torch.nn.Parameter(torch.zeros(1, 1, self.embed_dim))
        if classes:
            self.lm_head = torch.nn.Linear(self.embed_dim, classes)

    def forward(self, x):
        x = self.forward_features(x)
        return self.lm_head(x[:, 1:]) if hasattr(self, "lm_head") else x


def options(case):
    """The arguments that make timm's Beit this architecture."""
    return {
        "img_size": (case.height, case.width), "patch_size": case.patch, "embed_dim": case.dim, "depth": case.depth, "num_heads": case.heads,
        "mlp_ratio": case.hidden / case.dim, "init_values": 0.1 if case.scale else 0.0, "use_abs_pos_emb": case.absolute,
        "use_rel_pos_bias": case.bias == "block", "use_shared_rel_pos_bias": case.bias == "shared"}


def build(case, epsilon=None):
    """A float64 model of this architecture with no weights to speak of."""
    norm = partial(LayerNorm, eps=epsilon or case.epsilon)
    if case.task in ("masked", "encoder"):
        model = Masked(case.classes, norm_layer=norm, **options(case))
    else:
        model = timm.models.beit.Beit(
            num_classes=case.classes, global_pool="avg" if case.pooling == "mean" else "token", norm_layer=norm, **options(case))
    return model.double().eval()


def drawn_model(case):
    """The model of a case: its weights are numbers of the case's dtype, it computes in float64."""
    model = randomise(build(case).to(getattr(torch, case.dtype)), case.seed)
    return model.double()


def outputs(model, pixels):
    with torch.no_grad():
        return model(torch.from_numpy(pixels)).numpy()


def state(model, case):
    """The state dict in the case's dtype."""
    return {k: v.to(getattr(torch, case.dtype)) if v.is_floating_point() else v for k, v in model.state_dict().items()}


def write_file(case, path):
    """timm's state dict, as timm's trainers keep it."""
    model = drawn_model(case)
    saved = state(model, case)
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(saved, path)
    else:
        torch.save(saved, path)
    return model


def write_unilm(case, path):
    """A checkpoint of unilm: the state dict under a key, with the index buffers."""
    model = drawn_model(case)
    saved = dict(state(model, case))
    for name, value in list(model.named_buffers()):
        if name.endswith("relative_position_index"):
            saved[name] = value
    torch.save({"model": saved, "epoch": 3}, path)
    return model


def write_folder(case, folder):
    """A folder as timm's save_for_hf makes it, for timm.create_model('local-dir:...')."""
    recipe = case.recipe
    data = {
        "input_size": (3, case.height, case.width), "mean": tuple(recipe["mean"]), "std": tuple(recipe["std"]), "interpolation": recipe["interpolation"],
        "crop_pct": recipe["crop"] / recipe["to"], "crop_mode": "squash" if recipe["resize"] == "squash" else "center"}
    model = timm.create_model(
        ENTRIES[case.seed % len(ENTRIES)], pretrained=False, num_classes=case.classes, global_pool="avg" if case.pooling == "mean" else "token",
        pretrained_cfg_overlay=data, **options(case))
    model = randomise(model.to(getattr(torch, case.dtype)), case.seed)
    card = {"label_names": case.labels} if case.labels else {}
    timm.models.save_for_hf(model, folder, model_config=card, data_config=data, safe_serialization=not case.pickled)
    return model.double()


def load_folder(folder):
    """What timm makes of a folder, in float64."""
    torch.set_default_dtype(torch.float64)
    try:
        return timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    finally:
        torch.set_default_dtype(torch.float32)


def run(case, snippet, programs, pixels):
    """What the model computes that lines of Python leave in the variable model. They may import from the folder programs."""
    namespace = {}
    before, path, entries = os.getcwd(), list(sys.path), dict(timm.models._registry._model_entrypoints)
    os.chdir(programs)
    torch.set_default_dtype(torch.float64)
    try:
        exec(snippet, namespace)
        model, pixels = namespace["model"].double(), torch.from_numpy(pixels)
        with torch.no_grad():
            if not hasattr(model, "mask_token"):
                return model(pixels).numpy()
            nothing = torch.zeros(len(pixels), case.window[0] * case.window[1], dtype=torch.bool)
            if case.classes:
                return model(pixels, nothing, return_all_tokens=True).numpy()
            features = model.forward_features
            return (features(pixels) if isinstance(model, timm.models.beit.Beit) else features(pixels, nothing)).numpy()
    finally:
        torch.set_default_dtype(torch.float32)
        os.chdir(before)
        sys.path[:] = path
        timm.models._registry._model_entrypoints.update(entries)  # unilm puts its own models there, under the same names


def set_epsilon(model, epsilon):
    for module in model.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.eps = epsilon
    return model


def load_file(case, path):
    """The model of a case with the weights of a file, loaded strictly but for index buffers."""
    if path.suffix == ".safetensors":
        found = safetensors.torch.load_file(path)
    else:
        found = torch.load(path, weights_only=True)
        found = found.get("model", found)
    model = build(case)
    model.load_state_dict({k: v for k, v in found.items() if not k.endswith("relative_position_index")}, strict=True)
    return model


def classify(model, images):
    """Softmax of the logits of each picture, or sigmoid of a single one, with the preparation that the model's configuration asks for."""
    config = timm.data.resolve_model_data_config(model)
    transform = timm.data.create_transform(**config, is_training=False)
    rows = []
    for image in images:
        with Image.open(image) as picture:
            pixels = transform(picture.convert("RGB")).double()[None]
        with torch.no_grad():
            logits = model(pixels)[0]
        rows.append((logits.softmax(-1) if len(logits) > 1 else logits.sigmoid()).numpy())
    return rows


def label_names(folder):
    stated = json.loads((folder / "config.json").read_text())
    return stated.get("label_names") or stated.get("pretrained_cfg", {}).get("label_names")


def recipe_json(case):
    """The case's recipe as a configuration of timm, for --recipe."""
    recipe = case.recipe
    return json.dumps({
        "architecture": "beit_base_patch16_224", "num_classes": case.classes, **({"label_names": case.labels} if case.labels else {}),
        "pretrained_cfg": {
            "input_size": [3, case.height, case.width], "mean": recipe["mean"], "std": recipe["std"], "interpolation": recipe["interpolation"],
            "crop_pct": recipe["crop"] / recipe["to"], "crop_mode": "squash" if recipe["resize"] == "squash" else "center"}})


def close(got, want, tolerance):
    """Whether arrays are equal but for a difference relative to the largest number."""
    got, want = numpy.asarray(got), numpy.asarray(want)
    return got.shape == want.shape and float(numpy.abs(got - want).max()) <= tolerance * max(1.0, float(numpy.abs(want).max()))
