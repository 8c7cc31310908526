package arch

// Pooling says which tokens the head sees.
type Pooling string

const (
	// MeanPooling averages the patch tokens and normalises the mean with fc_norm.
	MeanPooling Pooling = "mean"
	// ClassToken normalises all tokens with norm and takes token 0.
	ClassToken Pooling = "class_token"
	// AllTokens normalises all tokens with norm and keeps the patch tokens, for masked image modelling.
	AllTokens Pooling = "all_tokens"
	// PatchTokens normalises all patch tokens with fc_norm: the encoder and the decoder of VQ-KD.
	PatchTokens Pooling = "patch_tokens"
	// NoPooling means features: all tokens as the last block leaves them, the class token too. Such a model has neither a final norm nor a head.
	NoPooling Pooling = "none"
)

// Bias says which blocks have a relative position bias table of their own.
type Bias string

const (
	// NoBias means that the model has none.
	NoBias Bias = "none"
	// BlockBias means that each block has its own table (fine-tuned models).
	BlockBias Bias = "block"
	// SharedBias means that all blocks share one table (masked image modelling).
	SharedBias Bias = "shared"
)

// Kind says what a model is beside a BEiT.
type Kind string

const (
	// Transformer is a BEiT: one stack of transformer blocks, which classifies images, recovers masked patches, or has no head.
	Transformer Kind = ""
	// VQKD is the tokenizer of BEiT v2: a transformer, a codebook, and a second transformer that predicts features of a teacher.
	VQKD Kind = "vqkd"
	// DVAEEncoder is the tokenizer of BEiT, a half of OpenAI's discrete variational autoencoder: convolutions alone.
	DVAEEncoder Kind = "dvae_encoder"
	// DVAEDecoder is the other half, which makes pictures of visual tokens.
	DVAEDecoder Kind = "dvae_decoder"
	// UPerNet is a BEiT with necks and decode heads, which says of each pixel what it shows.
	UPerNet Kind = "upernet"
)

const (
	// Epsilon is the LayerNorm epsilon of PASSL, unilm and timm (beit_base_patch16_224 in microsoft/unilm beit/modeling_finetune.py).
	Epsilon = 1e-6
	// EpsilonHF is that of Hugging Face transformers (BeitConfig.layer_norm_eps).
	EpsilonHF = 1e-12
)

// Config fixes every parameter's name and shape, and the forward pass. The zero value is not valid; see ByName and Infer.
type Config struct {
	// Name is one of Names, such as "beit_base_p16_224", or empty for an architecture without a name.
	Name string `json:"name,omitempty" yaml:"name,omitempty"`
	// Kind says which of the other fields count. Of a dVAE these are the sizes of the image, PatchSize (the side of what a visual token stands for), Channels,
	// EmbedDim (the width of the group with the most pixels), Depth (the blocks of all groups), Classes (its visual tokens) and InitDim; a picture of any size will
	// do, so that of the image is the usual one. The fields of a transformer describe the encoder of VQ-KD.
	Kind Kind `json:"kind,omitempty" yaml:"kind,omitempty"`
	// ImageHeight, ImageWidth and PatchSize, the side of a square patch, are in pixels.
	ImageHeight int `json:"image_height" yaml:"image_height"`
	ImageWidth  int `json:"image_width" yaml:"image_width"`
	PatchSize   int `json:"patch_size" yaml:"patch_size"`
	// Channels is the number of channels of an image: 3 for RGB. A document that leaves it out means 3, and 3 is left out of documents.
	Channels int `json:"channels,omitempty" yaml:"channels,omitempty"`
	// EmbedDim is C, the width of a token; HiddenDim is the width inside the MLP, 4C in most released models.
	EmbedDim  int `json:"embed_dim" yaml:"embed_dim"`
	HiddenDim int `json:"hidden_dim" yaml:"hidden_dim,omitempty"`
	Depth     int `json:"depth" yaml:"depth"`
	Heads     int `json:"heads" yaml:"heads,omitempty"`
	// Classes is the number of logits of an image, or of outputs for a patch if Pooling is AllTokens, or of each pixel of UPerNet; 0 means that the model has no head.
	Classes int     `json:"classes" yaml:"classes"`
	Pooling Pooling `json:"pooling" yaml:"pooling,omitempty"`
	Bias    Bias    `json:"relative_position_bias" yaml:"relative_position_bias,omitempty"`
	// AbsolutePosition says that pos_embed is added to the tokens.
	AbsolutePosition bool `json:"absolute_position" yaml:"absolute_position"`
	// LayerScale says that the attention branch is multiplied by gamma_1, and the MLP branch by gamma_2.
	LayerScale bool `json:"layer_scale" yaml:"layer_scale"`
	// MaskToken says that masked patches are replaced by mask_token.
	MaskToken bool `json:"mask_token" yaml:"mask_token"`
	// Regression says that lm_head predicts features of a teacher, EmbedDim of them, and not visual tokens: data2vec.
	Regression bool `json:"regression,omitempty" yaml:"regression,omitempty"`
	// ClassBlocks is the number of blocks cls_pt_layers.{i}, which pre-training of BEiT v2 trains the class token with. The forward pass does not use them.
	ClassBlocks int `json:"class_blocks,omitempty" yaml:"class_blocks,omitempty"`
	// ClassHead says that behind these blocks stand a norm and a head of their own, cls_pt_norm and cls_pt_lm_head, and not norm and lm_head again.
	ClassHead bool `json:"class_head,omitempty" yaml:"class_head,omitempty"`
	// InitDim is the width of the first convolution of the dVAE's decoder.
	InitDim int `json:"init_dim,omitempty" yaml:"init_dim,omitempty"`
	// Codebook is what VQ-KD has beside its encoder.
	Codebook Codebook `json:"codebook,omitzero" yaml:"codebook,omitempty"`
	// Segmentation is what UPerNet has beside its BEiT.
	Segmentation Segmentation `json:"segmentation,omitzero" yaml:"segmentation,omitempty"`
	// Epsilon is that of every LayerNorm. Most checkpoints do not hold it: it is a constant of the program that trained the model.
	Epsilon float64 `json:"epsilon" yaml:"epsilon,omitempty"`
}

// Window returns the number of patches down and across.
func (c Config) Window() (height, width int) {
	return c.ImageHeight / c.PatchSize, c.ImageWidth / c.PatchSize
}

// Patches returns the number of patch tokens of an image.
func (c Config) Patches() int {
	height, width := c.Window()
	return height * width
}

// Tokens returns the number of tokens of an image: Patches and the class token.
func (c Config) Tokens() int { return c.Patches() + 1 }

// Masked reports whether the model is one of masked image modelling: its head, lm_head, predicts something for each patch.
func (c Config) Masked() bool { return c.Pooling == AllTokens }

// Classifies reports whether the logits of a model are those of classes: it is no tokenizer, and has a head, which does not predict something for each patch.
func (c Config) Classifies() bool { return c.Kind == Transformer && c.Classes > 0 && !c.Masked() }

// HeadDim returns the width of one attention head, or 0 if the model has no attention.
func (c Config) HeadDim() int {
	if c.Heads == 0 {
		return 0
	}
	return c.EmbedDim / c.Heads
}

// BiasRows returns the number of rows of a relative position bias table: one for each offset between two patches, and three for the class token.
func (c Config) BiasRows() int {
	height, width := c.Window()
	return (2*height-1)*(2*width-1) + 3
}
