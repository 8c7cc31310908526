"""The frameworks' own models of an architecture: built, loaded strictly from a file, and run in float64.

transformers is not here but in peer_transformers.py, since two versions of it are needed. timm's and OpenMMLab's classes are theirs. unilm and PASSL are no
packages: their classes come from the folder programs, where stand-ins of ours are, unless checkouts are given. PaddleViT's classes are always stand-ins.
"""

import importlib.util
import logging
import pickle
import sys
from functools import partial

import numpy
import paddle
import safetensors.torch
import timm.models.beit
import torch
from timm.models._features import FeatureGetterNet

import paddle_beit
from operators import NoOperators
from peer_paddle import add_packages, cast
from peer_timm import Masked, options
from peer_transformers import randomise


class NoClass(Exception):
    """The framework has no class for an architecture; the text says why."""


class Torch:
    """What frameworks on torch have in common. A model answers run(pixels); body is the part that has the weights."""

    def build(self, a):
        raise NotImplementedError

    def body(self, model):
        return model

    def run(self, a, model, pixels):
        """What a model computes, as an array: see MAKERS."""
        return model(pixels)

    def make(self, a):
        """A model with weights that are numbers of the architecture's dtype. It computes in float64."""
        model = randomise(self.build(a, a.epsilon).to(getattr(torch, a.dtype)), a.seed % 2**32)
        if a.bias == "both":  # sums of these are exact in every dtype, so that one table for each block can hold them
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if name.endswith("relative_position_bias_table"):
                        parameter.copy_((parameter * 64).round().clamp(-63, 63) / 64)
        model.double().eval()
        return model

    def outputs(self, a, model, pixels):
        with torch.no_grad():
            return self.run(a, model, torch.from_numpy(pixels)).numpy()

    def load(self, a, path, epsilon):
        """The model with the weights of a file, of which none is missing or unexpected; index buffers need not be there."""
        model = self.build(a, epsilon).double()
        model.eval()
        body = self.body(model)
        found = self.fit(read_torch(path))
        kept = {name for name in body.state_dict() if not name.endswith("relative_position_index")}
        found = {name: value for name, value in found.items() if name in kept or not name.endswith("relative_position_index")}
        torch.nn.Module.load_state_dict(body, {**{n: v for n, v in body.state_dict().items() if n not in kept}, **found}, strict=True)
        return model

    def fit(self, state):
        return state


class Timm(Torch):
    def build(self, a, epsilon):
        norm = partial(timm.layers.LayerNorm, eps=epsilon)
        form = {**options(a), "in_chans": a.channels, "use_rel_pos_bias": a.bias in ("block", "both"), "use_shared_rel_pos_bias": a.bias in ("shared", "both")}
        if a.task == "branch":
            raise NoClass("timm has no class-token branch")
        if a.masked:  # not timm's: see Masked
            return Masked(a.classes, norm_layer=norm, **form)
        model = timm.models.beit.Beit(num_classes=a.classes, global_pool="avg" if a.pooling == "mean" else "token", norm_layer=norm, **form)
        return FeatureGetterNet(model, out_indices=[a.depth - 1]) if a.task == "tokens" else model

    def run(self, a, model, pixels):
        out = model(pixels)
        return out[-1].flatten(2).transpose(1, 2) if a.task == "tokens" else out

    def fit(self, state):
        if all(name.startswith("model.") for name in state):
            return state
        return {f"model.{name}": value for name, value in state.items()} if self.tokens else state

    def load(self, a, path, epsilon):
        self.tokens = a.task == "tokens"
        return super().load(a, path, epsilon)


