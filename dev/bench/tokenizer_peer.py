"""OpenAI's dVAE encoder, which answers each line of standard input, "forward" or "logits", with a line of numbers: seconds, or the visual tokens.

    python tokenizer_peer.py DALL_E FILE IMAGES BATCH THREADS

DALL_E is the folder above the package dall_e, such as microsoft/unilm's beit. FILE has weights as safetensors under OpenAI's names, IMAGES are raw float32.
"""

import sys
import time
import types


def main(folder, file, path, batch, threads):
    sys.path.insert(0, folder)
    sys.modules.setdefault("requests", types.ModuleType("requests"))  # it downloads, which nothing here does
    import numpy
    import torch
    from dall_e.encoder import Encoder
    from safetensors.torch import load_file

    torch.set_num_threads(threads)
    side = 112
    images = torch.from_numpy(numpy.fromfile(path, numpy.float32).reshape(batch, 3, side, side))
    encoder = Encoder().eval()
    encoder.load_state_dict(load_file(file))

    def forward():
        return encoder(images).argmax(dim=1)

    with torch.inference_mode():
        print("ready", flush=True)
        for line in sys.stdin:
            if line.strip() == "logits":
                forward()
                print(*forward().flatten().tolist(), flush=True)
                continue
            start = time.perf_counter()
            forward()
            print(time.perf_counter() - start, flush=True)


main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]))
