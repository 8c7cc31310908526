import torch
from timm.models.beit import Beit


def without_index(state):
    """A state dict without the relative position index, which unilm keeps in a buffer and timm computes."""
    return {name: value for name, value in state.items() if not name.endswith("relative_position_index")}


class VisionTransformer(Beit):
    def __init__(self, img_size=224, patch_size=16, in_chans=3, num_classes=1000, embed_dim=768, depth=12, num_heads=12, mlp_ratio=4.0, qkv_bias=False,
                 norm_layer=torch.nn.LayerNorm, init_values=None, use_abs_pos_emb=True, use_rel_pos_bias=False, use_shared_rel_pos_bias=False,
                 use_mean_pooling=True):
        super().__init__(
            img_size=img_size, patch_size=patch_size, in_chans=in_chans, num_classes=num_classes, embed_dim=embed_dim, depth=depth, num_heads=num_heads,
            mlp_ratio=mlp_ratio, qkv_bias=qkv_bias, norm_layer=norm_layer, init_values=init_values, use_abs_pos_emb=use_abs_pos_emb,
            use_rel_pos_bias=use_rel_pos_bias, use_shared_rel_pos_bias=use_shared_rel_pos_bias, global_pool="avg" if use_mean_pooling else "token")

    def load_state_dict(self, state):
        return super().load_state_dict(without_index(state))
