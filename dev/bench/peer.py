"""A BEiT in Python that answers each line of standard input, "forward", "logits" or "load", with a line of numbers.

    python peer.py KIND NAME FILES IMAGES BATCH THREADS [DTYPE]

KIND is timm, compile (timm under torch.compile), transformers, onnxruntime, or one for the request "load": create makes timm's model and loads it, load loads
into the one that is there. NAME is timm's name of the architecture. FILES.safetensors has weights under timm's names, FILES-hf is a folder of transformers. IMAGES are raw float32.
DTYPE is float32 or bfloat16, in which weights and images then are.

    python peer.py have KIND        prints the versions, or fails if something is not installed
"""

import os
import sys
import time


def have(kind):
    import timm
    import torch

    text = f"timm {timm.__version__}"
    if kind == "transformers":
        import transformers

        text = f"transformers {transformers.__version__}"
    if kind == "onnxruntime":
        import onnx
        import onnxruntime

        return f"onnxruntime {onnxruntime.__version__}, exported by torch {torch.__version__} and onnx {onnx.__version__}"
    return f"{text}, torch {torch.__version__} in {os.path.dirname(torch.__file__)}"


def of_timm(name, files):
    import timm
    from safetensors.torch import load_file

    model = timm.create_model(name, pretrained=False)
    model.load_state_dict(load_file(files + ".safetensors"))
    return model.eval()


def of_transformers(files):
    from transformers import BeitForImageClassification

    return BeitForImageClassification.from_pretrained(files + "-hf").eval()


def session(name, files, images, threads):
    """ONNX Runtime, on what torch exports of timm's model."""
    import onnxruntime
    import torch

    path = f"{files}.{images.shape[0]}.onnx"
    if not os.path.exists(path):
        import timm.layers

        timm.layers.set_exportable(True)
        torch.onnx.export(of_timm(name, files), (images,), path, dynamo=False, opset_version=18)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def main(kind, name, files, path, batch, threads, dtype):
    import numpy
    import torch

    torch.set_num_threads(threads)
    pixels = numpy.fromfile(path, numpy.float32).reshape(batch, 3, -1)
    side = round(pixels.shape[2] ** 0.5)
    dtype = getattr(torch, dtype)
    images = torch.from_numpy(pixels.reshape(batch, 3, side, side)).to(dtype)
    if kind == "onnxruntime":
        ready = session(name, files, images, threads)
        inputs = {ready.get_inputs()[0].name: images.numpy()}

        def forward():
            return ready.run(None, inputs)[0]
    else:
        model = (of_transformers(files) if kind == "transformers" else of_timm(name, files)).to(dtype)
        called = torch.compile(model) if kind == "compile" else model

        def forward():
            with torch.inference_mode():
                result = called(images)
            return (result.logits if kind == "transformers" else result).float().numpy()

        def load():
            if kind == "create":
                return of_timm(name, files)
            from safetensors.torch import load_file

            return model.load_state_dict(load_file(files + ".safetensors"))

    if kind not in ("create", "load"):
        forward()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "logits":
            print(*forward().flatten().tolist(), flush=True)
            continue
        start = time.perf_counter()
        load() if line.strip() == "load" else forward()
        print(time.perf_counter() - start, flush=True)


if sys.argv[1] == "have":
    print(have(sys.argv[2]))
else:
    main(*sys.argv[1:5], *map(int, sys.argv[5:7]), *(sys.argv[7:8] or ["float32"]))
