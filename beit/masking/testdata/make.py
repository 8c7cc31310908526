"""Writes masks.json with microsoft/unilm's own generators, of BEiT and of BEiT v2; UNILM is a checkout.

Each row: generator, seed, height, width, patches, least, and the masks of three calls, as texts of 0 and 1.
"""

import importlib.util
import json
import os
import random

import numpy

numpy.int = int  # gone since NumPy 1.24

modules = {}
for name, folder in (("v1", "beit"), ("v2", "beit2")):
    spec = importlib.util.spec_from_file_location(name, os.path.join(os.environ["UNILM"], folder, "masking_generator.py"))
    modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(modules[name])

rows = []
windows = [(14, 14, 75, 16), (14, 14, 118, 16), (4, 4, 6, 1), (4, 4, 6, 4), (7, 9, 20, 4), (2, 14, 10, 2), (24, 24, 220, 40), (1, 3, 1, 1), (14, 14, 40, 4)]
for name, module in modules.items():
    for height, width, patches, least in windows:
        for seed in [0, 1, 2, 3, 17, 42, 2**31 - 1, 2**31, 2**32 - 1] + list(range(1000, 1010)):
            random.seed(seed)
            numpy.random.seed(seed)
            generator = module.MaskingGenerator((height, width), patches, min_num_patches=least)
            masks = ["".join(str(int(v)) for v in generator().ravel()) for _ in range(3)]
            rows.append([name, seed, height, width, patches, least, masks])
lines = ",\n".join(json.dumps(row) for row in rows)
open("masks.json", "w").write('{"made_with": ' + json.dumps({"numpy": numpy.__version__, "unilm": "768a3c8"}) + ',\n"rows": [\n' + lines + "\n]}\n")
