"""Writes the files of this folder that begin with "made_" or "processor_", and resize.json, recipes.json, cmyk.json, normalise.json
and mapped.json.

Needs Pillow, NumPy, torch, torchvision and transformers, and for mapped.json microsoft/unilm in UNILM; README.md names the versions that the committed files were made with.
Run it in this folder.
"""

import hashlib
import io
import json
import random
import struct
import zlib

import numpy
import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms

photo = Image.open("chelsea.png").convert("RGB").crop((150, 60, 225, 113))  # 75 by 53: odd on both axes
digest = lambda data: hashlib.sha256(data).hexdigest()


def noise(width, height):
    """A picture that a test can make again: the top byte of a linear congruential generator, row by row."""
    state, samples = width * 65537 + height, bytearray()
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        samples.append(state >> 24)
    return Image.frombytes("RGB", (width, height), bytes(samples))


made = {}


def keep(name, data):
    """Writes a source file and, beside it, what Pillow makes of it."""
    open(name, "wb").write(data)
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.info.clear()  # a transparent colour would be written too
    image.save(f"{name}.rgb.png", optimize=True)
    made[name] = True


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def sampling(data, factors, size):
    """Rewrites luma's sampling factors and the size in a 4:2:2 file: the blocks stay and mean another picture."""
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", size[1], size[0]) + data[at + 9 : at + 11] + bytes([factors]) + data[at + 12 :]


def jpeg():
    for name, number in (("444", 0), ("422", 1), ("420", 2)):
        keep(f"made_{name}.jpg", saved(photo, "JPEG", quality=90, subsampling=number))
    keep("made_low_quality.jpg", saved(photo, "JPEG", quality=25, subsampling=2))
    keep("made_progressive.jpg", saved(photo, "JPEG", quality=85, subsampling=2, progressive=True))
    keep("made_rgb.jpg", saved(photo, "JPEG", quality=90, keep_rgb=True))
    keep("made_noise.jpg", saved(noise(64, 48), "JPEG", quality=75, subsampling=2))
    keep("made_restart.jpg", saved(photo, "JPEG", quality=90, subsampling=2, restart_marker_blocks=3))
    for width, height in ((1, 1), (2, 3), (4, 4), (5, 2), (6, 9), (16, 1)):
        keep(f"made_420_{width}x{height}.jpg", saved(photo.resize((width, height)), "JPEG", quality=95, subsampling=2))
    for width, height in ((1, 2), (4, 3), (5, 3)):
        keep(f"made_422_{width}x{height}.jpg", saved(photo.resize((width, height)), "JPEG", quality=95, subsampling=1))
    even = photo.crop((0, 0, 64, 32))
    keep("made_440.jpg", sampling(saved(even, "JPEG", quality=90, subsampling=1), 0x12, (32, 64)))
    four = saved(photo.crop((0, 0, 64, 48)), "JPEG", quality=90, subsampling=2)  # four luma blocks in a group
    keep("made_411.jpg", sampling(four, 0x41, (96, 32)))
    cmyk = saved(photo.convert("CMYK"), "JPEG", quality=95)
    keep("made_cmyk.jpg", cmyk)
    at = cmyk.index(b"Adobe") + 11
    keep("made_ycck.jpg", cmyk[:at] + b"\x02" + cmyk[at + 1 :])


def webp():
    alpha = photo.convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(photo.size))
    keep("made_lossy.webp", saved(photo, "WEBP", quality=80))
    keep("made_lossy_low.webp", saved(photo.crop((0, 0, 40, 30)), "WEBP", quality=10))
    keep("made_lossy_alpha.webp", saved(alpha, "WEBP", quality=80))
    keep("made_lossless_alpha.webp", saved(alpha, "WEBP", lossless=True, exact=True))
    for width, height in ((1, 1), (1, 7), (2, 2), (7, 1)):
        keep(f"made_lossy_{width}x{height}.webp", saved(photo.resize((width, height)), "WEBP", quality=90))


