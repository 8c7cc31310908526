package naming

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// The names of schemes that other packages have a reason to name. Whoever wants all of them asks [Names].
const (
	Canonical = "canonical"
	PASSL     = "passl"
	Unilm     = "unilm"
	Timm      = "timm"
	HF        = "hf"
	Data2Vec  = "data2vec"
	OpenAI    = "openai"
	FLAVA     = "flava"
	OpenMMLab = "openmmlab"
	PaddleViT = "paddlevit"
	PaddleSeg = "paddleseg"
)

// Wrappers of PASSL, for WriteOptions.Wrapper: the class around the backbone decides what the head is called.
const (
	BEiTWrapper   = "BEiTWrapper"   // head.fc_cls
	BEiTFTWrapper = "BEiTFTWrapper" // head.head
	BEiTPTWrapper = "BEiTPTWrapper" // masked image modelling, no head
)

// Scheme is a naming scheme: all that is known about it, once. To add a scheme, add a record to the list at the end of this file; whatever lists schemes,
// or decides something by the scheme, asks the record.
type Scheme struct {
	// Name is the word for it in options and reports.
	Name string
	// Program is the program that uses these names, as it is called in sentences; empty if only beitzoo does.
	Program string
	// Format is the name of the file format that the program writes, and Key that of the entry under which it puts the state dict, or empty.
	Format, Key string
	// UPerNetKey is that entry for segmentation models, if it is another one.
	UPerNetKey string
	// Recipe is the name of the recipe (see card.RecipeFor) by which images are prepared for most weights with these names.
	Recipe string
	// Epsilon is that of every LayerNorm in the program, unless a file beside the weights states another.
	Epsilon float64
	// Folder: the program loads a folder with a config.json beside the weights.
	Folder bool
	// Wrappers are the program's classes around the backbone, the usual ones first, if these decide what the head is called.
	Wrappers []Wrapper
	// ModelType is the model_type that transformers gives such models in config.json; empty if the program is another.
	ModelType string
	// RegressionNote says why the program has no place for a regression head, or is empty if it has one.
	RegressionNote string
	// MaskedNote says what is doubtful about a masked-image-modelling model in this scheme, or is empty.
	MaskedNote string
	// TableNote says what the program makes of bias tables if the window is not square, and PositionNote what of position embeddings; both are empty if it does
	// what beitzoo does.
	TableNote, PositionNote string

	// EpsilonNote says what is odd about the epsilons of the program, or is empty.
	EpsilonNote string

	rows []row
	// transposed: weights of linear layers are stored as [in, out].
	transposed bool
	// prefix is stripped from any name that has it, when reading. bare: it is left out when a model without a head is written.
	prefix string
	bare   bool
	// blockIndex and sharedIndex are the buffers that hold the relative position index; the first of each is written if writesIndex.
	blockIndex, sharedIndex []string
	writesIndex             bool
	// zeroPosition: the program has position embeddings in every model, which are zero in those that have none.
	zeroPosition bool
	// ignored are names that may be there without belonging to the model, as --drop takes them.
	ignored []reason
	// file is the map file that the scheme was read from, or empty; statesEpsilon says that it states one.
	file          string
	statesEpsilon bool
	// doubts is how many rows of a drafted map nobody has looked at.
	doubts int
	// heads is the number of attention heads that operations of a map state, in the line headsLine; 0 if none does.
	heads, headsLine int

	once     sync.Once
	compiled [families]*table
}

// Wrapper is a class around the backbone, for models of one kind. Masked ones are for masked image modelling, others without a kind for classifiers.
type Wrapper struct {
	Name   string
	Masked bool
	Kind   arch.Kind
}

// Fits reports whether the class is for such models.
func (w Wrapper) Fits(config arch.Config) bool {
	return w.Kind == config.Kind && w.Masked == config.Masked()
}

