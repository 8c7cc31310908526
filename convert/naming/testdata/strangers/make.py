"""Makes the lists in this folder: names and shapes of the parameters of models that are not BEiTs, as the real frameworks name them; and, in the folder
tokenizers, those of the models that make visual tokens.

    python make.py

needs torch, timm 1.0.31, transformers 5.23 (4.57 gives the same names in files), torchvision, open_clip_torch, segment-anything and torchscale, and for the
rest clones beside each other under $SOURCES: mae, deit, EVA, dinov2 and unilm, at their newest commits of 2025, and pickles of OpenAI's dVAE in tokenizer.
All models are small; no weights are kept. A list that can't be made is said and left as it is.
"""

import importlib
import importlib.util
import os
import sys
import types
import unittest.mock

import numpy
import torch

SOURCES = os.environ.get("SOURCES", "..")
HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, how, model):
    state = model if isinstance(model, dict) else model.state_dict()
    with open(os.path.join(HERE, name + ".txt"), "w") as f:
        f.write("# %s\n" % how)
        for key, value in state.items():
            f.write("%s %s\n" % (key, "x".join(str(n) for n in value.shape) or "-"))


def saved(model):
    """the names that save_pretrained writes"""
    import tempfile
    from safetensors.torch import load_file
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return load_file(os.path.join(folder, "model.safetensors"))


def with_timm():
    import timm
    small = dict(num_classes=3, depth=2, embed_dim=32, num_heads=2)
    for name, model, options in [
        ("timm_vit", "vit_base_patch16_224", small),
        ("timm_vit_in21k_norm_pre", "vit_base_patch16_clip_224", small),
        ("timm_vit_registers", "vit_base_patch14_reg4_dinov2", dict(small, img_size=28)),
        ("timm_vit_map", "vit_base_patch16_siglip_224", small),
        ("timm_vit_avg", "vit_base_patch16_224", dict(small, class_token=False, global_pool="avg")),
        ("timm_deit_distilled", "deit_base_distilled_patch16_224", small),
        ("timm_deit3", "deit3_base_patch16_224", small),
        ("timm_dinov2", "vit_base_patch14_dinov2", dict(small, img_size=28)),
        ("timm_flexivit", "flexivit_base", small),
        ("timm_cait", "cait_xxs24_224", small),
        ("timm_vit_relpos", "vit_relpos_base_patch16_224", small),
        ("timm_vit_relpos_cls", "vit_relpos_base_patch16_cls_224", small),
        ("timm_vit_srelpos", "vit_srelpos_small_patch16_224", small),
        ("timm_vit_rpn", "vit_relpos_base_patch16_rpn_224", small),
        ("timm_swin", "swin_tiny_patch4_window7_224", dict(num_classes=3, depths=(1, 1), embed_dim=16, num_heads=(1, 2))),
        ("timm_swinv2", "swinv2_tiny_window8_256", dict(num_classes=3, depths=(1, 1), embed_dim=16, num_heads=(1, 2))),
        ("timm_eva02", "eva02_base_patch14_224", small),
        ("timm_eva02_tiny", "eva02_tiny_patch14_224", small),
        ("timm_eva02_large", "eva02_large_patch14_448", dict(small, img_size=28)),
        ("timm_vit_rope", "vit_base_patch16_rope_reg1_gap_256", small),
        ("timm_dinov3", "vit_small_patch16_dinov3", dict(small, num_classes=0)),
        ("timm_beit3", "beit3_base_patch16_224", small),
        ("timm_samvit", "samvit_base_patch16_224", small),
        ("timm_resnet", "resnet18", dict(num_classes=3)),
        ("timm_vit_swiglu", "vit_giant_patch14_dinov2", dict(small, img_size=28)),
    ]:
        try:
            made = timm.create_model(model, **options)
        except Exception as e:
            print(name, repr(e))
            continue
        write(name, "timm %s, create_model(%r, **%r)" % (timm.__version__, model, options), made)