def png(depth, colour_type, rows, *chunks):
    """A PNG file from packed rows, for the depths that Pillow does not write."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour_type]
    width = len(rows[0]) * 8 // (depth * channels)
    head = struct.pack(">IIBBBBB", width, len(rows), depth, colour_type, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    extra = b"".join(chunk(kind, data) for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def pngs():
    rng = numpy.random.default_rng(1)
    rows = lambda count: [rng.integers(0, 256, count, dtype=numpy.uint8).tobytes() for _ in range(16)]
    dark = [numpy.arange(16 * y, 16 * y + 32, dtype=">u2").tobytes() for y in range(20)]  # around 255 of 65535
    keep("made_grey16.png", png(16, 0, dark))
    keep("made_grey16_transparent.png", png(16, 0, dark, (b"tRNS", b"\0\x20")))
    keep("made_grey_alpha16.png", png(16, 4, rows(64)))
    keep("made_rgb16.png", png(16, 2, rows(96)))
    keep("made_rgb16_transparent.png", png(16, 2, rows(96), (b"tRNS", b"\0\x20\0\x20\0\x20")))
    keep("made_rgba16.png", png(16, 6, rows(128)))
    for depth in (1, 2, 4):
        keep(f"made_grey{depth}.png", png(depth, 0, rows(4)))
    keep("made_grey_transparent.png", png(8, 0, rows(16), (b"tRNS", b"\0\x20")))
    keep("made_rgb_transparent.png", png(8, 2, [bytes(48)] * 3 + rows(48), (b"tRNS", bytes(6))))
    palette = (b"PLTE", rng.integers(0, 256, 48, dtype=numpy.uint8).tobytes())
    keep("made_palette4_transparent.png", png(4, 3, rows(8), palette, (b"tRNS", bytes(range(0, 160, 10)))))
    alpha = photo.convert("RGBA")
    alpha.putalpha(Image.radial_gradient("L").resize(photo.size))
    keep("made_rgba.png", saved(alpha, "PNG"))


def gif_frame(at, size, indices, table=b"", transparent=None):
    """One frame: Pillow writes the compressed indices, the descriptor around them is made here."""
    image = Image.frombytes("P", size, bytes(indices))
    image.putpalette(bytes(range(256)) * 3)
    data = saved(image, "GIF", optimize=False)
    start = data.index(b"\x2c\0\0\0\0" + struct.pack("<HH", *size))
    pixels = data[start + 10 : -1]
    assert data[start + 9] == 0
    control = b"\x21\xf9\4\1\0\0" + bytes([transparent]) + b"\0" if transparent is not None else b""
    flags = 0x80 | (len(table) // 3).bit_length() - 2 if table else 0
    return control + b"\x2c" + struct.pack("<HHHHB", *at, *size, flags) + table + pixels


def gif_file(canvas, table, *frames, background=0):
    flags = 0x80 | (len(table) // 3).bit_length() - 2 if table else 0
    return b"GIF89a" + struct.pack("<HHBBB", *canvas, flags, background, 0) + table + b"".join(frames) + b"\x3b"


def gif():
    random.seed(2)
    table, other = random.randbytes(768), random.randbytes(768)
    indices = lambda size: [random.randrange(256) for _ in range(size[0] * size[1])]
    full = gif_frame((0, 0), (20, 15), indices((20, 15)))
    keep("made_whole.gif", gif_file((20, 15), table, full))
    keep("made_transparent.gif", gif_file((20, 15), table, gif_frame((0, 0), (20, 15), indices((20, 15)), transparent=77)))
    part = lambda **options: gif_frame((3, 4), (11, 8), indices((11, 8)), **options)
    keep("made_offset.gif", gif_file((20, 15), table, part(), background=9))
    keep("made_offset_transparent.gif", gif_file((20, 15), table, part(transparent=200), background=9))
    keep("made_local_table.gif", gif_file((20, 15), table, part(table=other, transparent=5)))
    keep("made_local_table_only.gif", gif_file((20, 15), b"", part(table=other)))
    keep("made_comment.gif", gif_file((20, 15), table, b"\x21\xfe\5hello\3abc\0", full))
    keep("made_two_frames.gif", gif_file((20, 15), table, full, part(transparent=1)))


def bmp():
    keep("made_palette.bmp", saved(photo.quantize(100), "BMP"))
    keep("made_grey.bmp", saved(photo.convert("L"), "BMP"))
    keep("made_bilevel.bmp", saved(photo.convert("1"), "BMP"))
    alpha = photo.convert("RGBA")
    alpha.putalpha(Image.radial_gradient("L").resize(photo.size))
    keep("made_rgba.bmp", saved(alpha, "BMP"))


filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
modes = {"bilinear": transforms.InterpolationMode.BILINEAR, "bicubic": transforms.InterpolationMode.BICUBIC}


def resizes():
    sizes = [(64, 48, 64, 48), (64, 48, 31, 48), (64, 48, 64, 17), (64, 48, 5, 3), (64, 48, 1, 1), (8, 8, 64, 64), (1, 1, 9, 7)]
    sizes += [(1, 100, 7, 3), (300, 2, 11, 50), (97, 101, 96, 102), (50, 40, 51, 39), (7, 5, 200, 3), (333, 217, 224, 224)]
    # about the border where Pillow 13 begins with the vertical pass
    sizes += [(60, 60, 40, 20), (60, 60, 40, 19), (60, 90, 20, 10), (60, 90, 20, 9), (60, 60, 61, 59), (60, 60, 69, 61)]
    sizes += [(30, 600, 2, 543), (30, 600, 2, 544)]
    random.seed(3)
    sizes += [tuple(random.randint(1, 120) for _ in range(4)) for _ in range(40)]
    for width, height, to_width, to_height in sizes:
        for name, number in filters.items():
            result = noise(width, height).resize((to_width, to_height), number)
            yield [width, height, to_width, to_height, name, digest(result.tobytes())]


def recipes():
    sizes = [(100, 100), (101, 67), (67, 101), (30, 200), (200, 30), (3, 170), (33, 32), (32, 33), (32, 32), (17, 13), (1, 1), (1, 40)]
    for width, height in sizes:
        for edge, crop in ((32, 32), (36, 32), (37, 32), (35, 32), (33, 32), (20, 33), (21, 32), (31, 40)):
            for name, mode in modes.items():
                keep_ratio = transforms.Compose([transforms.Resize(edge, mode), transforms.CenterCrop(crop)])
                squash = transforms.Compose([transforms.Resize((edge, edge), mode), transforms.CenterCrop(crop)])
                for resize, chain in (("shorter-edge", keep_ratio), ("squash", squash)):
                    result = chain(noise(width, height))
                    yield [width, height, resize, edge, crop, name, digest(result.tobytes())]


def normalised():
    ramp = Image.fromarray(numpy.repeat(numpy.arange(256, dtype=numpy.uint8).reshape(16, 16, 1), 3, axis=2))
    for mean, std in (([0.5] * 3, [0.5] * 3), ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])):
        chain = transforms.Compose([transforms.ToTensor(), transforms.Normalize(torch.tensor(mean), torch.tensor(std))])
        yield [mean, std, digest(chain(ramp).numpy().astype("<f4").tobytes())]


def mapped():
    """The pixels of the tokenizers: map_pixels of openai/DALL-E's dall_e/utils.py, and pre_process of unilm's VQ-KD, by its own code."""
    import ast
    import os
    import types

    ramp = transforms.ToTensor()(Image.fromarray(numpy.repeat(numpy.arange(256, dtype=numpy.uint8).reshape(16, 16, 1), 3, axis=2)))
    functions = {"torch": torch, "logit_laplace_eps": 0.1}
    for file, name in (("beit/dall_e/utils.py", "map_pixels"), ("beit2/modeling_vqkd.py", "pre_process")):
        tree = ast.parse(open(os.path.join(os.environ["UNILM"], file)).read())
        found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == name]
        exec(compile(ast.Module(found, []), file, "exec"), functions)
    yield ["dvae", digest(functions["map_pixels"](ramp).numpy().astype("<f4").tobytes())]
    tokenizer = types.SimpleNamespace(process_type="default", device="cpu")
    yield ["vqkd", digest(functions["pre_process"](tokenizer, ramp).numpy().astype("<f4").tobytes())]


def inks():
    """Every amount of one ink with every amount of black: column and row."""
    x, y = numpy.meshgrid(*[numpy.arange(256, dtype=numpy.uint8)] * 2)
    image = Image.frombytes("CMYK", (256, 256), numpy.stack([x, 255 - x, x // 2, y], axis=2).tobytes())
    yield [digest(image.convert("RGB").tobytes())]


def table(name, columns, rows):
    versions = {"pillow": PIL.__version__, "torchvision": torchvision.__version__}
    lines = ",\n".join(json.dumps(row) for row in rows)
    head = f'"made_with": {json.dumps(versions)},\n"columns": {json.dumps(columns)}'
    open(name, "w").write("{\n" + head + ',\n"rows": [\n' + lines + "\n]\n}\n")


jpeg(), webp(), pngs(), gif(), bmp()
table("resize.json", ["width", "height", "to_width", "to_height", "interpolation", "sha256"], resizes())
table("recipes.json", ["width", "height", "resize", "resize_to", "crop", "interpolation", "sha256"], recipes())
table("cmyk.json", ["sha256"], inks())
table("normalise.json", ["mean", "std", "sha256"], normalised())
table("mapped.json", ["recipe", "sha256"], mapped())


def processors():
    """The processor's defaults, and what the files of microsoft/beit-* on the hub say, as transformers writes them."""
    from transformers import BeitImageProcessor

    side = {"height": 224, "width": 224}
    hub = BeitImageProcessor(do_center_crop=False, size=side, crop_size=side, resample=2)
    for name, processor in (("hub", hub), ("defaults", BeitImageProcessor())):
        open(f"processor_{name}.json", "w").write(processor.to_json_string())


processors()
