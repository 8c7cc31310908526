"""Writes kinds.zip: pictures of all kinds drawn by a seed, and the SHA-256 of what Pillow's convert("RGB") reads of each, as stored and turned as its EXIF or
XMP data says; and damaged.zip: such files that are damaged, as far as Pillow reads them, and the SHA-256 of what it reads.

    python make_kinds.py

The pictures are drawn by dev/interop/kinds.py. Pillow and NumPy are needed."""

import hashlib
import io
import json
import pathlib
import random
import sys
import warnings
import zipfile

from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent.parent / "dev" / "interop"))

import kinds  # noqa: E402: found by the path above

SEED = 1


def main():
    photographs = [Image.open(HERE / name).convert("RGB") for name in ("chelsea.png", "coffee.png", "rocket.jpg")]
    digests, turned = {}, {}
    with zipfile.ZipFile(HERE / "kinds.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in kinds.all_kinds(random.Random(SEED), photographs):
            with Image.open(io.BytesIO(data)) as image:
                digests[name] = hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()
                turned[name] = hashlib.sha256(ImageOps.exif_transpose(image).convert("RGB").tobytes()).hexdigest()
            archive.writestr(zipfile.ZipInfo(name), data)
        archive.writestr(zipfile.ZipInfo("rgb.json"), json.dumps(digests, indent=0))
        archive.writestr(zipfile.ZipInfo("turned.json"), json.dumps(turned, indent=0))


    damage(photographs, digests)


def damage(photographs, digests):
    """Small files only, and of the damaged versions of one no more than two that look like their whole, and two that do not."""
    draw = random.Random(SEED)
    whole = [(name, data) for name, data in kinds.all_kinds(random.Random(SEED), photographs) if len(data) < 2000]
    found, same = {}, {}
    for i in range(8000):
        name, data = draw.choice(whole)
        data = kinds.damaged(draw, data)
        try:
            with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data)) as image:
                seen = hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()
        except Exception:
            continue
        key = name, seen == digests[name]
        same[key] = same.get(key, 0) + 1
        if same[key] <= 2:
            found[f"{i}-{name}"] = data, seen
    with zipfile.ZipFile(HERE / "damaged.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (data, _) in found.items():
            archive.writestr(zipfile.ZipInfo(name), data)
        archive.writestr(zipfile.ZipInfo("rgb.json"), json.dumps({name: seen for name, (_, seen) in found.items()}, indent=0))


if __name__ == "__main__":
    main()
