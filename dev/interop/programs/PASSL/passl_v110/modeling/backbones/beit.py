from functools import partial

import paddle
from paddle_beit import Backbone, Form


class Beit(Backbone):
    def __init__(self, img_size=224, patch_size=16, in_chans=3, num_classes=1000, embed_dim=768, depth=12, num_heads=12, mlp_ratio=4.0, qkv_bias=True,
                 norm_layer=partial(paddle.nn.LayerNorm, epsilon=1e-6), init_values=None, use_abs_pos_emb=True, use_rel_pos_bias=False,
                 use_shared_rel_pos_bias=False, use_mean_pooling=True):
        if not isinstance(img_size, int) or use_shared_rel_pos_bias or not qkv_bias:
            raise TypeError("PASSL's class takes one number of pixels, and can't run with a table for all blocks")
        bias = "block" if use_rel_pos_bias else "none"
        super().__init__(Form(
            0, patch_size, (img_size // patch_size, img_size // patch_size), embed_dim, num_heads, depth, int(embed_dim * mlp_ratio), num_classes, bias=bias,
            absolute=use_abs_pos_emb, scale=bool(init_values), pooling="mean" if use_mean_pooling else "class_token", epsilon=norm_layer.keywords["epsilon"]))
