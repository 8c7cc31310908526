"""Made flax.msgpack, array.msgpack and model.onnx, with msgpack 1.2.4 and onnx 1.23.2: python foreign.py

The msgpack files are laid out as flax/serialization.py does: maps from text, and arrays as extension 1 of (shape, dtype, bytes).
"""
import msgpack
import numpy as np
from onnx import TensorProto, helper


def array(value):
    return msgpack.ExtType(1, msgpack.packb((value.shape, value.dtype.name, value.tobytes()), use_bin_type=True))


with open("flax.msgpack", "wb") as out:
    out.write(msgpack.packb({"beit": {"embeddings": {"cls_token": array(np.ones((1, 1, 4), np.float32))}}, "classifier": {}}, use_bin_type=True))
with open("array.msgpack", "wb") as out:
    out.write(msgpack.packb({"kernel": array(np.ones(3, np.float32))}, use_bin_type=True))
value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])])
with open("model.onnx", "wb") as out:
    out.write(helper.make_model(graph, producer_name="pytorch", producer_version="2.11.0").SerializeToString())
