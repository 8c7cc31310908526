import torch
from modeling_finetune import without_index
from timm.models.beit import Beit


class VisionTransformerForMaskedImageModeling(Beit):
    def __init__(self, img_size=224, patch_size=16, in_chans=3, vocab_size=8192, embed_dim=768, depth=12, num_heads=12, mlp_ratio=4.0, qkv_bias=True,
                 norm_layer=None, init_values=None, use_abs_pos_emb=True, use_rel_pos_bias=False, use_shared_rel_pos_bias=False):
        super().__init__(
            img_size=img_size, patch_size=patch_size, in_chans=in_chans, num_classes=0, embed_dim=embed_dim, depth=depth, num_heads=num_heads,
            mlp_ratio=mlp_ratio, qkv_bias=qkv_bias, norm_layer=norm_layer, init_values=init_values, use_abs_pos_emb=use_abs_pos_emb,
            use_rel_pos_bias=use_rel_pos_bias, use_shared_rel_pos_bias=use_shared_rel_pos_bias, global_pool="")
        self.mask_token = torch.nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.lm_head = torch.nn.Linear(embed_dim, vocab_size)

    def load_state_dict(self, state):
        return super().load_state_dict(without_index(state))

    def forward(self, x, bool_masked_pos, return_all_tokens=False):
        if bool_masked_pos.any():
            raise NotImplementedError("masks")
        x = self.forward_features(x)[:, 1:]
        return self.lm_head(x if return_all_tokens else x[bool_masked_pos])