def with_transformers():
    import transformers as hf
    vision = dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, image_size=32, patch_size=16)
    text = dict(vocab_size=50, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    cases = {
        "hf_vit": lambda: hf.ViTForImageClassification(hf.ViTConfig(**vision, num_labels=3)),
        "hf_vit_model": lambda: hf.ViTModel(hf.ViTConfig(**vision)),
        "hf_deit": lambda: hf.DeiTForImageClassificationWithTeacher(hf.DeiTConfig(**vision, num_labels=3)),
        "hf_deit_model": lambda: hf.DeiTModel(hf.DeiTConfig(**vision)),
        "hf_mae": lambda: hf.ViTMAEForPreTraining(hf.ViTMAEConfig(**vision, decoder_hidden_size=16, decoder_num_hidden_layers=1, decoder_num_attention_heads=2, decoder_intermediate_size=32)),
        "hf_dinov2": lambda: hf.Dinov2Model(hf.Dinov2Config(**{k: v for k, v in vision.items() if k != "intermediate_size"})),
        "hf_dinov2_registers": lambda: hf.Dinov2WithRegistersModel(hf.Dinov2WithRegistersConfig(**{k: v for k, v in vision.items() if k != "intermediate_size"})),
        "hf_dinov3": lambda: hf.DINOv3ViTModel(hf.DINOv3ViTConfig(**vision)),
        "hf_clip": lambda: hf.CLIPModel(hf.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)),
        "hf_clip_vision": lambda: hf.CLIPVisionModel(hf.CLIPVisionConfig(**vision)),
        "hf_siglip": lambda: hf.SiglipModel(hf.SiglipConfig(text_config=text, vision_config=vision)),
        "hf_swin": lambda: hf.SwinForImageClassification(hf.SwinConfig(image_size=32, embed_dim=16, depths=[1, 1], num_heads=[1, 2], window_size=2, num_labels=3)),
        "hf_swinv2": lambda: hf.Swinv2Model(hf.Swinv2Config(image_size=32, embed_dim=16, depths=[1, 1], num_heads=[1, 2], window_size=2)),
        "hf_layoutlmv3": lambda: hf.LayoutLMv3ForSequenceClassification(hf.LayoutLMv3Config(**text, input_size=32, patch_size=16, coordinate_size=5, shape_size=6, num_labels=3)),
        "hf_layoutlmv3_model": lambda: hf.LayoutLMv3Model(hf.LayoutLMv3Config(**text, input_size=32, patch_size=16, coordinate_size=5, shape_size=6)),
        "hf_sam": lambda: hf.SamModel(hf.SamConfig(vision_config=dict(vision, output_channels=8, global_attn_indexes=[0], window_size=2, mlp_dim=32))),
        "../tokenizers/hf_flava_codebook": lambda: hf.FlavaImageCodebook(hf.FlavaImageCodebookConfig(hidden_size=4, vocab_size=16)),
        "hf_flava_pretraining": lambda: hf.FlavaForPreTraining(hf.FlavaConfig(image_config=vision, text_config=text, multimodal_config=dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64), image_codebook_config=dict(hidden_size=4, vocab_size=16), projection_dim=16)),
        "hf_flava": lambda: hf.FlavaModel(hf.FlavaConfig(image_config=vision, text_config=text, multimodal_config=dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64), projection_dim=16)),
        "hf_resnet": lambda: hf.ResNetForImageClassification(hf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_labels=3)),
        "hf_bert": lambda: hf.BertForMaskedLM(hf.BertConfig(**text)),
        "hf_roberta": lambda: hf.RobertaModel(hf.RobertaConfig(**text)),
        "hf_gpt2": lambda: hf.GPT2LMHeadModel(hf.GPT2Config(vocab_size=50, n_embd=32, n_layer=1, n_head=2)),
        "hf_llama": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**text)),
        "hf_t5": lambda: hf.T5ForConditionalGeneration(hf.T5Config(vocab_size=50, d_model=32, d_kv=16, d_ff=64, num_layers=1, num_heads=2)),
        "hf_blip2_vision": lambda: hf.Blip2VisionModel(hf.Blip2VisionConfig(**vision)),
        "hf_dpt": lambda: hf.DPTForDepthEstimation(hf.DPTConfig(**dict(vision, num_hidden_layers=4), backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8)),
        "hf_dpt_beit": lambda: hf.DPTForDepthEstimation(hf.DPTConfig(backbone_config=hf.BeitConfig(**dict(vision, num_hidden_layers=4), out_features=["stage1", "stage2", "stage3", "stage4"], reshape_hidden_states=False, use_relative_position_bias=True), backbone_out_indices=None, neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8)),
        "hf_ijepa": lambda: hf.IJepaModel(hf.IJepaConfig(**vision)),
        "hf_vit_msn": lambda: hf.ViTMSNModel(hf.ViTMSNConfig(**vision)),
        "hf_vilt": lambda: hf.ViltModel(hf.ViltConfig(**vision, vocab_size=50)),
        "hf_trocr": lambda: hf.VisionEncoderDecoderModel(encoder=hf.ViTModel(hf.ViTConfig(**vision)), decoder=hf.TrOCRForCausalLM(hf.TrOCRConfig(vocab_size=50, d_model=32, decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=64, cross_attention_hidden_size=32))),
        "hf_trocr_beit": lambda: hf.VisionEncoderDecoderModel(encoder=hf.BeitModel(hf.BeitConfig(**vision, use_relative_position_bias=True)), decoder=hf.TrOCRForCausalLM(hf.TrOCRConfig(vocab_size=50, d_model=32, decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=64, cross_attention_hidden_size=32))),
    }
    for name, make in cases.items():
        try:
            model = make()
            write(name, "transformers %s, %s, as save_pretrained writes it" % (hf.__version__, type(model).__name__), saved(model))
        except Exception as e:
            print(name, repr(e)[:300])


