"""Writes layer.protocol*.pkl and layer.json: an nn.Layer that was pickled whole, with PaddlePaddle 3.3.1, and its state_dict(). paddle.save refuses whole
layers, also within dicts and lists."""

import json
import pickle

import paddle


class Odd(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.first = paddle.nn.Linear(2, 3)
        self.second = self.first
        self.parts = paddle.nn.LayerList([paddle.nn.BatchNorm1D(2), paddle.nn.Sequential(paddle.nn.PReLU())])
        self.register_buffer("kept", paddle.arange(3))
        self.register_buffer("computed", paddle.ones([2]), persistable=False)
        self.half = self.create_parameter([3, 2], dtype="bfloat16")


paddle.seed(1)
layer = Odd()
for refused in (layer, {"model": layer}, [layer]):
    try:
        paddle.save(refused, "/dev/null")
    except ValueError as error:
        assert "do not support saving `paddle.nn.Layer`" in str(error)
    else:
        raise AssertionError
for protocol in (2, 4):
    with open(f"layer.protocol{protocol}.pkl", "wb") as out:
        pickle.dump({"model": layer, "epoch": 3}, out, protocol=protocol)
    with open(f"layer.protocol{protocol}.pkl", "rb") as again:
        assert len(pickle.load(again)["model"].state_dict()) == len(layer.state_dict())
state = {name: [t.shape, str(t.dtype).removeprefix("paddle."), t.numpy().tobytes().hex()] for name, t in layer.state_dict().items()}
with open("layer.json", "w") as out:
    json.dump(state, out, indent=0)