// KeyFor returns the entry under which the program puts the state dict of such a model, or an empty text.
func (s *Scheme) KeyFor(config arch.Config) string {
	if s.UPerNetKey != "" && config.Segments() {
		return s.UPerNetKey
	}
	return s.Key
}

// WrappersFor returns the names of the program's classes around the backbone for such a model, the usual one first.
func (s *Scheme) WrappersFor(config arch.Config) []string {
	var names []string
	for _, w := range s.Wrappers {
		if w.Fits(config) {
			names = append(names, w.Name)
		}
	}
	return names
}

// row says which foreign parameters make which canonical ones. In patterns {i} stands for the block, and a final .* for weight and bias.
type row struct {
	canonical []string
	foreign   []string
	// operation turns foreign into canonical, both in torch layout. The zero value keeps the only tensor as it is.
	operation transform.Operation
	// readOnly rows are other spellings of what an earlier row writes.
	readOnly bool
	// pooling, where set, limits writing to models of that kind.
	pooling arch.Pooling
	// branch, where set, limits writing to models with or without the branch of the class token.
	branch branchLimit
	// wrapper, where set, limits writing to that wrapper.
	wrapper string
	// kind, where set, limits writing to models of that kind.
	kind arch.Kind
	// by is operation as a map says it, in this line of its file.
	by   []string
	line int
	// laidOut rows of a map say themselves whether weights are transposed, whatever the scheme says.
	laidOut bool
}

// reason says why tensors are treated in a special way whose names begin with prefix, or, where it says so, match it as a pattern.
type reason struct{ prefix, why string }

// backbone are the canonical names of all but the classifier's head, which PASSL, PaddleViT, unilm and timm share.
var backbone = []string{
	"cls_token",
	"mask_token", // masked image modelling only
	"pos_embed",  // beit_base_patch16_224_pt1k_800ep only
	"patch_embed.proj.*",
	"rel_pos_bias.relative_position_bias_table", // one for all blocks: masked image modelling
	"blocks.{i}.norm1.*",
	"blocks.{i}.attn.qkv.weight", // query, key, value in this order
	"blocks.{i}.attn.q_bias",     // there is no bias for the keys
	"blocks.{i}.attn.v_bias",
	"blocks.{i}.attn.relative_position_bias_table", // a matrix, but no linear layer: never transposed
	"blocks.{i}.attn.proj.*",                       // the weight is square
	"blocks.{i}.gamma_1",
	"blocks.{i}.gamma_2",
	"blocks.{i}.norm2.*",
	"blocks.{i}.mlp.fc1.*",
	"blocks.{i}.mlp.fc2.*",
	"fc_norm.*", // mean pooling
	"norm.*",    // class token, or masked image modelling
	"lm_head.*", // masked image modelling
}

// under maps each canonical name to itself behind a prefix.
func under(prefix string, names ...string) []row {
	rows := make([]row, len(names))
	for i, name := range names {
		rows[i] = row{canonical: []string{name}, foreign: []string{prefix + name}}
	}
	return rows
}

// fullBias is a bias for query, key and value in one, as PaddleClas and code derived from vision transformers have it.
func fullBias(name string) row {
	return row{
		canonical: []string{"blocks.{i}.attn.q_bias", "blocks.{i}.attn.v_bias"}, foreign: []string{name},
		operation: transform.DropKeyBias(), readOnly: true,
	}
}

// zeroBias is a key bias that some programs keep as zeros.
func zeroBias(name string) row {
	return row{foreign: []string{name}, operation: transform.DropZero(), readOnly: true}
}

// classBranch are the canonical names of what the pre-training of BEiT v2 trains the class token with.
var classBranch = append(blockNames("cls_pt_layers.{i}."), "cls_pt_norm.*", "cls_pt_lm_head.*")

// blockNames returns the canonical names of a block's parameters.
func blockNames(prefix string) []string {
	var names []string
	for _, name := range backbone {
		if rest, found := strings.CutPrefix(name, "blocks.{i}."); found {
			names = append(names, prefix+rest)
		}
	}
	return names
}

