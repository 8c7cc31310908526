"""JPEG files drawn by a seed, as Pillow writes them."""

import io

import numpy
from PIL import Image


def photograph(draw, photographs):
    """A part of a photograph, or noise, of any size, many of them smaller than a block or two."""
    size = draw.choice([(draw.randint(1, 40), draw.randint(1, 40)), (draw.randint(40, 300), draw.randint(40, 300))])
    if draw.random() < 0.3:
        return Image.fromarray(numpy.random.RandomState(draw.randint(0, 2**31)).randint(0, 256, (*size[::-1], 3), dtype=numpy.uint8))
    whole = draw.choice(photographs)
    left, top = draw.randint(0, whole.width - 20), draw.randint(0, whole.height - 20)
    return whole.crop((left, top, min(whole.width, left + 300), min(whole.height, top + 300))).resize(size)


def ycck(data):
    """The CMYK file with an Adobe marker that says that the inks are luma, colour differences and black."""
    at = data.find(b"Adobe")
    return data[:at + 11] + b"\x02" + data[at + 12:]


def jpeg(draw, photographs):
    """One file, and what is special about it. Its encoder gives up on some of what is drawn."""
    while True:
        try:
            return attempt(draw, photographs)
        except OSError:
            pass


def attempt(draw, photographs):
    image, mode = photograph(draw, photographs), draw.choice(["RGB"] * 5 + ["L", "CMYK", "YCCK"])
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
    image.convert(mode.replace("YCCK", "CMYK")).save(out, "JPEG", **options)
    data = ycck(out.getvalue()) if mode == "YCCK" else out.getvalue()
    special = {name: value for name, value in options.items() if name != "qtables"}
    return data, f"{mode} {image.width}x{image.height} {special}{' own tables' if 'qtables' in options else ''}"
