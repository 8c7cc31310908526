"""Picture files of all kinds, drawn by a seed: those that Pillow writes, and by hand what it reads but does not write."""

import io
import itertools
import struct
import zlib

import numpy
from PIL import Image

import jpegs


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# PNG

def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def filtered(draw, rows, bpp):
    """Lines with a filter each."""
    out, above = bytearray(), None
    for row in rows:
        above = above if above is not None else bytes(len(row))
        kind = draw.randint(0, 4)
        out.append(kind)
        for i, v in enumerate(row):
            a, b, c = (row[i - bpp] if i >= bpp else 0), above[i], (above[i - bpp] if i >= bpp else 0)
            out.append((v - [0, a, b, (a + b) // 2, paeth(a, b, c)][kind]) & 255)
        above = row
    return bytes(out)


def packed(values, bits):
    """Lines of samples, [height, width * samples], as bytes."""
    if bits == 16:
        return [row.astype(">u2").tobytes() for row in values]
    if bits == 8:
        return [row.astype(numpy.uint8).tobytes() for row in values]
    lines = []
    for row in values:
        text = "".join(format(int(v), f"0{bits}b") for v in row)
        text += "0" * (-len(text) % 8)
        lines.append(bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8)))
    return lines


def png(draw, depth, colour, interlaced, transparent=False):
    width, height = draw.randint(1, 60), draw.randint(1, 60)
    random = numpy.random.RandomState(draw.randint(0, 2**31))
    samples, most = PNG_SAMPLES[colour], 2**depth
    values = random.randint(0, most, (height, width, samples))
    if draw.random() < 0.5:  # smooth
        values = (numpy.add.outer(numpy.arange(height), numpy.arange(width))[..., None] * numpy.arange(1, samples + 1)) % most
    colours = draw.randint(min(2, most), min(256, most))
    if colour == 3:
        values = values % colours
    parts = ADAM7 if interlaced else [(0, 0, 1, 1)]
    raw = b""
    for x, y, dx, dy in parts:
        part = values[y::dy, x::dx]
        if part.size:
            raw += filtered(draw, packed(part.reshape(part.shape[0], -1), depth), max(1, samples * depth // 8))
    compressed = zlib.compress(raw)
    cut = draw.randint(0, len(compressed))
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
    if colour == 3:
        head += chunk(b"PLTE", random.randint(0, 256, 3 * colours).astype(numpy.uint8).tobytes())
    if transparent:
        size = {0: 2, 2: 6, 3: colours}[colour]
        head += chunk(b"tRNS", random.randint(0, 256 if colour == 3 else 2, size).astype(numpy.uint8).tobytes())
    if draw.random() < 0.3:
        head += chunk(b"gAMA", struct.pack(">I", 45455))
    end = chunk(b"IEND", b"") if draw.random() < 0.7 else b""  # which Pillow does not miss
    return head + chunk(b"IDAT", compressed[:cut]) + chunk(b"IDAT", compressed[cut:]) + end


# BMP

def bmp(draw, bits, compression=0, header=40, masks=None, top_down=False):
    width, height = draw.randint(1, 50), draw.randint(1, 50)
    random = numpy.random.RandomState(draw.randint(0, 2**31))
    palette = b""
    colours = 0
    if bits <= 8:
        colours = draw.choice([2**bits, max(1, 2**bits - draw.randint(0, 5))])
        palette = random.randint(0, 256, (colours, 3 if header == 12 else 4)).astype(numpy.uint8).tobytes()
        if header == 12:
            colours = 2**bits
            palette = random.randint(0, 256, (colours, 3)).astype(numpy.uint8).tobytes()
    if compression in (1, 2):
        data = runs(draw, width, height, min(colours, 2**bits), compression == 2)
    else:
        stride = (width * bits + 31) // 32 * 4
        data = random.randint(0, 256, stride * height).astype(numpy.uint8).tobytes()
        if bits == 8 and draw.random() < 0.5:
            data = (random.randint(0, colours or 1, stride * height)).astype(numpy.uint8).tobytes()
    after = b""
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits, compression, len(data), 2835, 2835, colours, 0)
        words = struct.pack("<IIII", *(masks or (0, 0, 0, 0)))
        if header == 40:
            after = words[:12] if masks else b""
        else:
            head += (words + bytes(header))[:header - 40]
    offset = 14 + len(head) + len(after) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + head + after + palette + data


def runs(draw, width, height, colours, halves):
    """Run lengths: repeated, literal, and skipped pixels."""
    out = bytearray()
    value = (lambda: draw.randrange(min(16, colours)) * 16 + draw.randrange(min(16, colours))) if halves else (lambda: draw.randrange(colours))
    for _ in range(height):
        x = 0
        while x < width:
            n = min(width - x, draw.randint(1, 20))
            if draw.random() < 0.5 and n >= 3:
                size = (n + 1) // 2 if halves else n
                out += bytes([0, n]) + bytes(value() for _ in range(size)) + bytes(size % 2)
            elif draw.random() < 0.1 and x + n < width:
                out += bytes([0, 2, n, 0])
            else:
                out += bytes([n, value()])
            x += n
        out += b"\0\0"
    return bytes(out + b"\0\1")


# PBM, PGM, PPM, PFM

def netpbm(draw, kind, most=255):
    width, height = draw.randint(1, 40), draw.randint(1, 40)
    random = numpy.random.RandomState(draw.randint(0, 2**31))
    samples = 3 if kind in "36" else 1
    head = f"P{kind}\n" + ("# a comment\n" if draw.random() < 0.5 else "") + f"{width} {height}\n"
    if kind == "f":
        return (head + "-1.0\n").encode() + (random.rand(height, width) * 300 - 20).astype("<f4").tobytes()
    if kind in "14":
        bits = random.randint(0, 2, (height, width))
        if kind == "4":
            return head.encode() + b"".join(packed(bits, 1))
        return head.encode() + draw.choice([b"", b" ", b"\n"]).join(str(v).encode() for v in bits.flat)
    values = random.randint(0, most + 1, (height, width * samples))
    head += f"{most}\n"
    if kind in "56":
        return head.encode() + b"".join(packed(values, 16 if most > 255 else 8))
    return head.encode() + "\n".join(" ".join(map(str, row)) for row in values).encode()


# TIFF

def pack_bits(data):
    out = bytearray()
    for key, group in itertools.groupby(data):
        n = len(list(group))
        while n > 0:
            out += bytes([257 - min(n, 128), key]) if n > 1 else bytes([0, key])
            n -= min(n, 128)
    return bytes(out)


def lzw(data):
    """One strip as libtiff writes it."""
    image = Image.frombytes("L", (len(data), 1), data)
    with Image.open(io.BytesIO(saved(image, "TIFF", compression="tiff_lzw"))) as written:
        whole = written.fp.getvalue() if hasattr(written.fp, "getvalue") else written.fp.read()
        offsets, sizes = written.tag_v2[273], written.tag_v2[279]
    assert len(offsets) == 1, "several strips"
    return whole[offsets[0]:offsets[0] + sizes[0]]


COMPRESS = {1: bytes, 5: lzw, 8: zlib.compress, 32946: zlib.compress, 32773: pack_bits}


def tiff(draw, photometric, samples, bits, compression=1, order="<", tiled=False, planar=False, predictor=1, extra=(), kind=1, big=False, orientation=1, fill=1):
    width, height = draw.randint(1, 70), draw.randint(1, 70)
    random = numpy.random.RandomState(draw.randint(0, 2**31))
    smooth = draw.random() < 0.5
    values = random.randint(0, 2**min(bits, 31), (height, width, samples))
    if smooth and bits <= 16:
        values = (numpy.add.outer(numpy.arange(height), numpy.arange(width))[..., None] * numpy.arange(1, samples + 1)) % 2**bits
    if bits >= 16 and photometric in (0, 1) and draw.random() < 0.7:
        values = values % 300
    part_width, part_height = (16 * draw.randint(1, 3), 16 * draw.randint(1, 3)) if tiled else (width, draw.randint(1, height))
    parts = []
    for plane in range(samples if planar else 1):
        chosen = values[..., plane:plane + 1] if planar else values
        for y in range(0, height, part_height):
            for x in range(0, width, part_width):
                part = chosen[y:y + part_height, x:x + part_width]
                if tiled:
                    part = numpy.pad(part, ((0, part_height - part.shape[0]), (0, part_width - part.shape[1]), (0, 0)), mode="edge")
                parts.append(part)
    data = []
    for part in parts:
        rows = part.reshape(part.shape[0], -1)
        step = part.shape[2]
        if kind == 3:
            raw = (rows.astype(numpy.float64) / 2**31 * 300 - 20).astype(order + "f4").tobytes()
        elif bits in (1, 2, 4, 12):
            raw = b"".join(packed(rows, bits))
        else:
            stored = rows.astype({8: "u1", 16: order + ("u2" if kind == 1 else "i2"), 32: order + "u4"}[bits])
            if predictor == 2:
                stored[:, step:] = stored[:, step:] - stored[:, :-step]
            raw = stored.tobytes()
        if fill == 2:
            raw = bytes(int(f"{b:08b}"[::-1], 2) for b in raw)
        data.append(COMPRESS[compression](raw))
    fields = {
        256: (3, [width]), 257: (3, [height]), 258: (3, [bits] * samples), 259: (3, [compression]), 262: (3, [photometric]), 277: (3, [samples]),
        284: (3, [2 if planar else 1]),
    }
    if photometric == 3:
        fields[320] = (3, [int(v) for v in random.randint(0, 65536, 3 * 2**bits)])
    if extra:
        fields[338] = (3, list(extra))
    if predictor != 1:
        fields[317] = (3, [predictor])
    if kind != 1:
        fields[339] = (3, [kind] * samples)
    if orientation != 1:
        fields[274] = (3, [orientation])
    if fill != 1:
        fields[266] = (3, [fill])
    places, sizes = (324, 325) if tiled else (273, 279)
    if tiled:
        fields[322], fields[323] = (3, [part_width]), (3, [part_height])
    else:
        fields[278] = (3, [part_height])
    return directory(order, big, fields, places, sizes, data)


def directory(order, big, fields, places, sizes, data):
    """A file with the parts first and the directory behind."""
    word = order + ("Q" if big else "I")
    body = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42) + (struct.pack(order + "HHQ", 8, 0, 0) if big else bytes(4))
    offsets = []
    for part in data:
        offsets.append(len(body))
        body += part + bytes(len(part) % 2)
    fields[places], fields[sizes] = (4, offsets), (4, [len(part) for part in data])
    entries, room = b"", struct.calcsize(word)
    for tag, (kind, values) in sorted(fields.items()):
        value = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(value) > room:
            at, body = len(body), body + value + bytes(len(value) % 2)
            value = struct.pack(word, at)
        entries += struct.pack(order + "HH" + word[1], tag, kind, len(values)) + value.ljust(room, b"\0")
    at = len(body)
    body += struct.pack(order + ("Q" if big else "H"), len(fields)) + entries + bytes(room)
    head = 8 if big else 4
    return body[:head] + struct.pack(word, at) + body[head + room:]


def webps(draw, image):
    other = image.transpose(Image.Transpose.ROTATE_180)
    small = Image.new("RGBA", image.size)
    small.paste(image.resize((max(1, image.width // 2), max(1, image.height // 2))), (image.width // 3, image.height // 3))
    alpha = image.convert("RGBA")
    alpha.putalpha(image.convert("L"))
    yield "lossy", saved(image, "WEBP", quality=draw.randint(1, 100))
    yield "lossless", saved(image, "WEBP", lossless=True)
    yield "alpha", saved(alpha, "WEBP", quality=draw.randint(1, 100))
    yield "lossless-alpha", saved(alpha, "WEBP", lossless=True, exact=True)
    yield "animated", saved(image, "WEBP", save_all=True, append_images=[other], quality=draw.randint(1, 100))
    yield "animated-lossless", saved(alpha, "WEBP", save_all=True, append_images=[other.convert("RGBA")], lossless=True)
    yield "animated-part", saved(small, "WEBP", save_all=True, append_images=[alpha], quality=80)


def gifs(draw, image):
    palette = image.quantize(draw.randint(2, 256))
    yield "palette", saved(palette, "GIF")
    yield "grey", saved(image.convert("L"), "GIF")
    yield "transparent", saved(palette, "GIF", transparency=draw.randint(0, 1))
    yield "frames", saved(palette, "GIF", save_all=True, append_images=[palette.rotate(90)])
    yield "interlaced", saved(palette, "GIF", interlace=1)


def pngs(draw):
    for colour, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}.items():
        for depth in depths:
            for interlaced in (0, 1):
                yield f"{colour}-{depth}-{interlaced}", png(draw, depth, colour, interlaced)
            if colour in (0, 2, 3):
                yield f"{colour}-{depth}-transparent", png(draw, depth, colour, draw.randint(0, 1), transparent=True)


def bmps(draw):
    for bits in (1, 4, 8, 16, 24, 32):
        yield f"{bits}", bmp(draw, bits)
        yield f"{bits}-top", bmp(draw, bits, top_down=True)
        if bits in (1, 4, 8, 24):
            yield f"{bits}-os2", bmp(draw, bits, header=12)
        yield f"{bits}-v5", bmp(draw, bits, header=124)
    yield "rle8", bmp(draw, 8, compression=1)
    yield "rle4", bmp(draw, 4, compression=2)
    yield "565", bmp(draw, 16, compression=3, masks=(0xf800, 0x7e0, 0x1f, 0))
    yield "555-v4", bmp(draw, 16, compression=3, header=108, masks=(0x7c00, 0x3e0, 0x1f, 0))
    yield "masks-bgrx", bmp(draw, 32, compression=3, masks=(0xff0000, 0xff00, 0xff, 0))
    yield "masks-rgba", bmp(draw, 32, compression=3, header=124, masks=(0xff, 0xff00, 0xff0000, 0xff000000))
    yield "masks-abgr", bmp(draw, 32, compression=3, header=56, masks=(0xff000000, 0xff0000, 0xff00, 0xff))


def netpbms(draw):
    for kind in "1f4":
        yield kind, netpbm(draw, kind)
    for kind in "2356":
        for most in (255, 15, 100, 1023, 65535):
            yield f"{kind}-{most}", netpbm(draw, kind, most)


def tiffs(draw, image):
    one = draw.choice
    for compression in COMPRESS:
        for name, photometric, samples, bits in (("grey", 1, 1, 8), ("rgb", 2, 3, 8), ("rgb16", 2, 3, 16), ("palette", 3, 1, 8), ("grey16", 1, 1, 16), ("cmyk", 5, 4, 8)):
            predictor = 2 if compression in (5, 8) and draw.random() < 0.6 and photometric != 3 else 1
            options = {"order": one("<>"), "tiled": draw.random() < 0.4}
            options["big"] = options["order"] == "<" and draw.random() < 0.4  # Pillow does not read others
            words = "-".join(["tiled"] * options["tiled"] + ["big"] * options["big"] + ["predicted"] * (predictor == 2) + [{"<": "le", ">": "be"}[options["order"]]])
            yield f"{name}-{compression}-{words}", tiff(draw, photometric, samples, bits, compression, predictor=predictor, **options)
    for bits in (1, 2, 4):
        for photometric in (0, 1, 3):
            yield f"bits{bits}-{photometric}", tiff(draw, photometric, 1, bits, one([1, 5, 8, 32773]), order=one("<>"), tiled=False)
    yield "white8", tiff(draw, 0, 1, 8, 8)
    yield "signed16", tiff(draw, 1, 1, 16, 1, kind=2)
    yield "grey32", tiff(draw, 1, 1, 32, 1, kind=2)
    yield "float", tiff(draw, 1, 1, 32, 1, kind=3, order=">")
    yield "float-deflated", tiff(draw, 1, 1, 32, 8, kind=3)
    yield "grey12", tiff(draw, 1, 1, 12, 1)
    yield "planar", tiff(draw, 2, 3, 8, 1, planar=True)
    yield "planar-lzw-tiled", tiff(draw, 2, 3, 8, 5, planar=True, tiled=True)
    yield "rgba", tiff(draw, 2, 4, 8, 8, extra=[2])
    yield "rgbx", tiff(draw, 2, 4, 8, 1, extra=[0])
    yield "rgba-premultiplied", tiff(draw, 2, 4, 8, 1, extra=[1])
    yield "rgba16-premultiplied", tiff(draw, 2, 4, 16, 8, extra=[1])
    yield "grey-alpha", tiff(draw, 1, 2, 8, 1, extra=[2])
    yield "reversed", tiff(draw, 1, 1, 8, 1, fill=2)
    yield "cmyk16", tiff(draw, 5, 4, 16, 8)
    for orientation in range(2, 9):
        yield f"turned{orientation}", tiff(draw, 2, 3, 8, 5, orientation=orientation)
    bits = image.convert("1")
    for compression in ("group3", "group4", "tiff_raw_16"):
        if compression != "tiff_raw_16":
            yield compression, saved(bits, "TIFF", compression=compression)
    yield "jpeg-rgb", saved(image, "TIFF", compression="jpeg")
    yield "jpeg-grey", saved(image.convert("L"), "TIFF", compression="jpeg", quality=draw.randint(10, 100))
    yield "jpeg-ycbcr", saved(image.convert("YCbCr"), "TIFF", compression="jpeg", quality=draw.randint(10, 100))


XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'


def oriented(draw, image):
    """Pictures that say how they are to be turned."""
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[270] = "a picture"
        exif[274] = orientation
        yield f"exif{orientation}.jpg", saved(image, "JPEG", quality=90, exif=exif)
    exif = Image.Exif()
    exif[274] = draw.randint(2, 8)
    yield "exif.png", saved(image, "PNG", exif=exif)
    yield "exif.webp", saved(image, "WEBP", lossless=True, exif=exif)
    big = exif.tobytes()
    assert big[6:8] == b"MM" or big[6:8] == b"II"
    yield "xmp.jpg", saved(image, "JPEG", xmp=(XMP % draw.randint(2, 8)).encode())
    yield "xmp.webp", saved(image, "WEBP", xmp=(XMP % draw.randint(2, 8)).encode())
    plain = saved(image, "PNG")
    at = plain.index(b"IDAT") - 4
    xmp = (XMP % draw.randint(2, 8)).encode()
    yield "xmp.png", plain[:at] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp) + plain[at:]
    yield "xmp-deflated.png", plain[:at] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)) + plain[at:]
    raw = b"\nexif\n%8d\n" % len(big) + big.hex().encode() + b"\n"
    yield "raw.png", plain[:at] + chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw)) + plain[at:]
    yield "both.jpg", saved(image, "JPEG", exif=exif, xmp=(XMP % 3).encode())