class Unilm(Torch):
    """unilm's classes, of the folders beit and beit2."""

    def __init__(self, root):
        self.root = root

    def module(self, folder, name):
        """A module of a folder of unilm, whose neighbours it may import."""
        if f"unilm_{folder}_{name}" in sys.modules:
            return sys.modules[f"unilm_{folder}_{name}"]
        sys.path.insert(0, str(self.root / folder))
        entries = dict(timm.models._registry._model_entrypoints)
        try:
            spec = importlib.util.spec_from_file_location(f"unilm_{folder}_{name}", self.root / folder / f"{name}.py")
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module  # so that whole modules can be saved
            spec.loader.exec_module(module)
            for neighbour in {"modeling_finetune", "modeling_pretrain"} & set(sys.modules):  # its classes need a name of their own in whole modules too
                other, alias = sys.modules.pop(neighbour), f"unilm_{folder}_{neighbour}"
                sys.modules[alias] = other
                for value in vars(other).values():
                    if getattr(value, "__module__", None) == neighbour:
                        value.__module__ = alias
            return module
        finally:
            sys.path.remove(str(self.root / folder))
            timm.models._registry._model_entrypoints.update(entries)  # unilm puts its own models there, under the same names

    def build(self, a, epsilon):
        form = dict(
            img_size=(a.height, a.width), patch_size=a.patch, in_chans=a.channels, embed_dim=a.dim, depth=a.depth, num_heads=a.heads, mlp_ratio=a.mlp_ratio,
            qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=epsilon), init_values=0.1 if a.scale else 0, use_abs_pos_emb=a.absolute,
            use_rel_pos_bias=a.bias in ("block", "both"), use_shared_rel_pos_bias=a.bias in ("shared", "both"))
        if a.task == "tokens":
            raise NoClass("unilm's classes always have a final norm")
        if a.task == "branch":
            beit2 = self.module("beit2", "modeling_pretrain")
            return beit2.VisionTransformerForMaskedImageModelingCLS(vocab_size=a.classes, early_layers=a.early, head_layers=2, **form)
        if a.masked:
            model = self.module("beit", "modeling_pretrain").VisionTransformerForMaskedImageModeling(vocab_size=a.classes or 1, **form)
            if a.task == "encoder":
                del model.lm_head
            return model
        return self.module("beit", "modeling_finetune").VisionTransformer(num_classes=a.classes, use_mean_pooling=a.pooling == "mean", **form)

    def run(self, a, model, pixels):
        if not a.masked:
            return model(pixels)
        nothing = torch.zeros(len(pixels), a.patches, dtype=torch.bool)
        if a.task == "encoder":
            features = model.forward_features
            return features(pixels) if isinstance(model, timm.models.beit.Beit) else features(pixels, nothing)
        out = model(pixels, nothing, return_all_tokens=True)
        return torch.cat(list(out), dim=1) if a.task == "branch" else out


