import torch
from timm.models.beit import Beit, Block


class VisionTransformerForMaskedImageModelingCLS(Beit):
    """The class-token branch gets the last class token and the patches of an earlier block; both ways end in the same norm and head."""

    def __init__(self, img_size=224, patch_size=16, in_chans=3, vocab_size=8192, embed_dim=768, depth=12, num_heads=12, mlp_ratio=4.0, qkv_bias=True,
                 norm_layer=None, init_values=None, use_abs_pos_emb=True, use_rel_pos_bias=False, use_shared_rel_pos_bias=False, early_layers=6,
                 head_layers=2):
        super().__init__(
            img_size=img_size, patch_size=patch_size, in_chans=in_chans, num_classes=0, embed_dim=embed_dim, depth=depth, num_heads=num_heads,
            mlp_ratio=mlp_ratio, qkv_bias=qkv_bias, norm_layer=norm_layer, init_values=init_values, use_abs_pos_emb=use_abs_pos_emb,
            use_rel_pos_bias=use_rel_pos_bias, use_shared_rel_pos_bias=use_shared_rel_pos_bias, global_pool="")
        self.mask_token = torch.nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.cls_pt_layers = torch.nn.ModuleList(
            Block(dim=embed_dim, num_heads=num_heads, mlp_ratio=mlp_ratio, qkv_bias=qkv_bias, norm_layer=norm_layer, init_values=init_values)
            for _ in range(head_layers))
        self.lm_head = torch.nn.Linear(embed_dim, vocab_size)
        self.early_layers = early_layers

    def forward(self, x, bool_masked_pos, return_all_tokens=False):
        if bool_masked_pos.any() or not return_all_tokens:
            raise NotImplementedError("masks")
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        x = x if self.pos_embed is None else x + self.pos_embed
        shared = self.rel_pos_bias() if self.rel_pos_bias is not None else None
        for i, block in enumerate(self.blocks):
            x = block(x, shared_rel_pos_bias=shared)
            if i + 1 == self.early_layers:
                early = x[:, 1:]
        branch = torch.cat([x[:, :1], early], dim=1)
        for block in self.cls_pt_layers:
            branch = block(branch, shared_rel_pos_bias=shared)
        return [self.lm_head(self.norm(tokens)[:, 1:]) for tokens in (x, branch)]
