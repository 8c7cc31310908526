# Groups of parameters and learning rates of microsoft/unilm's own functions. Usage: unilm.py FOLDER_OF_UNILM > unilm.json
import ast
import contextlib
import io
import json
import math
import sys

import numpy
import torch

folder = sys.argv[1] + "/beit"
sys.path.insert(0, folder)


def functions(path, names, scope):
    """Defines some functions of a file, whose other imports this machine may not have."""
    tree = ast.parse(open(path).read())
    tree.body = [node for node in tree.body if getattr(node, "name", "") in names]
    exec(compile(tree, path, "exec"), scope)
    return [scope[name] for name in names]


layer_of, assigner, groups_of = functions(
    folder + "/optim_factory.py", ["get_num_layer_for_vit", "LayerDecayValueAssigner", "get_parameter_groups"], {"json": json}
)
(scheduler,) = functions(folder + "/utils.py", ["cosine_scheduler"], {"np": numpy, "math": math})

from modeling_finetune import VisionTransformer

groups = {}
for shared in (False, True):
    with contextlib.redirect_stdout(io.StringIO()):
        model = VisionTransformer(
            img_size=32, patch_size=16, num_classes=3, embed_dim=32, depth=3, num_heads=2, qkv_bias=True, init_values=0.1,
            use_abs_pos_emb=shared, use_rel_pos_bias=not shared, use_shared_rel_pos_bias=shared, use_mean_pooling=not shared,
        )
        layers = model.get_num_layers()
        values = assigner(list(0.65 ** (layers + 1 - i) for i in range(layers + 2)))
        names = {id(p): name for name, p in model.named_parameters()}
        found = groups_of(model, 0.05, model.no_weight_decay(), values.get_layer_id, values.get_scale)
    groups["shared" if shared else "block"] = {
        names[id(p)]: [group["lr_scale"], group["weight_decay"]] for group in found for p in group["params"]
    }
schedules = []
for warmup in (0, 1, 2):
    with contextlib.redirect_stdout(io.StringIO()):
        schedules.append({"warmup": warmup, "rates": scheduler(4e-3, 1e-6, 5, 3, warmup_epochs=warmup, start_warmup_value=1e-5).tolist()})
json.dump({"groups": groups, "schedules": schedules}, sys.stdout, indent=1)
