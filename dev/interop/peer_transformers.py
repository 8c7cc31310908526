"""What a version of transformers does with a model, as a process: one request a line in JSON on standard input, one answer a line on standard output.

The same program serves version 4 and version 5; PYTHONPATH decides which one it is.
"""

import json
import pathlib
import sys
import traceback

import numpy
import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import drawn
import family
import files

VERSION = int(transformers.__version__.split(".")[0])
RESAMPLE = {"bilinear": 2, "bicubic": 3}


def randomise(model, seed):
    """Fills every parameter with noise, so that exchanged parameters are noticed, and nothing is near zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.2
            parameter.copy_((noise + (1 if "norm" in name and name.endswith("weight") else 0)).to(parameter.dtype))
    model.eval()
    return model


def config(case):
    labels = {}
    if case.task == "classify":
        labels = {"num_labels": case.classes}
        if case.labels:
            labels = {"id2label": dict(enumerate(case.labels)), "label2id": {n: i for i, n in enumerate(case.labels)}}
        if case.problem:
            labels["problem_type"] = case.problem
    masked = case.task == "masked"
    return transformers.BeitConfig(
        hidden_size=case.dim, num_hidden_layers=case.depth, num_attention_heads=case.heads, intermediate_size=case.hidden,
        image_size=case.height if case.square else [case.height, case.width], patch_size=case.patch, layer_norm_eps=case.epsilon,
        use_mean_pooling=masked or case.pooling == "mean", use_relative_position_bias=case.bias == "block",
        use_shared_relative_position_bias=case.bias == "shared", use_absolute_position_embeddings=case.absolute, use_mask_token=masked,
        layer_scale_init_value=0.1 if case.scale else 0.0, **({"vocab_size": case.classes} if masked else {}), **labels)


CLASSES = {"classify": "BeitForImageClassification", "masked": "BeitForMaskedImageModeling", "features": "BeitModel"}


def write(case, folder):
    """save_pretrained of a model and of its image processor."""
    case = drawn.load(case)
    model = randomise(getattr(transformers, CLASSES[case.task])(config(case)).to(getattr(torch, case.dtype)), case.seed)
    options = {"max_shard_size": "20KB"} if case.sharded else {}
    if case.pickled:
        options["safe_serialization"] = False
    model.save_pretrained(folder, **options)
    crop = case.recipe["crop"]
    transformers.BeitImageProcessor(
        size={"height": case.recipe["to"], "width": case.recipe["to"]}, do_center_crop=case.recipe["to"] != crop,
        crop_size={"height": crop, "width": crop}, resample=RESAMPLE[case.recipe["interpolation"]],
        image_mean=case.recipe["mean"], image_std=case.recipe["std"]).save_pretrained(folder)


def from_pretrained(folder):
    """The model of a folder in float64, and what from_pretrained has to complain about."""
    stated = json.loads((pathlib.Path(folder) / "config.json").read_text())["architectures"][0]
    model, info = getattr(transformers, stated).from_pretrained(folder, output_loading_info=True, **{"dtype" if VERSION > 4 else "torch_dtype": "auto"})
    return model.double().eval(), {kind: sorted(map(str, found)) for kind, found in info.items() if found}


def outputs(folder, pixels, out):
    """Writes to out what the model of a folder computes: logits, or else hidden states and pooled ones."""
    model, problems = from_pretrained(folder)
    with torch.no_grad():
        result = model(torch.from_numpy(numpy.load(pixels)))
    numpy.savez(out, **arrays(result))
    return {"class": type(model).__name__, "problems": problems}


def run(snippet, pixels, out):
    """Writes to out what the model computes that lines of Python leave in the variable model."""
    namespace = {}
    torch.set_default_dtype(torch.float64)
    try:
        exec(snippet, namespace)
        with torch.no_grad():
            result = namespace["model"].double()(torch.from_numpy(numpy.load(pixels)))
    finally:
        torch.set_default_dtype(torch.float32)
    numpy.savez(out, **arrays(result))


def arrays(result):
    return {key: result[key].numpy() for key in ("logits", "last_hidden_state", "pooler_output") if result.get(key) is not None}


def pil_processor(folder):
    """The image processor of a folder that computes with Pillow."""
    return transformers.AutoImageProcessor.from_pretrained(folder, **({"backend": "pil"} if VERSION > 4 else {"use_fast": False}))


def classify(folder, images):
    """What the pipeline says of each picture: labels and scores."""
    model, _ = from_pretrained(folder)
    pipeline = transformers.pipeline("image-classification", model=model, image_processor=pil_processor(folder), device="cpu")
    return [[(answer["label"], answer["score"]) for answer in pipeline(image, top_k=model.config.num_labels)] for image in images]


def family_config(a):
    """The configuration of an architecture, for its maker's family or, of other makers, Beit."""
    both = {"block": (True, False), "shared": (False, True), "both": (True, True), "none": (False, False)}[a.bias]
    kind = transformers.Data2VecVisionConfig if a.scheme == "data2vec" else transformers.BeitConfig
    options = {"num_labels": a.classes} if a.task == "classify" else {"vocab_size": a.classes} if a.task == "masked" else {}
    if a.task == "tokens" and a.scheme != "data2vec":
        options["out_features"] = [f"stage{a.depth}"]
    return kind(
        hidden_size=a.dim, num_hidden_layers=a.depth, num_attention_heads=a.heads, intermediate_size=a.hidden, num_channels=a.channels,
        image_size=a.height if a.square else [a.height, a.width], patch_size=a.patch, layer_norm_eps=a.epsilon,
        use_mean_pooling=a.task == "masked" or a.pooling == "mean" and not a.masked, use_relative_position_bias=both[0], use_shared_relative_position_bias=both[1],
        use_absolute_position_embeddings=a.absolute, use_mask_token=a.masked, layer_scale_init_value=0.1 if a.scale else 0.0, **options)


