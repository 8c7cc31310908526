"""Writes the files beside it with real NumPy and PaddlePaddle, and what they hold. Run in this folder; the versions are in the file names."""

import json
import pickle

import numpy as np
import paddle

rng = np.random.default_rng(0)
arrays = {}
for code in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u4", "u8", "b1", "c8", "c16", ">f4", ">i8", ">c16"]:
    a = rng.integers(0, 2 if code == "b1" else 100, 24).astype(code).reshape(2, 3, 4)
    arrays[code] = a
    arrays[code + " fortran"] = np.asfortranarray(a)
    arrays[code + " permuted"] = a.transpose(1, 2, 0)
    arrays[code + " sliced"] = a[:, ::2]
arrays["scalar"] = np.array(1.5, "f4")
arrays["empty"] = np.zeros((0, 3), "f4")
arrays["long"] = rng.standard_normal((20, 30)).astype("f4")
expected = {"numpy": {}, "paddle": {}}
for name, a in arrays.items():
    little = a.astype(a.dtype.newbyteorder("<"))
    expected["numpy"][name] = [list(a.shape), little.dtype.str[1:], little.tobytes(order="C").hex()]
for protocol in (2, 3, 4, 5):
    with open(f"numpy-{np.__version__}-protocol{protocol}.pdparams", "wb") as f:
        pickle.dump(arrays, f, protocol=protocol)

paddle.seed(1)
tensors = {"scalar": paddle.to_tensor(3.5), "empty": paddle.zeros([0, 3])}
for dtype in ["float32", "float64", "float16", "bfloat16"]:
    tensors[dtype] = paddle.randn([15, 20]).astype(dtype)
for dtype in ["int64", "int32", "int16", "int8", "uint8", "bool"]:
    tensors[dtype] = paddle.arange(10).astype(dtype)
tensors["complex64"] = paddle.complex(paddle.randn([3]), paddle.randn([3]))
for name, t in tensors.items():
    expected["paddle"][name] = [t.shape, str(t.dtype).removeprefix("paddle."), t.numpy().tobytes().hex()]
for protocol in (2, 3, 4):
    paddle.save(tensors, f"paddle-{paddle.__version__}-protocol{protocol}.pdparams", protocol=protocol)
    nested = {"model": tensors, "epoch": 3, "extra": [paddle.randn([2])]}
    paddle.save(nested, f"paddle-{paddle.__version__}-nested-protocol{protocol}.pdparams", protocol=protocol)
paddle.save(tensors["float32"], f"paddle-{paddle.__version__}-one.pdparams")
paddle.save(list(tensors.values()), f"paddle-{paddle.__version__}-list.pdparams")
paddle.save(tensors["float32"], f"paddle-{paddle.__version__}-binary.pdparams", use_binary_format=True)
with open("expected.json", "w") as f:
    json.dump(expected, f, indent=0)
