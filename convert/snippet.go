package convert

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// Snippet returns the lines of Python with which the program whose names a checkpoint has builds the very model and loads the checkpoint. It is empty for
// schemes of programs whose code beitzoo does not know. The last line leaves the model, ready for inference, in the variable model.
//
// Sources of the arguments: huggingface/pytorch-image-models timm/models/beit.py, microsoft/unilm beit/modeling_finetune.py and modeling_pretrain.py,
// PaddlePaddle/PASSL passl_v110/modeling/backbones/beit.py and architectures/BEiTWrapper.py, huggingface/transformers models/beit.
func Snippet(saved *Saved, config arch.Config) string {
	s := snippet{saved: saved, config: config}
	if config.Kind != arch.Transformer {
		if saved.Scheme == naming.FLAVA && saved.Folder != "" {
			s.add("from transformers import FlavaImageCodebook")
			s.add("model = FlavaImageCodebook.from_pretrained(%s).eval()", s.path())
		}
		if class := saved.segmentationClass; class != "" {
			s.add("from transformers import %s", class)
			s.add("model = %s.from_pretrained(%s).eval()", class, s.path())
		}
		return strings.Join(s.lines, "\n")
	}
	switch saved.Scheme {
	case naming.Timm, naming.Canonical:
		s.timm()
	case naming.Unilm:
		s.unilm()
	case naming.PASSL:
		s.passl()
	case naming.HF:
		s.transformers(configs.BEiT)
	case naming.Data2Vec:
		s.transformers(configs.Data2Vec)
	}
	return strings.Join(s.lines, "\n")
}

// snippet is Python in the making.
type snippet struct {
	saved  *Saved
	config arch.Config
	lines  []string
}

