"""Made the files module.*.pth and modules.txt, with PyTorch 2.11.0, timm 1.0.31 and transformers 5.23.0: python modules.py [STATE_DICT]

Each file holds a whole module, which modules.txt describes: a line "file", its name, its class and its number of state-dict entries, and then, for each
of them, name, dtype, shape and the SHA-256 of its bytes, as state_dict() gives them. With the state dict of the dVAE whose whole encoder is in the
repository's testdata/tokenizer, that is the last entry. Legacy files also hold the source of each class; here that is one line in its place.
"""
import hashlib
import sys

import timm.models.beit
import torch
import transformers

from make import line


class Odd(torch.nn.Module):
    """Has everything that a state dict leaves out or names twice."""

    def __init__(self):
        super().__init__()
        self.register_parameter("none", None)
        self.register_buffer("kept", torch.arange(3))
        self.register_buffer("computed", torch.ones(2), persistent=False)
        self.register_buffer("nothing", None)
        self.first = torch.nn.Linear(2, 3, bias=False)
        self.second = self.first
        self.tied = torch.nn.Linear(2, 3)
        self.tied.weight = self.first.weight
        self.parts = torch.nn.ModuleList([torch.nn.BatchNorm1d(2), torch.nn.ModuleDict({"a": torch.nn.Identity(), "b": torch.nn.PReLU()})])
        self.off = None
        self.many = torch.nn.ParameterList([torch.nn.Parameter(torch.ones(1))])
        self.window = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3).t())
        self.owner = [self]
        self.first.register_forward_hook(torch.nn.functional.relu)
        self.add_module("gone", None)


def describe(out, name, kind, state):
    out.write(f"file {name} {kind} {len(state)}\n")
    out.writelines(line(key, value, lambda b: hashlib.sha256(b).hexdigest()) for key, value in state.items())


def main():
    torch.serialization.get_source_lines_and_file = lambda kind: ([f"# the source of {kind.__name__}\n"], 1, f"{kind.__module__}.py")
    torch.manual_seed(1)
    small = timm.models.beit.Beit(img_size=16, patch_size=8, embed_dim=8, depth=1, num_heads=2, num_classes=2, use_rel_pos_bias=True, use_abs_pos_emb=False,
                                  init_values=0.1)
    config = transformers.BeitConfig(image_size=16, patch_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    made = {
        "odd": Odd(), "linear": torch.nn.Linear(2, 1), "timm": small, "transformers": transformers.BeitForImageClassification(config),
        "dataparallel": torch.nn.DataParallel(torch.nn.Linear(2, 1)), "averaged": torch.optim.swa_utils.AveragedModel(torch.nn.Linear(2, 1)),
    }
    with open("modules.txt", "w") as out:
        for name, module in made.items():
            for kind, arguments in {"zip": {}, "legacy": {"_use_new_zipfile_serialization": False}, "zip4": {"pickle_protocol": 4}}.items():
                if kind == "zip4" and name != "odd":
                    continue
                torch.save(module, f"module.{name}.{kind}.pth", **arguments)
                state = module.state_dict()
                describe(out, f"module.{name}.{kind}.pth", f"{type(module).__module__}.{type(module).__qualname__}", state)
        if len(sys.argv) > 1:
            describe(out, "digits_dvae.encoder.pkl", "dall_e.encoder.Encoder", torch.load(sys.argv[1]))
    whole = torch.nn.Linear(2, 1)
    torch.save({"epoch": 3, "model": whole, "ema": torch.nn.Linear(2, 1), "optimizer": torch.optim.SGD(whole.parameters())}, "module.training.pth")


if __name__ == "__main__":
    main()
