"""Records what torchvision's ImageFolder and timm's folder reader make of the folders in tree.txt.

    python make.py

torchvision 0.26, timm 1.0.31. For timm, "subset" is read with its own list of ImageNet's ids as class map, as validate.py --class-map does.
"""

import json
import pathlib
import tempfile

import timm
from timm.data.readers import create_reader
from torchvision.datasets import ImageFolder

here = pathlib.Path(__file__).parent
PNG = b"\x89PNG\r\n\x1a\n"

with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    for line in (here / "tree.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        name, _, target = line.partition(" -> ")
        path = root / name.removesuffix(" !")
        path.parent.mkdir(parents=True, exist_ok=True)
        if target:
            path.symlink_to(target)
        elif name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(b"words" if name.endswith(" !") else PNG)
    result = {}
    for data in sorted(p.name for p in root.iterdir()):
        torch = [[str(pathlib.Path(name).relative_to(root / data)), index] for name, index in ImageFolder(root / data).samples]
        ids = str(pathlib.Path(timm.__file__).parent / "data" / "_info" / "imagenet_synsets.txt")
        reader = create_reader("", str(root / data), **({"class_map": ids} if data == "subset" else {}))
        own = [[str(pathlib.Path(name).relative_to(root / data)), index] for name, index in reader.samples]
        result[data] = {"torchvision": sorted(torch), "timm": sorted(own)}
    (here / "frameworks.json").write_text(json.dumps(result, indent=1) + "\n")