def family_class(a):
    """The class of an architecture."""
    prefix = "Data2VecVision" if a.scheme == "data2vec" else "Beit"
    name = {"classify": "ForImageClassification", "masked": "ForMaskedImageModeling", "tokens": "Backbone" if prefix == "Beit" else "Model"}.get(a.task, "Model")
    return getattr(transformers, prefix + name)


def pooling(a, name):
    """The argument for a class that has a pooling layer only by request, or unless it is told not to."""
    return {"add_pooling_layer": a.task == "features" and (a.pooling == "mean" or name == "BeitModel")} if name.endswith("Model") else {}


def make(a, folder):
    """Writes the model of an architecture to a folder or file, which it returns, and to folder/plain as save_pretrained does it."""
    a, folder = family.load(a), pathlib.Path(folder)
    kind = family_class(a)
    model = kind(family_config(a), **pooling(a, kind.__name__)).to(getattr(torch, a.dtype))
    randomise(model, a.seed)
    if a.bias == "both":  # sums of these are exact in every dtype
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith("relative_position_bias_table"):
                    parameter.copy_((parameter * 64).round().clamp(-63, 63) / 64)
    model.save_pretrained(folder / "plain")
    if a.container in ("folder", "shards", "bin", "bin-shards"):
        options = {"max_shard_size": "20KB"} if "shards" in a.container else {}
        if a.container.startswith("bin"):
            options["safe_serialization"] = False
        model.save_pretrained(folder / "source", **options)
        return str(folder / "source")
    return str(files.write(model, a, folder))


def compute(a, folder, pixels, out):
    """Writes to out what the model of a folder computes, as family.MAKERS says, and returns what from_pretrained has to complain about."""
    a = family.load(a)
    stated = json.loads((pathlib.Path(folder) / "config.json").read_text())["architectures"][0]
    options = {"dtype" if VERSION > 4 else "torch_dtype": "auto", **pooling(a, stated)}
    model, info = getattr(transformers, stated).from_pretrained(folder, output_loading_info=True, **options)
    model = model.double().eval()
    with torch.no_grad():
        result = model(torch.from_numpy(numpy.load(pixels)))
    if "feature_maps" in result:
        result = result["feature_maps"][-1].flatten(2).transpose(1, 2)
    elif a.task == "tokens":
        result = result["last_hidden_state"][:, 1:]
    elif a.task == "features":
        pooled = result.get("pooler_output")
        result = result["last_hidden_state"][:, 0] if pooled is None else pooled
    else:
        result = result["last_hidden_state" if a.task == "encoder" else "logits"]
    numpy.save(out, result.numpy())
    return {"class": stated, "problems": {kind: sorted(map(str, found)) for kind, found in info.items() if found}}


def configure(a, data2vec, folder):
    """Writes a config.json that goes with a file of weights."""
    a = family.load(a)
    a.maker = "data2vec5" if data2vec else "hf5"
    stated = family_config(a)
    stated.architectures = [family_class(a).__name__]
    stated.dtype = a.dtype
    stated.save_pretrained(folder)


REQUESTS = {f.__name__: f for f in (write, outputs, run, classify, make, compute, configure)}


def main():
    torch.set_num_threads(1)
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print must not be taken for an answer
    print(json.dumps(transformers.__version__), file=answers, flush=True)
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            answer = {"ok": REQUESTS[name](**arguments)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