def with_others():
    try:
        import torchvision
        write("torchvision_vit", "torchvision %s, VisionTransformer" % torchvision.__version__, torchvision.models.VisionTransformer(32, 16, 1, 2, 32, 64, num_classes=3))
        write("torchvision_resnet", "torchvision %s, resnet18" % torchvision.__version__, torchvision.models.resnet18(num_classes=3))
        write("torchvision_swin", "torchvision %s, SwinTransformer" % torchvision.__version__, torchvision.models.SwinTransformer([4, 4], 16, [1, 1], [1, 2], [7, 7], num_classes=3))
    except Exception as e:
        print("torchvision", repr(e))
    try:
        import open_clip
        from open_clip.model import CLIP, CustomTextCLIP
        vision, text = dict(image_size=32, layers=1, width=64, patch_size=16), dict(context_length=7, vocab_size=50, width=64, heads=1, layers=1)
        # The same names as in openai/CLIP clip/model.py, from which the class comes.
        write("open_clip", "open_clip %s, CLIP with its own vision transformer" % open_clip.__version__, CLIP(16, vision, text))
        write("open_clip_timm", "open_clip %s, CustomTextCLIP with timm's vit_tiny_patch16_224" % open_clip.__version__,
              CustomTextCLIP(16, dict(timm_model_name="vit_tiny_patch16_224", timm_pool="", timm_proj="linear", image_size=224), text))
    except Exception as e:
        print("open_clip", repr(e))
    try:
        import segment_anything
        from segment_anything.modeling import ImageEncoderViT
        from segment_anything.build_sam import _build_sam
        encoder = ImageEncoderViT(img_size=64, patch_size=16, embed_dim=32, depth=1, num_heads=2, out_chans=8, use_rel_pos=True, window_size=2)
        write("sam_encoder", "segment_anything, ImageEncoderViT", encoder)
        whole = _build_sam(encoder_embed_dim=32, encoder_depth=1, encoder_num_heads=2, encoder_global_attn_indexes=[0])
        write("sam", "segment_anything, Sam", whole)
    except Exception as e:
        print("segment_anything", repr(e))