// openmmlabBlock maps the parameters of a block.
func openmmlabBlock(canonical, foreign string) []row {
	rename := strings.NewReplacer("norm1.", "ln1.", "norm2.", "ln2.", "mlp.fc1.", "ffn.layers.0.0.", "mlp.fc2.", "ffn.layers.1.")
	var rows []row
	for _, name := range blockNames("") {
		rows = append(rows, row{canonical: []string{canonical + name}, foreign: []string{foreign + rename.Replace(name)}})
	}
	return rows
}

// transformersRows are the names that transformers' classes of BEiT blocks have in files.
func transformersRows(prefix string) []row {
	layer := prefix + "encoder.layer.{i}."
	return []row{
		{canonical: []string{"cls_token"}, foreign: []string{prefix + "embeddings.cls_token"}},
		{canonical: []string{"mask_token"}, foreign: []string{prefix + "embeddings.mask_token"}},
		{canonical: []string{"pos_embed"}, foreign: []string{prefix + "embeddings.position_embeddings"}},
		{canonical: []string{"patch_embed.proj.*"}, foreign: []string{prefix + "embeddings.patch_embeddings.projection.*"}},
		{canonical: []string{"rel_pos_bias.relative_position_bias_table"}, foreign: []string{prefix + "encoder.relative_position_bias.relative_position_bias_table"}},
		{canonical: []string{"blocks.{i}.norm1.*"}, foreign: []string{layer + "layernorm_before.*"}},
		{canonical: []string{"blocks.{i}.attn.qkv.weight"}, operation: transform.JoinRows(3), foreign: []string{
			layer + "attention.attention.query.weight", layer + "attention.attention.key.weight", layer + "attention.attention.value.weight",
		}},
		{canonical: []string{"blocks.{i}.attn.q_bias"}, foreign: []string{layer + "attention.attention.query.bias"}},
		{canonical: []string{"blocks.{i}.attn.v_bias"}, foreign: []string{layer + "attention.attention.value.bias"}},
		{canonical: []string{"blocks.{i}.attn.relative_position_bias_table"}, foreign: []string{
			layer + "attention.attention.relative_position_bias.relative_position_bias_table",
		}},
		{canonical: []string{"blocks.{i}.attn.proj.*"}, foreign: []string{layer + "attention.output.dense.*"}},
		{canonical: []string{"blocks.{i}.gamma_1"}, foreign: []string{layer + "lambda_1"}},
		{canonical: []string{"blocks.{i}.gamma_2"}, foreign: []string{layer + "lambda_2"}},
		{canonical: []string{"blocks.{i}.norm2.*"}, foreign: []string{layer + "layernorm_after.*"}},
		{canonical: []string{"blocks.{i}.mlp.fc1.*"}, foreign: []string{layer + "intermediate.dense.*"}},
		{canonical: []string{"blocks.{i}.mlp.fc2.*"}, foreign: []string{layer + "output.dense.*"}},
		{canonical: []string{"fc_norm.*"}, foreign: []string{prefix + "pooler.layernorm.*"}},
		{canonical: []string{"head.*"}, foreign: []string{"classifier.*"}},
		zeroBias(layer + "attention.attention.key.bias"),
	}
}

