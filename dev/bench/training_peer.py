"""timm's BEiT in training, which answers each line of standard input, "train", with the seconds of a step and the loss before it.

    python training_peer.py KIND NAME FILE IMAGES BATCH THREADS

KIND says how torch.optim.AdamW computes: plain or fused. NAME is timm's name of the architecture, FILE has weights as safetensors under timm's names, IMAGES are raw
float32. A step is a forward pass, the gradients of cross entropy with label smoothing, and AdamW, always on the same batch.
"""

import sys
import time


def main(kind, name, file, path, batch, threads):
    import numpy
    import timm
    import torch
    from safetensors.torch import load_file
    from timm.loss import LabelSmoothingCrossEntropy

    torch.set_num_threads(threads)
    pixels = numpy.fromfile(path, numpy.float32).reshape(batch, 3, -1)
    side = round(pixels.shape[2] ** 0.5)
    images = torch.from_numpy(pixels.reshape(batch, 3, side, side))
    model = timm.create_model(name, pretrained=False)
    model.load_state_dict(load_file(file))
    model.train()
    classes = torch.tensor([37 * i % model.num_classes for i in range(batch)])
    criterion = LabelSmoothingCrossEntropy(0.1)
    decay = [p for p in model.parameters() if p.ndim > 1 and p is not model.cls_token]
    others = [p for p in model.parameters() if p.ndim == 1 or p is model.cls_token]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}], lr=1e-4, fused=kind == "fused")
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() != "train":
            raise ValueError(line)
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = criterion(model(images), classes)
        loss.backward()
        optimizer.step()
        value = loss.item()
        print(time.perf_counter() - start, value, flush=True)


main(*sys.argv[1:5], int(sys.argv[5]), int(sys.argv[6]))