def stand_in():
    """for what old sources need that today's libraries no longer have, or that is not there and does nothing for names"""
    numpy.float = float
    sys.modules["torch._six"] = types.SimpleNamespace(inf=float("inf"), string_classes=(str,), container_abcs=None)
    for absent in ("tensorboardX", "torchmetrics", "apex", "apex.normalization", "pycocoevalcap", "pycocotools", "pycocotools.coco",
                   "pycocoevalcap.eval", "deepspeed", "sentencepiece"):
        try:
            importlib.import_module(absent)
        except ImportError:
            sys.modules[absent] = unittest.mock.MagicMock()


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(SOURCES, path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def with_sources():
    stand_in()

    def mae():
        sys.path.insert(0, os.path.join(SOURCES, "mae"))
        import timm.models.vision_transformer as vit
        plain = vit.Block
        vit.Block = lambda *a, qk_scale=None, **k: plain(*a, **k)  # an argument that today's timm no longer has
        try:
            module = load("mae/models_mae.py", "models_mae")
            write("mae_pretraining", "facebookresearch/mae models_mae.py, MaskedAutoencoderViT", module.MaskedAutoencoderViT(
                img_size=32, patch_size=16, embed_dim=32, depth=1, num_heads=2, decoder_embed_dim=16, decoder_depth=1, decoder_num_heads=2))
        finally:
            vit.Block = plain
        module = load("mae/models_vit.py", "models_vit")
        write("mae_finetuned", "facebookresearch/mae models_vit.py, VisionTransformer with mean pooling", module.VisionTransformer(
            global_pool=True, img_size=32, patch_size=16, embed_dim=32, depth=1, num_heads=2, num_classes=3, norm_layer=torch.nn.LayerNorm))

    def deit():
        module = load("deit/models_v2.py", "models_v2")
        write("deit3", "facebookresearch/deit models_v2.py, vit_models with Layer_scale_init_Block (DeiT III)", module.vit_models(
            img_size=32, patch_size=16, embed_dim=32, depth=1, num_heads=2, num_classes=3, qkv_bias=True,
            block_layers=module.Layer_scale_init_Block))
        module = load("deit/cait_models.py", "cait_models")
        write("cait", "facebookresearch/deit cait_models.py, cait_models", module.cait_models(
            img_size=32, patch_size=16, embed_dim=32, depth=1, num_heads=2, num_classes=3, block_layers=module.LayerScale_Block,
            block_layers_token=module.LayerScale_Block_CA, Patch_layer=module.PatchEmbed, Attention_block=module.Attention_talking_head))

    def dinov2():
        sys.path.insert(0, os.path.join(SOURCES, "dinov2"))
        from dinov2.models.vision_transformer import DinoVisionTransformer
        write("dinov2", "facebookresearch/dinov2, DinoVisionTransformer, one list of blocks", DinoVisionTransformer(
            img_size=28, patch_size=14, embed_dim=32, depth=1, num_heads=2, init_values=1.0, block_chunks=0))
        write("dinov2_chunks", "facebookresearch/dinov2, DinoVisionTransformer with registers, SwiGLU, blocks in chunks", DinoVisionTransformer(
            img_size=28, patch_size=14, embed_dim=32, depth=2, num_heads=2, init_values=1.0, block_chunks=2, num_register_tokens=4, ffn_layer="swiglu"))

    def vqkd():
        sys.path.insert(0, os.path.join(SOURCES, "unilm", "beit2"))
        import modeling_vqkd
        options = dict(img_size=32, patch_size=16, in_chans=3, num_classes=0, embed_dim=32, depth=1, num_heads=2, mlp_ratio=4., qkv_bias=True, qk_scale=None,
                       drop_rate=0., attn_drop_rate=0., drop_path_rate=0., norm_layer=torch.nn.LayerNorm, init_values=0., use_abs_pos_emb=True,
                       use_rel_pos_bias=False, use_shared_rel_pos_bias=False, use_mean_pooling=True, init_scale=0.001)
        decoder = dict(options, img_size=2, patch_size=1, in_chans=8)
        write("../tokenizers/vqkd", "microsoft/unilm beit2/modeling_vqkd.py, VQKD", modeling_vqkd.VQKD(options, decoder, n_embed=16, embed_dim=8, teacher_model_type="None", decoder_out_dim=16))

    def beit3():
        sys.path.insert(0, os.path.join(SOURCES, "unilm", "beit3"))
        import modeling_finetune
        from torchscale.architecture.config import EncoderConfig
        args = EncoderConfig(img_size=32, patch_size=16, vocab_size=50, multiway=True, layernorm_embedding=False, normalize_output=True, no_output_layer=True,
                             encoder_embed_dim=32, encoder_attention_heads=2, encoder_ffn_embed_dim=64, encoder_layers=1, max_source_positions=20)
        args.normalize_output = False
        write("beit3_classification", "microsoft/unilm beit3/modeling_finetune.py, BEiT3ForImageClassification", modeling_finetune.BEiT3ForImageClassification(args, 3))
        write("beit3_retrieval", "microsoft/unilm beit3/modeling_finetune.py, BEiT3ForRetrieval", modeling_finetune.BEiT3ForRetrieval(args))

    def eva():
        sys.modules["xformers"] = sys.modules["xformers.ops"] = unittest.mock.MagicMock()
        sys.path.insert(0, os.path.join(SOURCES, "EVA", "EVA-02", "asuka"))
        module = load("EVA/EVA-02/asuka/modeling_finetune.py", "eva02_finetune")
        module.FusedLayerNorm = torch.nn.LayerNorm
        write("eva02", "baaivision/EVA EVA-02/asuka/modeling_finetune.py, VisionTransformer", module.VisionTransformer(
            img_size=28, patch_size=14, embed_dim=32, depth=1, num_heads=2, num_classes=3, qkv_bias=True, norm_layer=torch.nn.LayerNorm, subln=True,
            naiveswiglu=True, rope=True))

    def dvae():
        """OpenAI's classes with 16 hidden channels and 32 codes, as they are pickled: whole modules"""
        class Anything(torch.nn.Module):
            pass

        for name in ("dall_e", "dall_e.encoder", "dall_e.decoder", "dall_e.utils"):
            sys.modules[name] = types.ModuleType(name)
            for kind in ("Encoder", "EncoderBlock", "Decoder", "DecoderBlock", "Conv2d"):
                setattr(sys.modules[name], kind, Anything)
        for part in ("encoder", "decoder"):
            model = torch.load(os.path.join(SOURCES, "tokenizer", "digits_dvae.%s.pkl" % part), weights_only=False)
            write("../tokenizers/dvae_" + part, "openai/DALL-E dall_e/%s.py, 16 hidden channels, 32 codes" % part, model)

    for make in (mae, deit, dinov2, vqkd, beit3, eva, dvae):
        try:
            make()
        except Exception as e:
            print(make.__name__, repr(e)[:400])
        for name in ("modeling_finetune", "models_vit", "util", "utils"):
            sys.modules.pop(name, None)


if __name__ == "__main__":
    torch.manual_seed(0)
    with_timm()
    with_transformers()
    with_others()
    with_sources()
