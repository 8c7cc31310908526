"""Prepares a picture as timm does, and answers each line of standard input, "decode" or "prepare", with the milliseconds of processor time for one.

python pictures_peer.py FILE          FILE is a JPEG file
python pictures_peer.py --make FILE   writes a photograph of 500 x 375 pixels and about 47 kB
"""

import io
import sys
import time

from PIL import Image

ROUND = 200


def main(path):
    import timm.data
    import torch

    torch.set_num_threads(1)
    transform = timm.data.create_transform((3, 224, 224), interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=0.9)
    data = open(path, "rb").read()

    def decode():
        return Image.open(io.BytesIO(data)).convert("RGB")

    ways = {"decode": decode, "prepare": lambda: transform(decode())}
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.process_time()
        for _ in range(ROUND):
            ways[line.strip()]()
        print(1000 * (time.process_time() - start) / ROUND, flush=True)


if sys.argv[1] == "--make":
    Image.open("testdata/preprocess/coffee.png").convert("RGB").resize((500, 375), Image.Resampling.LANCZOS).save(sys.argv[2], "JPEG", quality=86)
else:
    main(sys.argv[1])
