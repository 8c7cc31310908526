"""Writes figures.json: the figures of an evaluation, computed with torch and NumPy from the logits that PASSL computed for the test pictures of the digits.

python figures.py
"""
import json
import pathlib

import numpy as np
import torch
from safetensors.torch import load_file

shipped = pathlib.Path(__file__).parents[2] / "manifests" / "embedded"
logits = load_file(next(shipped.glob("*logits*.safetensors")))["logits"].double()
pictures = sorted(shipped.glob("**/[0-9]/*.png"), key=lambda p: p.name)  # the order of the logits
right = torch.tensor([int(p.parent.name) for p in pictures])
assert len(logits) == len(right) == 360
probabilities = logits.softmax(1)
confidence, taken = probabilities.max(1)
top5 = (logits.topk(5).indices == right[:, None]).any(1)
top1 = taken == right


def interval(hits):
    """The shares p for which the observed one is 1.96 standard errors sqrt(p (1 - p) / n) away: the roots of a parabola."""
    n, seen, z = len(hits), int(hits.sum()) / len(hits), 1.959963984540054
    return sorted(np.roots([1 + z * z / n, -2 * seen - z * z / n, seen * seen]).tolist())


edges = torch.linspace(0, 1, 16, dtype=torch.float64)
inside = [(confidence >= edges[i]) & (confidence < edges[i + 1]) if i < 14 else confidence >= edges[i] for i in range(15)]
confused = {}
for a, b in zip(right.tolist(), taken.tolist()):
    if a != b:
        confused[a, b] = confused.get((a, b), 0) + 1
figures = {
    "loss": torch.nn.functional.cross_entropy(logits, right).item(),
    "interval1": interval(top1),
    "interval5": interval(top5),
    "per_class": [[int((right == c).sum()), int(top1[right == c].sum()), int(top5[right == c].sum())] for c in range(10)],
    "confusions": [[a, b, n] for (a, b), n in sorted(confused.items(), key=lambda e: (-e[1], e[0]))],
    "ece": sum(abs(confidence[m].sum().item() - top1[m].sum().item()) for m in inside) / 360,
    "bins": [[int(m.sum()), int(top1[m].sum())] for m in inside],
}
(pathlib.Path(__file__).parent / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
