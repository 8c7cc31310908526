"""Loads a segmentation model that beitzoo wrote under the names of PaddleSeg strictly into layers of PaddlePaddle, and compares their logits with a recording of unilm's.

python paddleseg.py FILE RECORDING TAPS -o SAVED: the layers are those of UPerNetCAE (PaddlePaddle/PaddleSeg paddleseg/models/upernet_cae.py and backbones/cae.py), which has no
package: written here by what it defines, with one epsilon. SAVED is the state dict as paddle.save writes it, to be read back.
"""

import argparse
import sys

import paddle
import paddle_beit
from paddle import nn
from paddle.nn import functional
from safetensors.numpy import load_file


class Convolution(nn.Layer):
    """A convolution without bias, a batch norm and ReLU, by the names of PaddleSeg's ConvBNReLU."""

    def __init__(self, inside, outside, kernel):
        super().__init__()
        self._conv = nn.Conv2D(inside, outside, kernel, padding=kernel // 2, bias_attr=False)
        self._batch_norm = nn.BatchNorm2D(outside)

    def forward(self, x):
        return functional.relu(self._batch_norm(self._conv(x)))


class Pyramid(nn.Layer):
    def __init__(self, dim, channels):
        super().__init__()
        self.stages = nn.LayerList([nn.Sequential(nn.AdaptiveAvgPool2D(side), Convolution(dim, channels, 1)) for side in (1, 2, 3, 6)])
        self.conv_bn_relu2 = Convolution(dim + 4 * channels, channels, 3)

    def forward(self, x):
        return self.conv_bn_relu2(paddle.concat([x] + [resized(stage(x), x) for stage in self.stages], axis=1))


def resized(x, like):
    return functional.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


class Heads(nn.Layer):
    def __init__(self, dim, channels, auxiliary, classes):
        super().__init__()
        self.psp_modules = Pyramid(dim, channels)
        self.lateral_convs = nn.LayerList([nn.Sequential(nn.Conv2D(dim, channels, 1, bias_attr=False), nn.BatchNorm2D(channels), nn.ReLU()) for _ in range(3)])
        self.fpn_convs = nn.LayerList([nn.Sequential(Convolution(channels, channels, 3)) for _ in range(3)])
        self.dsn = nn.Sequential(Convolution(dim, auxiliary, 3), nn.Dropout2D(0.1), nn.Conv2D(auxiliary, classes, 1))
        self.fpn_bottleneck = Convolution(4 * channels, channels, 3)
        self.conv_seg = nn.Conv2D(channels, classes, 1)

    def forward(self, maps):
        stream = self.psp_modules(maps[3])
        levels = [stream]
        for level in (2, 1, 0):
            lateral = self.lateral_convs[level](maps[level])
            stream = lateral + resized(stream, lateral)
            levels.insert(0, self.fpn_convs[level](stream))
        fused = self.fpn_bottleneck(paddle.concat([levels[0]] + [resized(x, levels[0]) for x in levels[1:]], axis=1))
        return self.conv_seg(fused), self.dsn(maps[2])


class Segmenter(nn.Layer):
    def __init__(self, form, channels, auxiliary, taps):
        super().__init__()
        self.taps, self.window = taps, form.window
        self.backbone = paddle_beit.Backbone(form)
        del self.backbone.norm
        first, second, only = (nn.Conv2DTranspose(form.dim, form.dim, 2, 2) for _ in range(3))
        self.fpn1 = nn.Sequential(first, nn.BatchNorm2D(form.dim), nn.GELU(), second)
        self.fpn2 = nn.Sequential(only)
        self.decode_head = Heads(form.dim, channels, auxiliary, form.classes)

    def forward(self, x):
        backbone, maps = self.backbone, []
        x = backbone.patch_embed(x)
        x = paddle.concat([backbone.cls_token.expand([x.shape[0], -1, -1]), x], axis=1) + backbone.pos_embed
        for i, block in enumerate(backbone.blocks):
            x = block(x, None)
            if i in self.taps:
                maps.append(x[:, 1:].transpose([0, 2, 1]).reshape([x.shape[0], x.shape[2], *self.window]))
        steps = (self.fpn1, self.fpn2, lambda y: y, nn.MaxPool2D(2, 2))
        return self.decode_head([step(one) for step, one in zip(steps, maps, strict=True)])


def made(state, taps, side):
    """The layers that have the shapes of a state dict."""

    def shape(name):
        return list(state[name].shape)

    patch = shape("backbone.patch_embed.proj.weight")
    depth = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("backbone.blocks."))
    form = paddle_beit.Form(
        seed=0, dim=patch[0], depth=depth, heads=shape("backbone.blocks.0.attn.relative_position_bias_table")[1], hidden=shape("backbone.blocks.0.mlp.fc1.weight")[1],
        patch=patch[2], window=(side // patch[2], side // patch[2]), channels=patch[1], classes=shape("decode_head.conv_seg.weight")[0], bias="block", absolute=True, scale=True,
        masked=False, pooling="class_token", epsilon=1e-6,
    )
    model = Segmenter(form, shape("decode_head.conv_seg.weight")[1], shape("decode_head.dsn.2.weight")[1], taps)
    own = model.state_dict()
    if missing := sorted(set(own) ^ set(state)):
        sys.exit(f"the file and PaddleSeg's layers have other names: {missing[:8]}")
    for name, tensor in state.items():
        if list(own[name].shape) != list(tensor.shape):
            sys.exit(f"{name} has the shape {list(tensor.shape)}, and the layer {list(own[name].shape)}")
    # Layers take values of their own dtype.
    model.set_state_dict({name: tensor.astype(own[name].dtype) for name, tensor in state.items()})
    model.eval()
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("recording")
    parser.add_argument("taps")
    parser.add_argument("-o", "--output", required=True)
    arguments = parser.parse_args()
    state = {name: paddle.to_tensor(value) for name, value in paddle.load(arguments.file).items()}
    taps = [int(word) for word in arguments.taps.split(",")]
    want = load_file(arguments.recording)
    side = want["input"].shape[-1]
    paddle.save(made(state, taps, side).state_dict(), arguments.output)
    paddle.set_default_dtype("float64")
    model = made(state, taps, side)
    with paddle.no_grad():
        for name, got in zip(("logits", "auxiliary_logits"), model(paddle.to_tensor(want["input"].astype("float64"))), strict=True):
            difference = abs(got.numpy() - want[name]).max()
            print(f"PaddleSeg's layers: {name} differ by {difference:.2g} of {abs(want[name]).max():.2g}")
            if difference > 1e-7:  # Paddle computes the weights of resizes in float32, also of values in float64
                sys.exit(f"PaddleSeg's layers compute other {name} from {arguments.file} than {arguments.recording} has")


if __name__ == "__main__":
    main()
