package manifest

import "github.com/beitzoo/beitzoo/beit/arch"

// maxPatches bounds the tokens of a described architecture; the largest published window has 1,600.
const maxPatches = 1 << 14

func (c *checker) identity() {
	m := c.manifest
	if m.Format != Format {
		c.report("format", "is %q, this program reads %q", clip(m.Format), Format)
	}
	c.check("id", CheckName(m.ID))
	c.check("version", CheckVersion(m.Version))
}

// architecture finds the architecture, by name or as described.
func (c *checker) architecture() (arch.Config, bool) {
	m := c.manifest
	switch {
	case (m.Architecture == "") == (m.Config == nil):
		c.report("architecture", "give either architecture or config")
		return arch.Config{}, false
	case m.Config != nil:
		return arch.Config(*m.Config), c.plausible(*m.Config)
	}
	config, err := c.known.Architecture(m.Architecture)
	c.check("architecture", err)
	return config, err == nil
}

// plausible bounds a described architecture, so that listing its parameters is cheap.
func (c *checker) plausible(config Config) bool {
	before := len(c.problems)
	for _, number := range []struct {
		field        string
		value, limit int
	}{
		{"image_height", config.ImageHeight, 1 << 13},
		{"image_width", config.ImageWidth, 1 << 13},
		{"patch_size", config.PatchSize, 1 << 10},
		{"embed_dim", config.EmbedDim, 1 << 14},
		{"hidden_dim", config.HiddenDim, 1 << 16},
		{"depth", config.Depth, 1 << 8},
		{"heads", config.Heads, 1 << 10},
		{"classes", config.Classes + 1, 1 << 20},
	} {
		if number.value < 1 || number.value > number.limit {
			c.report("config."+number.field, "is outside of 1 to %d", number.limit)
		}
	}
	if len(c.problems) > before {
		return false
	}
	if config.ImageHeight%config.PatchSize != 0 || config.ImageWidth%config.PatchSize != 0 {
		c.report("config.patch_size", "does not divide the image size")
	}
	if patches := arch.Config(config).Patches(); patches > maxPatches {
		c.report("config.image_height", "gives %d patches, at most %d are taken", patches, maxPatches)
	}
	if config.EmbedDim%config.Heads != 0 {
		c.report("config.heads", "does not divide embed_dim")
	}
	c.oneOf("config.pooling", string(config.Pooling), []string{string(arch.MeanPooling), string(arch.ClassToken), string(arch.AllTokens)})
	c.oneOf("config.relative_position_bias", string(config.Bias), []string{string(arch.NoBias), string(arch.BlockBias), string(arch.SharedBias)})
	if !(config.Epsilon > 0 && config.Epsilon < 1) {
		c.report("config.epsilon", "is outside of 0 to 1")
	}
	return len(c.problems) == before
}

// agreement compares the manifest with what the architecture implies.
func (c *checker) agreement() {
	m := c.manifest
	if want := c.config.Parameters(); m.Parameters != want {
		c.report("parameters", "is %d, the architecture has %d", m.Parameters, want)
	}
	if m.Categories.Count != c.config.Classes {
		c.report("categories.count", "is %d, the architecture has %d", m.Categories.Count, c.config.Classes)
	}
	if len(m.Tensors) > 0 {
		c.tensors()
	}
}

// tensors must be those of the architecture, in its order.
func (c *checker) tensors() {
	params := c.config.Params()
	if len(params) != len(c.manifest.Tensors) {
		c.report("tensors", "has %d tensors, the architecture has %d", len(c.manifest.Tensors), len(params))
		return
	}
	for i, t := range c.manifest.Tensors {
		field := index("tensors", i)
		if t.Name != params[i].Name {
			c.report(join(field, "name"), "is %q, the architecture has %s here", clip(t.Name), params[i].Name)
		}
		if !params[i].Shape.Equal(t.Shape) {
			c.report(join(field, "shape"), "is another than that of the architecture, %s", params[i].Shape)
		}
		c.floating(join(field, "dtype"), t.DType)
		c.digest(join(field, "digest"), t.Digest)
	}
}

// widths are the sizes in bytes of the floating-point types, by their safetensors names.
var widths = map[string]int64{"F64": 8, "F32": 4, "BF16": 2, "F16": 2}

// floating reports a word that is no floating-point type.
func (c *checker) floating(field, word string) {
	if widths[word] == 0 {
		c.report(field, "%q is none of F64, F32, BF16 and F16", clip(word))
	}
}
