# How far the float32 golden of ten steps is from the float64 one, tensor by tensor: the largest absolute difference. Usage: distances.py FOLDER > digits_10steps.float32.distances.json
import json
import sys

import numpy
from safetensors.numpy import load_file

half, full = (load_file(f"{sys.argv[1]}/digits_10steps.float{bits}.safetensors") for bits in (32, 64))
print(json.dumps({name: float(numpy.abs(half[name] - full[name]).max()) for name in sorted(full)}, indent=1))