var (
	// plainRows are canonical names as they are, of weights and of what some programs store beside them.
	plainRows = slices.Concat(under("", backbone...), under("", "head.*"), []row{
		fullBias("blocks.{i}.attn.qkv.bias"), zeroBias("blocks.{i}.attn.k_bias"),
	})
	// microsoft/unilm beit2/modeling_pretrain.py has blocks beside those of the model. beit2/modeling_vqkd.py is VQ-KD, beit/dall_e OpenAI's dVAE.
	unilmRows = slices.Concat(plainRows, under("", classBranch...), unilmVQKD, openaiRows, segmenter(under("backbone.", upernetBackbone...)...),
		segmenter(upernetRows(unilmUPerNet)...))
	canonicalRows = slices.Concat(plainRows, under("", classBranch...), unilmVQKD, dvaeRows(mostGroups, "w", "b", strings.NewReplacer(), ""),
		segmenter(under("", upernetBackbone...)...), segmenter(upernetRows(strings.NewReplacer())...))
	// openai/DALL-E dall_e/encoder.py, decoder.py and utils.py.
	openaiRows = dvaeRows(usualGroups, "w", "b", strings.NewReplacer(), "")
	// PaddlePaddle/PASSL passl_v110/modeling/heads/beit_head.py, backbones/beit_ft.py and backbones/discrete_vae.py.
	passlRows = slices.Concat(under("backbone.", backbone...), []row{
		{canonical: []string{"head.*"}, foreign: []string{"head.fc_cls.*"}, wrapper: BEiTWrapper},
		{canonical: []string{"head.*"}, foreign: []string{"head.head.*"}, wrapper: BEiTFTWrapper},
		{canonical: []string{"head.*"}, foreign: []string{"head.*"}, readOnly: true},
	}, dvaeRows(usualGroups, "weight", "bias", strings.NewReplacer(), ""))
	// hfMemory are the names that version 5 has in memory.
	hfMemory = []row{
		{canonical: []string{"rel_pos_bias.relative_position_bias_table"}, foreign: []string{"beit.shared_position_bias.relative_position_bias_table"}, readOnly: true},
		{canonical: []string{"blocks.{i}.norm1.*"}, foreign: []string{"beit.layers.{i}.layernorm_before.*"}, readOnly: true},
		{canonical: []string{"blocks.{i}.attn.qkv.weight"}, operation: transform.JoinRows(3), readOnly: true, foreign: []string{
			"beit.layers.{i}.attention.q_proj.weight", "beit.layers.{i}.attention.k_proj.weight", "beit.layers.{i}.attention.v_proj.weight",
		}},
		{canonical: []string{"blocks.{i}.attn.q_bias"}, foreign: []string{"beit.layers.{i}.attention.q_proj.bias"}, readOnly: true},
		{canonical: []string{"blocks.{i}.attn.v_bias"}, foreign: []string{"beit.layers.{i}.attention.v_proj.bias"}, readOnly: true},
		{canonical: []string{"blocks.{i}.attn.relative_position_bias_table"}, foreign: []string{
			"beit.layers.{i}.relative_position_bias.relative_position_bias_table",
		}, readOnly: true},
		{canonical: []string{"blocks.{i}.attn.proj.*"}, foreign: []string{"beit.layers.{i}.attention.o_proj.*"}, readOnly: true},
		{canonical: []string{"blocks.{i}.gamma_1"}, foreign: []string{"beit.layers.{i}.lambda_1"}, readOnly: true},
		{canonical: []string{"blocks.{i}.gamma_2"}, foreign: []string{"beit.layers.{i}.lambda_2"}, readOnly: true},
		{canonical: []string{"blocks.{i}.norm2.*"}, foreign: []string{"beit.layers.{i}.layernorm_after.*"}, readOnly: true},
		{canonical: []string{"blocks.{i}.mlp.fc1.*"}, foreign: []string{"beit.layers.{i}.mlp.fc1.*"}, readOnly: true},
		{canonical: []string{"blocks.{i}.mlp.fc2.*"}, foreign: []string{"beit.layers.{i}.mlp.fc2.*"}, readOnly: true},
		zeroBias("beit.layers.{i}.attention.k_proj.bias"),
	}
	// huggingface/transformers models/beit: first the names in files, then those that version 5 has in memory.
	hfRows = slices.Concat(transformersRows("beit."), []row{
		{canonical: []string{"norm.*"}, foreign: []string{"layernorm.*"}, pooling: arch.AllTokens}, // BeitForMaskedImageModeling's own
		{canonical: []string{"norm.*"}, foreign: []string{"beit.layernorm.*"}, pooling: arch.ClassToken},
		{canonical: []string{"lm_head.*"}, foreign: []string{"lm_head.*"}},
	}, hfMemory, segmenter(hfUPerNet...))
	// huggingface/transformers models/data2vec/modeling_data2vec_vision.py. There is no class with a head for masked image modelling, and version 5 has no
	// other names in memory.
	data2vecRows = slices.Concat(transformersRows("data2vec_vision."), []row{{canonical: []string{"norm.*"}, foreign: []string{"data2vec_vision.layernorm.*"}}},
		segmenter(data2vecUPerNet...))
	// huggingface/transformers models/flava/modeling_flava.py, FlavaImageCodebook.
	flavaRows = dvaeRows(usualGroups, "weight", "bias", transformersConvolutions, arch.DVAEEncoder)
	// open-mmlab/mmpretrain mmpretrain/models/backbones/beit.py, selfsup/beit.py and cae.py, necks/beitv2_neck.py and heads. mmsegmentation's backbone has the same
	// names.
	openmmlabBackbone = slices.Concat(under("backbone.", "cls_token", "mask_token", "pos_embed", "rel_pos_bias.relative_position_bias_table"), []row{
		{canonical: []string{"patch_embed.proj.*"}, foreign: []string{"backbone.patch_embed.projection.*"}},
	}, openmmlabBlock("blocks.{i}.", "backbone.layers.{i}."))
	openmmlabRows = slices.Concat(openmmlabBackbone, []row{
		fullBias("backbone.layers.{i}.attn.qkv.bias"),
		{canonical: []string{"fc_norm.*"}, foreign: []string{"backbone.ln2.*"}},
		{canonical: []string{"norm.*"}, foreign: []string{"neck.norm.*"}, branch: withBranch},
		{canonical: []string{"norm.*"}, foreign: []string{"backbone.ln1.*"}, branch: withoutBranch},
		{canonical: []string{"lm_head.*"}, foreign: []string{"head.cls_head.*"}},
		{canonical: []string{"head.*"}, foreign: []string{"head.fc.*"}},
	}, openmmlabBlock("cls_pt_layers.{i}.", "neck.patch_aggregation.{i}."), openmmlabVQKD, dvaeRows(usualGroups, "w", "b", strings.NewReplacer(), arch.DVAEEncoder),
		segmenter(within(openmmlabBackbone, "", "")...), segmenter(upernetRows(openmmlabUPerNet)...))
)