func (s *snippet) add(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// path returns the path of the weights, or of the folder around them, as Python spells it.
func (s *snippet) path() string {
	if s.saved.Folder != "" {
		return strconv.QuoteToASCII(s.saved.Folder)
	}
	return strconv.QuoteToASCII(s.saved.Path)
}

// arguments are the keyword arguments that timm, unilm and PASSL share, as each of them is a copy of the same class.
func (s *snippet) arguments() string {
	c := s.config
	image := strconv.Itoa(c.ImageHeight)
	if c.ImageHeight != c.ImageWidth {
		image = fmt.Sprintf("(%d, %d)", c.ImageHeight, c.ImageWidth)
	}
	if c.Channels != arch.RGB {
		image += fmt.Sprintf(", in_chans=%d", c.Channels)
	}
	scale := "None"
	if c.LayerScale {
		scale = "0.1"
	}
	return fmt.Sprintf("img_size=%s, patch_size=%d, embed_dim=%d, depth=%d, num_heads=%d, mlp_ratio=%s,\n    "+
		"init_values=%s, use_abs_pos_emb=%s, use_rel_pos_bias=%s, use_shared_rel_pos_bias=%s",
		image, c.PatchSize, c.EmbedDim, c.Depth, c.Heads, strconv.FormatFloat(configs.MLPRatio(c.EmbedDim, c.HiddenDim), 'g', -1, 64),
		scale, pythonBool(c.AbsolutePosition), pythonBool(c.Bias == arch.BlockBias), pythonBool(c.Bias == arch.SharedBias))
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// torchState is the expression that reads the state dict of a file for PyTorch; it adds the import that it needs.
func (s *snippet) torchState() string {
	if s.saved.Format == "safetensors" {
		s.add("from safetensors.torch import load_file")
		return fmt.Sprintf("load_file(%s)", s.path())
	}
	key := ""
	if s.saved.Wrapper != "" {
		key = fmt.Sprintf("[%q]", s.saved.Wrapper)
	}
	return fmt.Sprintf("torch.load(%s, weights_only=True)%s", s.path(), key)
}

func (s *snippet) timm() {
	if s.config.Masked() {
		return
	}
	norm := ""
	if s.saved.Folder != "" {
		s.add("import timm")
		if s.config.Epsilon != arch.Epsilon {
			s.add("from functools import partial\nfrom torch.nn import LayerNorm")
			norm = fmt.Sprintf(", norm_layer=partial(LayerNorm, eps=%g)", s.config.Epsilon)
		}
		s.add("model = timm.create_model(%s, pretrained=True%s).eval()", strconv.QuoteToASCII("local-dir:"+s.saved.Folder), norm)
		return
	}
	s.add("from functools import partial\nimport torch\nfrom timm.models.beit import Beit")
	state := s.torchState()
	pool := map[arch.Pooling]string{arch.MeanPooling: "avg", arch.ClassToken: "token", arch.NoPooling: "avg"}[s.config.Pooling]
	s.add("model = Beit(\n    %s,\n    num_classes=%d, global_pool=%q, norm_layer=partial(torch.nn.LayerNorm, eps=%g))", s.arguments(), s.config.Classes, pool, s.config.Epsilon)
	s.withoutNorm()
	s.add("model.load_state_dict(%s)\nmodel.eval()", state)
}

// withoutNorm leaves the last norm out of a model of timm or unilm.
func (s *snippet) withoutNorm() {
	if s.config.Pooling == arch.NoPooling {
		s.add("model.fc_norm = torch.nn.Identity()  # the checkpoint has no last norm")
	}
}

func (s *snippet) unilm() {
	folder, class, branch := "beit", "VisionTransformerForMaskedImageModeling", ""
	if s.config.ClassBlocks > 0 {
		folder, class = "beit2", class+"CLS"
		branch = fmt.Sprintf(", head_layers=%d, shared_lm_head=%s", s.config.ClassBlocks, pythonBool(!s.config.ClassHead))
	}
	s.add("import sys\nsys.path.insert(0, \"unilm/%s\")  # github.com/microsoft/unilm\nfrom functools import partial\nimport torch", folder)
	norm := fmt.Sprintf("norm_layer=partial(torch.nn.LayerNorm, eps=%g)", s.config.Epsilon)
	if s.config.Masked() {
		s.add("from modeling_pretrain import %s", class)
		state := s.torchState()
		s.add("model = %s(\n    %s,\n    vocab_size=%d, qkv_bias=True, %s%s)", class, s.arguments(), s.config.Classes, norm, branch)
		if s.config.Classes == 0 {
			s.add("model.lm_head = torch.nn.Identity()  # the checkpoint has no head")
		}
		s.add("model.load_state_dict(%s)\nmodel.eval()", state)
		return
	}
	s.add("from modeling_finetune import VisionTransformer")
	state := s.torchState()
	s.add("model = VisionTransformer(\n    %s,\n    num_classes=%d, use_mean_pooling=%s, qkv_bias=True, %s)",
		s.arguments(), s.config.Classes, pythonBool(s.config.Pooling != arch.ClassToken), norm)
	s.withoutNorm()
	s.add("model.load_state_dict(%s)\nmodel.eval()", state)
}

func (s *snippet) passl() {
	// PASSL's class takes one number for the size of images, and with a table for all blocks it can't run: it indexes with floats.
	cannot := s.config.ImageHeight != s.config.ImageWidth || s.config.Bias == arch.SharedBias || s.config.Pooling == arch.NoPooling
	if s.saved.Format != "paddle" || s.config.Masked() || cannot || s.saved.Wrapper != "" && s.saved.Wrapper != naming.BEiTWrapper {
		return
	}
	s.add("import sys\nsys.path.insert(0, \"PASSL\")  # github.com/PaddlePaddle/PASSL\nfrom functools import partial\nimport paddle\n" +
		"from passl_v110.modeling.backbones.beit import Beit")
	build := fmt.Sprintf("Beit(\n    %s,\n    qkv_bias=True, use_mean_pooling=%s, norm_layer=partial(paddle.nn.LayerNorm, epsilon=%g))",
		s.arguments(), pythonBool(s.config.Pooling == arch.MeanPooling), s.config.Epsilon)
	if s.config.Classes == 0 {
		s.add("model = paddle.nn.LayerDict({\"backbone\": %s})", build)
	} else {
		s.add("from passl_v110.modeling.heads.beit_head import BEiTClsHead")
		s.add("model = paddle.nn.Sequential((\"backbone\", %s),\n    (\"head\", BEiTClsHead(%d, %d)))", build, s.config.EmbedDim, s.config.Classes)
	}
	s.add("own = model.state_dict()  # Paddle does not cast when it loads\n"+
		"model.set_state_dict({name: value.astype(own[name].dtype) for name, value in paddle.load(%s).items()})\nmodel.eval()", s.path())
}

func (s *snippet) transformers(model configs.Type) {
	class := configs.TransformersClass(s.config, model)
	pooler := ""
	if model == configs.Data2Vec && s.config.Classes == 0 && s.config.Pooling == arch.MeanPooling {
		pooler = ", add_pooling_layer=True" // which this class does not do unasked
	}
	if s.saved.Folder != "" {
		s.add("from transformers import %s", class)
		s.add("model = %s.from_pretrained(%s%s).eval()", class, s.path(), pooler)
		return
	}
	c := s.config
	config := strings.TrimSuffix(configs.TransformersClass(arch.Config{}, model), "Model") + "Config"
	s.add("import torch\nfrom transformers import %s, %s", config, class)
	state := s.torchState()
	scale := "0.0"
	if c.LayerScale {
		scale = "0.1"
	}
	image := strconv.Itoa(c.ImageHeight)
	if c.ImageHeight != c.ImageWidth {
		image = fmt.Sprintf("[%d, %d]", c.ImageHeight, c.ImageWidth)
	}
	if c.Channels != arch.RGB {
		image += fmt.Sprintf(", num_channels=%d", c.Channels)
	}
	head := fmt.Sprintf("num_labels=%d", c.Classes)
	if c.Masked() {
		head = fmt.Sprintf("vocab_size=%d", c.Classes)
	}
	s.add("config = %s(\n    image_size=%s, patch_size=%d, hidden_size=%d, intermediate_size=%d, num_hidden_layers=%d, num_attention_heads=%d,\n    "+
		"layer_norm_eps=%g, layer_scale_init_value=%s, use_absolute_position_embeddings=%s, use_relative_position_bias=%s,\n    "+
		"use_shared_relative_position_bias=%s, use_mask_token=%s, use_mean_pooling=%s, %s)",
		config, image, c.PatchSize, c.EmbedDim, c.HiddenDim, c.Depth, c.Heads, c.Epsilon, scale, pythonBool(c.AbsolutePosition), pythonBool(c.Bias == arch.BlockBias),
		pythonBool(c.Bias == arch.SharedBias), pythonBool(c.MaskToken), pythonBool(c.Pooling == arch.MeanPooling || c.Pooling == arch.NoPooling || c.Masked() && c.Classes > 0), head)
	s.add("model = %s.from_pretrained(None, config=config, state_dict=%s%s).eval()  # renames what version 5 calls otherwise", class, state, pooler)
}
