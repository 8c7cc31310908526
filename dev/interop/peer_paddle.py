"""What PASSL's classes do with a model."""

import os
import sys
import types

import paddle
import paddle_beit


def build(case):
    """A float64 model of this architecture with no weights to speak of."""
    paddle.set_default_dtype("float64")
    try:
        return paddle_beit.Model(paddle_beit.Form(
            case.seed % 2**32, case.patch, case.window, case.dim, case.heads, case.depth, case.hidden, case.classes, bias=case.bias, absolute=case.absolute,
            scale=case.scale, pooling=case.pooling, masked=case.task == "masked", epsilon=case.epsilon))
    finally:
        paddle.set_default_dtype("float32")


def cast(state, dtype):
    return {k: v.astype(dtype) if "int" not in str(v.dtype) else v for k, v in state.items()}


def write_file(case, path):
    """The weights of a case, which are numbers of its dtype, as paddle.save writes them; the model computes with them in float64."""
    model = build(case)
    state = cast(model.state_dict(), case.dtype)
    paddle.save(state, str(path))
    model.set_state_dict(cast(state, "float64"))
    return model


def load_file(case, path):
    """The model of a case with the weights of a file, of which none is missing or unexpected."""
    model = build(case)
    missing, unexpected = model.set_state_dict(cast(paddle.load(str(path)), "float64"))
    if missing or unexpected:
        raise AssertionError(f"set_state_dict: missing {missing}, unexpected {unexpected}")
    return model


def outputs(model, pixels):
    with paddle.no_grad():
        return model(paddle.to_tensor(pixels)).numpy()


def add_packages(root):
    """Makes PASSL's packages known without their __init__ modules, which import all its models, and with these scipy and an old Paddle."""
    for name in ("passl_v110", "passl_v110.modeling", "passl_v110.modeling.backbones", "passl_v110.modeling.heads", "passl_v110.utils"):
        package = types.ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")))]
        sys.modules[name] = package


def run(snippet, programs, pixels):
    """What the model computes that lines of Python leave in the variable model. They may import from the folder programs."""
    namespace, loaded = {}, []
    before, path, load = os.getcwd(), list(sys.path), paddle.nn.Layer.set_state_dict

    def strictly(layer, state):
        loaded.append(load(layer, state))
        return loaded[-1]

    os.chdir(programs)
    add_packages(programs / "PASSL")
    paddle.nn.Layer.set_state_dict = strictly
    try:
        exec(snippet, namespace)
        if loaded != [([], [])]:
            raise AssertionError(f"set_state_dict: missing and unexpected are {loaded}")
        model = namespace["model"]
        with paddle.no_grad():
            return (model["backbone"] if isinstance(model, paddle.nn.LayerDict) else model)(paddle.to_tensor(pixels.astype("float32"))).numpy()
    finally:
        paddle.nn.Layer.set_state_dict = load
        os.chdir(before)
        sys.path[:] = path