// The relative position index in the canonical scheme.
const (
	blockIndex  = "blocks.{i}.attn.relative_position_index"
	branchIndex = "cls_pt_layers.{i}.attn.relative_position_index"
	sharedIndex = "rel_pos_bias.relative_position_index"
)

// What transformers makes of windows that are not square. Source: huggingface/transformers 4.57 and 5.24 models/beit/modeling_beit.py,
// BeitRelativePositionBias and BeitEmbeddings.interpolate_pos_encoding.
const (
	tableNote = "transformers takes the bias tables of a window that is not square for width x height and interpolates them, " +
		"so it computes other logits than beitzoo, timm and unilm do"
	positionNote = "transformers can't run a model with position embeddings whose window is not square, or interpolates them"
)

// schemes are all there are. Where the tensors of a file fit several, the earlier one is preferred, all else being equal; see settle.
var schemes = []*Scheme{
	{
		Name: Unilm, Program: "unilm", Format: "pytorch", Key: "model", Recipe: "unilm", Epsilon: arch.Epsilon,
		UPerNetKey: "state_dict", // under which mmcv saves and looks for it
		rows:       unilmRows, writesIndex: true, blockIndex: []string{blockIndex, branchIndex, "backbone." + blockIndex}, sharedIndex: []string{sharedIndex, "backbone." + sharedIndex},
	},
	{
		Name: Timm, Program: "timm", Format: "safetensors", Recipe: "timm", Epsilon: arch.Epsilon, Folder: true,
		MaskedNote: "timm has no class for masked image modelling; the names are what it would call them",
		rows:       plainRows, blockIndex: []string{blockIndex}, sharedIndex: []string{sharedIndex},
	},
	{
		Name: Canonical, Format: "safetensors", Recipe: "timm", Epsilon: arch.Epsilon,
		rows: canonicalRows, blockIndex: []string{blockIndex, branchIndex}, sharedIndex: []string{sharedIndex},
	},
	{
		Name: PaddleViT, Program: "PaddleViT", Format: "paddle", Recipe: "paddlevit", Epsilon: arch.Epsilon,
		rows: plainRows, transposed: true, writesIndex: true, blockIndex: []string{blockIndex}, sharedIndex: []string{sharedIndex},
	},
	{
		Name: PASSL, Program: "PASSL", Format: "paddle", Recipe: "passl", Epsilon: arch.Epsilon,
		Wrappers: []Wrapper{{Name: BEiTWrapper}, {Name: BEiTFTWrapper}, {Name: BEiTPTWrapper, Masked: true}},
		rows:     passlRows, transposed: true, prefix: "backbone.", writesIndex: true,
		blockIndex: []string{"backbone." + blockIndex}, sharedIndex: []string{"backbone." + sharedIndex},
		ignored: []reason{{"d_vae.*", "the image tokenizer that pre-training used"}},
	},
	{
		Name: OpenMMLab, Program: "OpenMMLab", Format: "pytorch", Key: "state_dict", Recipe: "openmmlab", Epsilon: arch.Epsilon,
		rows: openmmlabRows, prefix: "backbone.", writesIndex: true,
		blockIndex:  []string{"backbone.layers.{i}.attn.relative_position_index", "neck.patch_aggregation.{i}.attn.relative_position_index"},
		sharedIndex: []string{"backbone.rel_pos_bias.relative_position_index"},
		ignored:     []reason{{"target_generator.*", "the image tokenizer that pre-training used"}},
	},
	{
		Name: HF, Program: "Hugging Face", Format: "safetensors", Recipe: "hf", Epsilon: arch.EpsilonHF, Folder: true, ModelType: "beit",
		RegressionNote: "BeitForMaskedImageModeling predicts visual tokens, and no class of transformers predicts features of a teacher",
		TableNote:      tableNote, PositionNote: positionNote, rows: hfRows, prefix: "beit.", bare: true,
		blockIndex: []string{
			"beit.encoder.layer.{i}.attention.attention.relative_position_bias.relative_position_index",
			"beit.layers.{i}.relative_position_bias.relative_position_index",
			"backbone.encoder.layer.{i}.attention.attention.relative_position_bias.relative_position_index",
			"backbone.beit.layers.{i}.relative_position_bias.relative_position_index",
		},
		sharedIndex: []string{
			"beit.encoder.relative_position_bias.relative_position_index", "beit.shared_position_bias.relative_position_index",
			"backbone.encoder.relative_position_bias.relative_position_index", "backbone.beit.shared_position_bias.relative_position_index",
		},
		Wrappers: []Wrapper{{Name: UPerNetWrapper, Kind: arch.UPerNet}, {Name: BeitWrapper, Kind: arch.UPerNet}},
	},
	{
		Name: Data2Vec, Program: "Hugging Face", Format: "safetensors", Recipe: "hf-data2vec", Epsilon: arch.EpsilonHF, Folder: true, ModelType: "data2vec-vision",
		TableNote: tableNote, PositionNote: positionNote, rows: data2vecRows, prefix: "data2vec_vision.", bare: true,
		blockIndex:  []string{"data2vec_vision.encoder.layer.{i}.attention.attention.relative_position_bias.relative_position_index"},
		sharedIndex: []string{"data2vec_vision.encoder.relative_position_bias.relative_position_index"},
	},
	{
		Name: PaddleSeg, Program: "PaddleSeg", Format: "paddle", Recipe: "unilm", Epsilon: arch.Epsilon, rows: paddleSegRows, transposed: true,
		writesIndex: true, blockIndex: []string{"backbone." + blockIndex}, sharedIndex: []string{"backbone." + sharedIndex}, zeroPosition: true,
		EpsilonNote: "PaddleSeg's CAE has the epsilon 1e-6 in the first norm of a block, and in the second one whatever its configuration says, 1e-5 in the published one: " +
			"beitzoo computes both with one epsilon",
	},
	{Name: OpenAI, Program: "OpenAI's DALL-E", Format: "pytorch", Recipe: "dvae", Epsilon: arch.Epsilon, rows: openaiRows},
	{
		Name: FLAVA, Program: "Hugging Face", Format: "safetensors", Recipe: "dvae", Epsilon: arch.Epsilon, Folder: true, ModelType: "flava_image_codebook",
		rows: flavaRows,
	},
}

