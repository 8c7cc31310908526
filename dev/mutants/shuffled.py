"""The right model with its sums in other orders: another correct program, whose rounding is as honest as that of the first."""

import torch
from beit import Beit


class Shuffled(Beit):
    """A BEiT whose channels, hidden units, heads and units in heads stand in orders drawn by a seed. Its stages take and give activations in the usual order."""

    def __init__(self, arch, weights, dtype, seed, epsilon=1e-6):
        draw = torch.Generator().manual_seed(seed)
        self.channels = torch.randperm(arch.dim, generator=draw)
        heads = torch.randperm(arch.heads, generator=draw)
        moved = {name: self.moved(arch, name, w, heads) for name, w in weights.items()}
        for i in range(arch.depth):
            self.move_inside(arch, moved, f"blocks.{i}.", heads, draw)
        super().__init__(arch, moved, epsilon, dtype)

    def moved(self, arch, name, w, heads):
        """A parameter with its channels, which all blocks share, or its heads in the new order."""
        if "table" in name:
            return w[:, heads]
        if name in ("cls_token", "mask_token", "pos_embed"):
            return w[..., self.channels]
        if name.startswith(arch.head_name) or ".fc1." in name or ".qkv." in name or name.endswith(("q_bias", "v_bias")):
            return w[:, self.channels] if w.dim() == 2 else w
        return w[self.channels]

    def move_inside(self, arch, weights, block, heads, draw):
        """The orders that only one block knows: units of its heads, and of its MLP."""
        queries, values = (self.units(arch, heads, draw) for _ in range(2))
        weights[block + "attn.qkv.weight"] = torch.cat([w[o] for w, o in zip(weights[block + "attn.qkv.weight"].chunk(3), (queries, queries, values))])
        for name, order in (("q_bias", queries), ("v_bias", values)):
            weights[block + "attn." + name] = weights[block + "attn." + name][order]
        weights[block + "attn.proj.weight"] = weights[block + "attn.proj.weight"][:, values]
        hidden = torch.randperm(4 * arch.dim, generator=draw)
        for name in ("fc1.weight", "fc1.bias"):
            weights[block + "mlp." + name] = weights[block + "mlp." + name][hidden]
        weights[block + "mlp.fc2.weight"] = weights[block + "mlp.fc2.weight"][:, hidden]

    def units(self, arch, heads, draw):
        within = torch.stack([torch.randperm(arch.head_dim, generator=draw) for _ in range(arch.heads)])
        return (heads[:, None] * arch.head_dim + within).reshape(-1)

    def stage(self, name, before, mask=None):
        found = super().stage(name, before if name == "embed" else before[..., self.channels], mask)
        back = self.channels.argsort()
        return {stage: x if stage == "logits" else x[..., back] for stage, x in found.items()}