class OpenMMLab(Torch):
    """mmpretrain's classes, and mmsegmentation's backbone for models without a final norm."""

    def __init__(self):
        sys.modules["mmcv._ext"] = NoOperators("mmcv._ext")
        logging.disable(logging.WARNING)
        import mmpretrain.models
        import mmseg.models.backbones.beit
        logging.disable(logging.NOTSET)
        self.mmpretrain, self.mmseg = mmpretrain.models, mmseg.models.backbones.beit

    def build(self, a, epsilon):
        norm = {"type": "LN", "eps": epsilon}
        if a.bias == "both":
            raise NoClass("OpenMMLab's classes refuse both kinds of bias tables")
        if a.task == "tokens":
            if a.bias != "block" or a.absolute or a.hidden % a.dim or not a.scale:
                raise NoClass("mmsegmentation's backbone has tables in every block, LayerScale, no absolute positions, and an MLP some whole times as wide")
            return self.mmseg.BEiT(
                img_size=(a.height, a.width), patch_size=a.patch, in_channels=a.channels, embed_dims=a.dim, num_layers=a.depth, num_heads=a.heads,
                mlp_ratio=a.hidden // a.dim, norm_cfg=norm, init_values=0.1 if a.scale else 0.0)
        arch = {"embed_dims": a.dim, "num_layers": a.depth, "num_heads": a.heads, "feedforward_channels": a.hidden, "depth": a.depth}
        form = dict(
            arch=arch, img_size=(a.height, a.width), patch_size=a.patch, in_channels=a.channels, norm_cfg=norm, use_abs_pos_emb=a.absolute,
            use_rel_pos_bias=a.bias == "block", use_shared_rel_pos_bias=a.bias == "shared", layer_scale_init_value=0.1 if a.scale else 0.0)
        loss = {"type": "CrossEntropyLoss"}
        if not a.masked:
            final = {"out_type": "avg_featmap"} if a.pooling == "mean" else {"out_type": "cls_token", "final_norm": True}
            backbone = self.mmpretrain.BEiTViT(**form, **final)
            head = self.mmpretrain.LinearClsHead(num_classes=a.classes, in_channels=a.dim) if a.classes else None
            return self.mmpretrain.ImageClassifier(backbone=backbone, head=head)
        if a.task == "branch":
            backbone = self.mmpretrain.BEiTPretrainViT(**form, final_norm=False, out_indices=[a.early - 1, a.depth - 1])
            neck = self.mmpretrain.BEiTV2Neck(
                num_layers=2, early_layers=a.early, backbone_arch=arch, layer_scale_init_value=form["layer_scale_init_value"], norm_cfg=norm)
            return self.mmpretrain.BEiT(backbone=backbone, neck=neck, head=self.mmpretrain.BEiTV2Head(a.dim, a.classes, loss))
        backbone = self.mmpretrain.BEiTPretrainViT(**form, final_norm=True)
        head = self.mmpretrain.BEiTV1Head(a.dim, a.classes, loss) if a.classes else None
        return self.mmpretrain.BEiT(backbone=backbone, head=head)

    def run(self, a, model, pixels):
        if a.task == "tokens":
            return model(pixels)[-1].flatten(2).transpose(1, 2)
        if not a.masked:
            return model(pixels) if a.classes else model.extract_feat(pixels)[-1]
        out = model.backbone(pixels, torch.zeros(len(pixels), *a.window))
        if a.task == "encoder":
            return out[-1]
        if a.task != "branch":
            return model.head.cls_head(out[-1][:, 1:])
        return torch.cat([model.head.cls_head(x) for x in model.neck(out, rel_pos_bias=model.backbone.shared_rel_pos_bias)], dim=1)

    def fit(self, state):
        """mmsegmentation's backbone alone has no prefix."""
        return {n.removeprefix("backbone."): v for n, v in state.items()} if self.bare else state

    def load(self, a, path, epsilon):
        self.bare = a.task == "tokens"
        return super().load(a, path, epsilon)


class Paddle:
    """PASSL's names, or PaddleViT's, which are the same without a prefix."""

    def __init__(self, prefixed, root=None):
        self.prefixed, self.root = prefixed, root

    def build(self, a, epsilon):
        if a.bias == "both":
            raise NoClass("PASSL's and PaddleViT's classes take one kind of bias table")
        if a.task not in ("classify", "masked", "features", "regression"):
            raise NoClass(f"PASSL and PaddleViT have no class for {a.task}")
        paddle.set_default_dtype("float64")
        try:
            if self.root and a.task == "classify" and a.square and a.bias != "shared":
                return self.own(a, epsilon)
            return paddle_beit.Model(paddle_beit.Form(
                a.seed % 2**32, a.patch, a.window, a.dim, a.heads, a.depth, a.hidden, a.classes, bias=a.bias, absolute=a.absolute, scale=a.scale,
                pooling=a.pooling, masked=a.masked, epsilon=epsilon, channels=a.channels))
        finally:
            paddle.set_default_dtype("float32")

    def own(self, a, epsilon):
        """PASSL's own classes, of a checkout."""
        if "passl_v110" not in sys.modules:
            add_packages(self.root)
        from passl_v110.modeling.backbones.beit import Beit
        from passl_v110.modeling.heads.beit_head import BEiTClsHead
        create = paddle.create_parameter
        paddle.create_parameter = lambda **options: create(**{**options, "dtype": "float64"})  # they ask for float32 by name
        try:
            return self.whole(a, epsilon, Beit, BEiTClsHead)
        finally:
            paddle.create_parameter = create

    def whole(self, a, epsilon, Beit, BEiTClsHead):
        return Sequence(
            backbone=Beit(
                img_size=a.height, patch_size=a.patch, in_chans=a.channels, num_classes=a.classes, embed_dim=a.dim, depth=a.depth, num_heads=a.heads,
                mlp_ratio=a.mlp_ratio, norm_layer=partial(paddle.nn.LayerNorm, epsilon=epsilon), init_values=0.1 if a.scale else None,
                use_abs_pos_emb=a.absolute, use_rel_pos_bias=a.bias == "block", use_mean_pooling=a.pooling == "mean"),
            head=BEiTClsHead(in_channels=a.dim, num_classes=a.classes))

    def make(self, a):
        model = self.build(a, a.epsilon)
        noise = numpy.random.RandomState(a.seed % 2**32)
        for name, parameter in sorted(model.named_parameters()):
            values = noise.randn(*parameter.shape) * 0.2 + (1 if "norm" in name and name.endswith("weight") else 0)
            parameter.set_value(paddle.to_tensor(values).astype(a.dtype).astype(parameter.dtype))
        model.set_state_dict(cast(model.state_dict(), "float64"))
        model.eval()
        return model

    def names(self, state):
        """A state dict with the names that are in files."""
        if self.prefixed:
            return dict(state)
        return {name.removeprefix("backbone.").replace("head.fc_cls.", "head."): value for name, value in state.items()}

    def load(self, a, path, epsilon):
        """The model with the weights of a file, of which none is missing or unexpected."""
        model = self.build(a, epsilon)
        own = {file: name for name, file in zip(model.state_dict(), self.names(model.state_dict()))}
        found = paddle.load(str(path))
        missing, unexpected = model.set_state_dict(cast({own.get(name, name): value for name, value in found.items()}, "float64"))
        if missing or unexpected:
            raise AssertionError(f"set_state_dict: missing {missing}, unexpected {unexpected}")
        model.eval()
        return model

    def outputs(self, a, model, pixels):
        with paddle.no_grad():
            return model(paddle.to_tensor(pixels)).numpy()


class Sequence(paddle.nn.Layer):
    def __init__(self, backbone, head):
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, x):
        return self.head(self.backbone(x))