// Names returns the names of all schemes, sorted.
func Names() []string {
	names := make([]string, len(schemes))
	for i, s := range schemes {
		names[i] = s.Name
	}
	slices.Sort(names)
	return names
}

// NamesFor returns the names of the schemes that have names for models of a kind, sorted.
func NamesFor(kind arch.Kind) []string {
	return slices.DeleteFunc(Names(), func(name string) bool {
		s, err := ByName(name)
		return err != nil || !slices.ContainsFunc(s.rows, func(r row) bool { return r.family() == familyOf(kind) && (r.kind == "" || r.kind == kind) })
	})
}

// ByName returns the scheme of that name, or an *[UnknownSchemeError].
func ByName(name string) (*Scheme, error) {
	at := slices.IndexFunc(schemes, func(s *Scheme) bool { return s.Name == name })
	if at < 0 {
		return nil, &UnknownSchemeError{Name: name, Nearest: cmp.Or(schemesOf[strings.ToLower(name)], suggest.Nearest(name, Names()))}
	}
	return schemes[at], nil
}

// schemesOf has, for names of frameworks, file formats and libraries, the scheme that their users want, or several in a phrase.
var schemesOf = map[string]string{
	"mmpretrain": "openmmlab", "mmcls": "openmmlab", "mmselfsup": "openmmlab", "mmsegmentation": "openmmlab", "mmseg": "openmmlab", "mmengine": "openmmlab",
	"data2vec-vision": "data2vec", "data2vec_vision": "data2vec", "fairseq": "unilm",
	"huggingface": "hf", "hugging-face": "hf", "hugging_face": "hf", "transformers": "hf",
	"pytorch": "timm or unilm", "torch": "timm or unilm", "pth": "timm or unilm", "pt": "timm or unilm", "pytorch-image-models": "timm",
	"paddle": "passl", "paddlepaddle": "passl", "pdparams": "passl", "plsc": "passl",
	"dall-e": "openai", "dalle": "openai", "dall_e": "openai", "flava_image_codebook": "flava", "flava-image-codebook": "flava",
	"beit": "unilm", "microsoft": "unilm", "deepspeed": "unilm", "safetensors": "canonical", "beitzoo": "canonical",
}

// NotSquareNote says what the program computes otherwise than beitzoo because the window of an architecture is not square, or is empty.
func (s *Scheme) NotSquareNote(config arch.Config) string {
	switch height, width := config.Window(); {
	case height == width:
		return ""
	case config.AbsolutePosition && s.PositionNote != "":
		return s.PositionNote
	case config.Bias != arch.NoBias:
		return s.TableNote
	}
	return ""
}

// RecipeName returns the Recipe of a scheme, or "" if there is no scheme of that name.
func RecipeName(scheme string) string {
	found, err := ByName(scheme)
	if err != nil {
		return ""
	}
	return found.Recipe
}

// programs returns whose checkpoints can be read, for messages.
func programs() string {
	var names []string
	for _, s := range schemes {
		if s.Program != "" && s.table(beitFamily) != nil && !slices.Contains(names, s.Program) {
			names = append(names, s.Program)
		}
	}
	return text.Or(names)
}
