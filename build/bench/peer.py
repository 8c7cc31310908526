"""A BEiT in Python that answers each line of standard input with the seconds of one forward pass.

    python peer.py KIND BATCH THREADS SIZE WIDTH DEPTH HEADS        KIND: timm, compile (timm under torch.compile) or transformers
"""

import sys
import time

import torch

kind = sys.argv[1]
batch, threads, size, width, depth, heads = map(int, sys.argv[2:])
torch.set_num_threads(threads)
if kind == "transformers":
    from transformers import BeitConfig, BeitForImageClassification

    model = BeitForImageClassification(BeitConfig(
        image_size=size, hidden_size=width, num_hidden_layers=depth, num_attention_heads=heads, intermediate_size=4 * width, num_labels=1000,
        use_relative_position_bias=True, use_absolute_position_embeddings=False, use_mean_pooling=True, use_mask_token=False))
else:
    from timm.models.beit import Beit

    model = Beit(img_size=size, embed_dim=width, depth=depth, num_heads=heads, init_values=0.1, use_abs_pos_emb=False, use_rel_pos_bias=True)
model = model.eval()
if kind == "compile":
    model = torch.compile(model)
images = torch.rand(batch, 3, size, size)


def forward():
    with torch.inference_mode():
        model(images)


for _ in range(3):
    forward()
print("ready", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    forward()
    print(time.perf_counter() - start, flush=True)
