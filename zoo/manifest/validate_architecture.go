package manifest

import (
	"errors"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/internal/text"
)

func (c *checker) identity() {
	m := c.manifest
	if m.Format != Format {
		c.report("format", "is %q, this program reads %q", text.Shorten(m.Format, 40), Format)
	}
	c.check("id", CheckName(m.ID))
	c.check("version", CheckVersion(m.Version))
}

// maxStateDict is more bytes than the key of a state dict has.
const maxStateDict = 200

func (c *checker) stateDict() {
	key := c.manifest.StateDict
	if len(key) > maxStateDict || text.Line(key) != key {
		c.report("state_dict", "%s is not the key of a state dict", text.Quote(key))
	}
}

func (c *checker) tokenizer() {
	if c.manifest.Tokenizer != "" {
		c.check("tokenizer", CheckName(c.manifest.Tokenizer))
	}
}

// architecture returns the architecture that the manifest names or describes, and whether it is valid.
func (c *checker) architecture() (arch.Config, bool) {
	m := c.manifest
	switch {
	case (m.Architecture == "") == (m.Config == nil):
		c.report("architecture", "give either architecture or config")
		return arch.Config{}, false
	case m.Config != nil:
		var invalid *arch.ConfigError
		if errors.As(m.Config.Validate(), &invalid) {
			c.fields("config", invalid.Problems)
		}
		return *m.Config, invalid == nil
	}
	config, err := c.known.Architecture(m.Architecture)
	c.check("architecture", err)
	return config, err == nil
}

// fields reports the problems that the validation of a record found.
func (c *checker) fields(record string, problems []arch.Problem) {
	for _, p := range problems {
		c.report(join(record, p.Field), "%s", p.Reason)
	}
}

// agreement checks that the manifest agrees with its architecture.
func (c *checker) agreement() {
	m := c.manifest
	if want := c.config.Parameters(); m.Parameters != want {
		c.report("parameters", "is %d, the architecture has %d", m.Parameters, want)
	}
	logits := c.config.Classes
	if c.config.Kind == arch.VQKD { // whose codes are what the numbers of tokens mean
		logits = c.config.Codebook.Codes
	}
	if m.Categories.Count != logits {
		c.report("categories.count", "is %d, the architecture has %d", m.Categories.Count, logits)
	}
	predicts := c.config.Masked() && !c.config.Regression
	if m.Tokenizer != "" && !predicts && c.config.Kind != arch.DVAEDecoder {
		c.report("tokenizer", "goes with weights that predict visual tokens, or decode them")
	}
	if len(m.MaskedAccuracy) > 0 && !predicts {
		c.report("masked_accuracy", "goes with weights that predict visual tokens")
	}
	if len(m.SegmentationAccuracy) > 0 && !c.config.Segments() {
		c.report("segmentation_accuracy", "goes with weights that segment")
	}
	if len(m.Accuracy) > 0 && c.config.Segments() {
		c.report("accuracy", "goes with weights that classify; the field for others is segmentation_accuracy")
	}
	if len(m.Tensors) > 0 {
		c.tensors()
	}
}

// tensors checks that the tensors are those of the architecture, in its order.
func (c *checker) tensors() {
	params := c.config.Params()
	if len(params) != len(c.manifest.Tensors) {
		c.report("tensors", "has %d tensors, the architecture has %d", len(c.manifest.Tensors), len(params))
		return
	}
	for i, t := range c.manifest.Tensors {
		field := index("tensors", i)
		if t.Name != params[i].Name {
			c.report(join(field, "name"), "is %q, the architecture has %s here", text.Shorten(t.Name, 40), params[i].Name)
		}
		if !params[i].Shape.Equal(t.Shape) {
			c.report(join(field, "shape"), "differs from the architecture's, %s", params[i].Shape)
		}
		if !params[i].Counter {
			c.floating(join(field, "dtype"), t.DType)
		} else if t.DType != counterType {
			c.report(join(field, "dtype"), "%q is not %s, the type of what counts batches", text.Shorten(t.DType, 40), counterType)
		}
		c.digest(join(field, "digest"), t.Digest)
	}
}

// counterType is the type of the counters of batch norms, by its safetensors name.
const counterType = "I64"

// widths are the sizes in bytes of the floating-point types, by their safetensors names.
var widths = map[string]int64{"F64": 8, "F32": 4, "BF16": 2, "F16": 2}

// floating reports a word that is not a floating-point type.
func (c *checker) floating(field, word string) {
	if widths[word] == 0 {
		c.report(field, "%q is not one of F64, F32, BF16 and F16", text.Shorten(word, 40))
	}
}
