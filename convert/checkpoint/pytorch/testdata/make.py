"""Made the files of this folder, with PyTorch 2.11.0: python make.py

odd.*.pth hold the same tensors in each container; odd.txt says what PyTorch reads from them, a line each: name, dtype, shape, and the bytes in
row-major order. golden.txt has, for each checkpoint of the repository's testdata, the SHA-256 of such lines with the SHA-256 of the bytes in
place of the bytes. The rest are files that cannot be read as plain tensors.
"""
import hashlib
import os
import sys
from collections import OrderedDict

import torch

NAMES = {"bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "float16": "F16", "bfloat16": "BF16", "uint32": "U32",
         "int32": "I32", "float32": "F32", "uint64": "U64", "int64": "I64", "float64": "F64", "complex64": "C64", "complex128": "C128"}


def raw(tensor):
    tensor = tensor.detach().contiguous().reshape(-1)
    return b"" if tensor.numel() == 0 else bytes(tensor.view(torch.uint8).tolist())


def line(name, tensor, show):
    return f"{name} {NAMES[str(tensor.dtype)[6:]]} {list(tensor.shape)} {show(raw(tensor))}\n"


def odd():
    base = torch.arange(60, dtype=torch.float32)
    made = OrderedDict()
    made["transposed"] = torch.arange(6, dtype=torch.float32).reshape(2, 3).t()
    made["column"] = base.view(6, 10)[:, 3]
    made["slice"] = base[5:9]
    made["permuted"] = base.view(3, 4, 5).permute(2, 0, 1)
    made["expanded"] = base[7:8].expand(2, 3)
    made["every_other"] = base.view(6, 10)[::2, 1::3]
    made["all"] = base
    made["tied"] = base
    made["scalar"] = torch.tensor(3.5)
    made["scalar_inside"] = base[17]
    made["empty"] = torch.empty(0, 3)
    made["empty_inside"] = base.view(6, 10)[2:2, 4:]
    for name in NAMES:
        dtype = getattr(torch, name)
        size = torch.empty((), dtype=dtype).element_size()
        values = torch.arange(6 * size, dtype=torch.uint8)
        made["of_" + name] = (values % 2 if name == "bool" else values).view(dtype).reshape(2, 3)
    for dtype in torch.float16, torch.bfloat16, torch.float32:
        values = [0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e-7, 1e-40, 65504.0, 1 / 3]
        made["special_" + str(dtype)[6:]] = torch.tensor(values, dtype=torch.float64).to(dtype)
    made["parameter"] = torch.nn.Parameter(torch.arange(3.0))
    made["parameter_with_state"] = torch.nn.Parameter(torch.arange(4.0))
    made["parameter_with_state"].note = "kept beside"
    made["tensor_with_state"] = torch.arange(5.0)
    made["tensor_with_state"].note = {"any": ["thing", 1]}
    made["uint16_transposed"] = torch.arange(6, dtype=torch.uint8).view(torch.uint16).reshape(1, 3).t()
    return made


def state_dict(path):
    found = torch.load(path, weights_only=False)
    while not any(torch.is_tensor(value) for value in found.values()):
        found = next(found[key] for key in ("model", "module", "state_dict") if key in found)
    return found


def main(repository):
    made = odd()
    torch.save(made, "odd.zip.pth")
    torch.save(made, "odd.zip4.pth", pickle_protocol=4)
    # PyTorch writes types without a storage class of their own into legacy files, but cannot read them back.
    old = OrderedDict((name, tensor) for name, tensor in made.items() if str(tensor.dtype)[6:] not in ("uint16", "uint32", "uint64"))
    torch.save(old, "odd.legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(old, "odd.legacy4.pth", pickle_protocol=4, _use_new_zipfile_serialization=False)
    with open("odd.txt", "w") as out:
        out.writelines(line(name, tensor, bytes.hex) for name, tensor in made.items())
    for path, wanted in ("odd.zip.pth", made), ("odd.zip4.pth", made), ("odd.legacy.pth", old), ("odd.legacy4.pth", old):
        assert all(raw(a) == raw(b) for a, b in zip(torch.load(path, weights_only=False).values(), wanted.values(), strict=True))

    torch.save({"w": torch.tensor([1 + 2j]).conj()}, "conj.pth")
    torch.save({"w": torch.tensor([1 + 2j]).conj().imag}, "neg.pth")
    torch.save({"w": torch.quantize_per_tensor(torch.arange(4.0), 0.5, 1, torch.qint8)}, "quantised.pth")
    torch.save({"w": torch.eye(3).to_sparse()}, "sparse.pth")
    torch.save({"w": torch.zeros(3, device="meta")}, "meta.pth")
    torch.save({"w": torch.zeros(4).to(torch.float8_e4m3fn)}, "float8.pth")
    torch.save(torch.arange(3.0), "tensor.pth")

    with open("golden.txt", "w") as out:
        for folder, _, names in sorted(os.walk(repository)):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if name.endswith((".pth", ".bin")):
                    lines = [line(*item, lambda b: hashlib.sha256(b).hexdigest()) for item in state_dict(path).items()]
                    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
                    out.write(f"{os.path.relpath(path, repository)} {len(lines)} {digest}\n")


if __name__ == "__main__":
    main(sys.argv[1])