def all_kinds(draw, photographs):
    """(name, data) of pictures of all kinds."""
    image = jpegs.photograph(draw, photographs)
    for ending, files in {
        "png": pngs(draw), "bmp": bmps(draw), "ppm": netpbms(draw), "tif": tiffs(draw, image), "webp": webps(draw, image), "gif": gifs(draw, image),
    }.items():
        for name, data in files:
            yield f"{name}.{ending}", data
    for i, (width, height) in enumerate([(500, 375), (375, 500), (1200, 90), (61, 700), (draw.randint(200, 900), draw.randint(200, 900))]):
        yield f"large{i}.jpg", saved(draw.choice(photographs).resize((width, height)), "JPEG", quality=draw.randint(60, 95))
    yield from oriented(draw, image)
    for i in range(8):
        yield f"{i}.jpg", jpegs.jpeg(draw, photographs)[0]


def damaged(draw, data):
    """A file that was cut, of which some bytes are others, or in which some are missing."""
    data, how = bytearray(data), draw.random()
    if how < 0.35:
        del data[draw.randrange(len(data) // 3, len(data)) :]
    elif how < 0.8:
        for _ in range(draw.choice((1, 1, 2, 4))):
            data[draw.randrange(len(data))] = draw.randrange(256)
    else:
        at = draw.randrange(len(data))
        del data[at : at + draw.choice((1, 2, 16))]
    return bytes(data)
