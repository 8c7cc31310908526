"""Records what a BEiT in PaddlePaddle computes, for `beitzoo verify MODEL --recording FILE`.

From your own code, with the model built and loaded as PASSL's README shows:

    record(backbone, head, images, "out.safetensors", implementation="PASSL")

backbone is PASSL's Beit, head its classifier head, images a float32 array [N, 3, H, W], normalised. Needs paddle, numpy and safetensors.
"""

import numpy
import paddle
from safetensors.numpy import save_file


def record(backbone, head, images, path, **metadata):
    """Runs head(backbone(images)) and writes input, every block, pool and logits to path."""
    seen, hooks = {}, []

    def keep(name):
        def hook(_, inputs, output):
            value = output[0] if isinstance(output, (list, tuple)) else output
            seen[name] = numpy.ascontiguousarray(value.numpy())

        return hook

    hooks.append(backbone.pos_drop.register_forward_post_hook(keep("embed")))
    for i, block in enumerate(backbone.blocks):
        hooks.append(block.register_forward_post_hook(keep(f"blocks.{i}")))
    backbone.eval()
    head.eval()
    with paddle.no_grad():
        pool = backbone(paddle.to_tensor(images))
        logits = head(pool)
    for hook in hooks:
        hook.remove()
    seen["pool"] = numpy.ascontiguousarray(pool.numpy())
    seen["logits"] = numpy.ascontiguousarray(logits.numpy())
    seen["input"] = numpy.ascontiguousarray(images, dtype=numpy.float32)
    norm = next(layer for layer in backbone.sublayers() if isinstance(layer, paddle.nn.LayerNorm))
    save_file(seen, path, metadata={
        "format": "beitzoo.recording.v1",
        "framework": "paddle",
        "framework_version": paddle.__version__,
        "dtype": str(logits.numpy().dtype),
        "epsilon": repr(norm._epsilon),
        **{key: str(value) for key, value in metadata.items()},
    })
