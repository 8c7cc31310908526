"""Writes jpegs.zip: small JPEG files drawn by a seed, and the SHA-256 of what Pillow's convert("RGB") reads of each, or nothing where it refuses the file.

    python make_jpegs.py CJPEG

CJPEG is libjpeg-turbo's cjpeg, which writes sampling factors and scans that Pillow does not. Pillow and NumPy are needed."""

import hashlib
import io
import json
import random
import subprocess
import sys
import tempfile
import zipfile

import numpy
from PIL import Image

EACH = 60
PHOTOGRAPHS = [Image.open(name).convert("RGB") for name in ("chelsea.png", "coffee.png", "rocket.jpg")]


def picture(draw):
    size = draw.choice([(draw.randint(1, 24), draw.randint(1, 24)), (draw.randint(24, 70), draw.randint(24, 70))])
    if draw.random() < 0.3:
        noise = numpy.random.RandomState(draw.randint(0, 2**31)).randint(0, 256, (*size[::-1], 3), dtype=numpy.uint8)
        return Image.fromarray(noise)
    photograph = draw.choice(PHOTOGRAPHS)
    left, top = draw.randint(0, photograph.width - 20), draw.randint(0, photograph.height - 20)
    return photograph.crop((left, top, min(photograph.width, left + 300), min(photograph.height, top + 300))).resize(size)


def by_pillow(draw):
    image, mode = picture(draw), draw.choice(["RGB", "RGB", "RGB", "RGB", "L", "CMYK"])
    options = {"quality": draw.randint(1, 100), "progressive": draw.random() < 0.4, "optimize": draw.random() < 0.3}
    if mode == "RGB":
        options["subsampling"] = draw.choice([0, 1, 2])
        if draw.random() < 0.15:
            options |= {"keep_rgb": True, "subsampling": 0}
    kind = draw.random()
    if kind < 0.2:
        options["restart_marker_blocks"] = draw.randint(1, 9)
    elif kind < 0.3:
        options["restart_marker_rows"] = draw.randint(1, 3)
    if draw.random() < 0.2:
        options["qtables"] = [[draw.randint(1, 255) for _ in range(64)] for _ in range(2)]
    out = io.BytesIO()
    image.convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


def sequential(draw, count):
    """A list of scans: the components in order, some together."""
    left, lines = list(range(count)), []
    while left:
        some = draw.randint(1, len(left))
        lines.append(" ".join(map(str, left[:some])) + ";")
        left = left[some:]
    return lines


def progressive(draw, count):
    """A list of scans that refine; most lists lack the last ones."""
    every, low = " ".join(map(str, range(count))), draw.randint(0, 3)
    lines = [f"{every}: 0-0, 0, {low};"] if draw.random() < 0.5 else [f"{c}: 0-0, 0, {low};" for c in range(count)]
    more = [f"{every}: 0-0, {bit}, {bit - 1};" for bit in range(low, 0, -1)]
    for c in range(count):
        edges = [0, *sorted(draw.sample(range(1, 63), draw.randint(0, 3))), 63]
        for before, last in zip(edges, edges[1:]):
            bits = draw.randint(0, 3)
            more.append(f"{c}: {before + 1}-{last}, 0, {bits};")
            more += [f"{c}: {before + 1}-{last}, {bit}, {bit - 1};" for bit in range(bits, 0, -1)]
    return lines + (more if draw.random() < 0.3 else more[: draw.randint(0, len(more))])


def by_cjpeg(draw, cjpeg):
    """A file, or None if cjpeg does not write it."""
    grey = draw.random() < 0.1
    count, options = (1, ["-grayscale"]) if grey else (3, ["-rgb"] if draw.random() < 0.1 else [])
    options += ["-quality", str(draw.randint(5, 98))]
    factors = [f"{h}x{v}" for h in range(1, 5) for v in range(1, 5)]
    options += ["-sample", ",".join(draw.choice([draw.choice(factors), "1x1", "2x1", "2x2", "1x2", "4x1"]) for _ in range(count))]
    if draw.random() < 0.4:
        options += ["-restart", draw.choice([f"{draw.randint(1, 9)}B", str(draw.randint(1, 3))])]
    if draw.random() < 0.3:
        options.append("-optimize")
    kind, ppm = draw.random(), io.BytesIO()
    picture(draw).save(ppm, "PPM")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as scans:
        if kind < 0.6:
            scans.write("\n".join(sequential(draw, count) if kind < 0.1 else progressive(draw, count)))
            scans.flush()
            options += ["-scans", scans.name]
        elif kind < 0.7:
            options.append("-progressive")
        done = subprocess.run([cjpeg, *options], input=ppm.getvalue(), capture_output=True)
    return done.stdout if done.returncode == 0 else None


def damaged(draw, data):
    data, at, kind = bytearray(data), draw.randint(2, len(data) - 3), draw.random()
    if kind < 0.5:
        data[at] ^= 1 << draw.randint(0, 7)
    elif kind < 0.7:
        data[at] = draw.randint(0, 255)
    elif kind < 0.85:
        del data[at : at + draw.randint(1, 20)]
    else:
        data[at:at] = bytes(draw.randint(0, 255) for _ in range(draw.randint(1, 10)))
    return bytes(data)


def read(data):
    """The digest of the pixels, or "" if Pillow does not read the file."""
    try:
        return hashlib.sha256(Image.open(io.BytesIO(data)).convert("RGB").tobytes()).hexdigest()
    except Exception:
        return ""


def main():
    draw = random.Random(0)
    files = {f"pillow_{i:02}.jpg": by_pillow(draw) for i in range(EACH)}
    while len(files) < 2 * EACH:
        if data := by_cjpeg(draw, sys.argv[1]):
            files[f"cjpeg_{len(files) - EACH:02}.jpg"] = data
    whole = list(files.values())
    files |= {f"damaged_{i:02}.jpg": damaged(draw, draw.choice(whole)) for i in range(2 * EACH)}
    with zipfile.ZipFile("jpegs.zip", "w", zipfile.ZIP_DEFLATED) as out:
        entries = [*files.items(), ("rgb.json", json.dumps({name: read(data) for name, data in files.items()}, indent=1).encode())]
        for name, data in entries:
            out.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
