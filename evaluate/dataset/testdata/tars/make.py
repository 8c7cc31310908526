"""Makes the tar files of the tests with WebDataset's own writer and with GNU tar, and records what WebDataset's own reader makes of them.

    python make.py ../../../../manifests/embedded/images

webdataset 1.0.2, GNU tar, zstd.
"""

import hashlib
import json
import pathlib
import subprocess
import sys

import webdataset as wds

here = pathlib.Path(__file__).parent
images = pathlib.Path(sys.argv[1])
picked = [sorted((images / str(digit)).iterdir())[0] for digit in (3, 1, 4, 1, 5)]

with wds.ShardWriter(str(here / "val-%03d.tar"), maxcount=2, verbose=0) as shards:
    for i, path in enumerate(picked):
        shards.write({"__key__": f"{i:06d}", "png": path.read_bytes(), "cls": int(path.parent.name)})
with wds.TarWriter(str(here / "json.tar.gz")) as one:
    for i, path in enumerate(picked[:2]):
        one.write({"__key__": f"deep.er/{i:06d}", "png": path.read_bytes(), "json": {"label": int(path.parent.name), "width": 64}})
subprocess.run(["zstd", "-q", "-f", "val-000.tar", "-o", "one.tar.zst"], cwd=here, check=True)
subprocess.run(["tar", "-cf", here / "folders.tar", "--sort=name", "--owner=0", "--group=0", "--mtime=@0", *[f"./{p.parent.name}/{p.name}" for p in picked[:3]]], cwd=images, check=True)
subprocess.run(
    ["tar", "-cf", here / "flat.tar", "--owner=0", "--group=0", "--mtime=@0", "--transform", "s,.*,ILSVRC2012_val_00000003.JPEG,", f"{picked[0].parent.name}/{picked[0].name}"],
    cwd=images, check=True,
)
# links.tar and sparse.tar were packed by GNU tar 1.34, the latter with --sparse, from a/b/c.png of which b is a hard link, and from a picture with a hole.

recorded = {}
for name in ("val-000.tar", "val-001.tar", "val-002.tar", "json.tar.gz"):
    rows = []
    for sample in wds.WebDataset(str(here / name), shardshuffle=False):
        label = int(sample["cls"]) if "cls" in sample else json.loads(sample["json"])["label"]
        rows.append({"key": sample["__key__"], "class": label, "sha256": hashlib.sha256(sample["png"]).hexdigest()})
    recorded[name] = rows
(here / "webdataset.json").write_text(json.dumps(recorded, indent=1) + "\n")