def read_torch(path):
    """The state dict in a file that torch or safetensors reads without running anything."""
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path)
    found = torch.load(path, weights_only=True)
    for key in ("model", "module", "state_dict"):
        if isinstance(found.get(key), dict):
            return found[key]
    return found


def bits(state):
    """Arrays of raw bits of a state dict of torch or Paddle, without index buffers, each with the name of its dtype."""
    out = {}
    for name, value in state.items():
        if name.endswith("relative_position_index"):
            continue
        if not isinstance(value, torch.Tensor):
            value = value if isinstance(value, numpy.ndarray) else value.numpy()
            out[name] = (f"{value.dtype}".replace("uint16", "bfloat16"), value.shape, numpy.ascontiguousarray(value).tobytes())
            continue
        plain = value.detach().contiguous()
        raw = plain.view({1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[plain.element_size()]).numpy()
        out[name] = (str(plain.dtype).removeprefix("torch."), tuple(plain.shape), raw.tobytes())
    return out


def read_bits(path):
    """The raw bits of a file that beitzoo wrote, as the framework of its format reads it."""
    if path.suffix == ".pdparams":
        return bits(paddle.load(str(path)))
    return bits(read_torch(path))


def plain_pickle(state, path, protocol):
    """A pickle of NumPy arrays, as PASSL's own checkpoints are."""
    with open(path, "wb") as file:
        pickle.dump({name: value.numpy() for name, value in state.items()}, file, protocol=protocol)
