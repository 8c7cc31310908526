package arch

import "encoding/json"

// RGB is the number of channels of all released models.
const RGB = 3

// document is a Config as JSON and YAML have it. Channels is not in it if it is RGB, so documents are the same as before there was such a field.
type document Config

func (c Config) document() document {
	d := document(c)
	if d.Channels == RGB {
		d.Channels = 0
	}
	return d
}

// read decodes a document. What it leaves out keeps its value, but for Channels, which is RGB then.
func (c *Config) read(decode func(any) error) error {
	d := document(*c)
	d.Channels = RGB
	err := decode(&d)
	*c = Config(d)
	return err
}

// convolutions has the fields of a dVAE that count.
type convolutions struct {
	Name        string `json:"name,omitempty" yaml:"name,omitempty"`
	Kind        Kind   `json:"kind" yaml:"kind"`
	ImageHeight int    `json:"image_height" yaml:"image_height"`
	ImageWidth  int    `json:"image_width" yaml:"image_width"`
	PatchSize   int    `json:"patch_size" yaml:"patch_size"`
	Channels    int    `json:"channels,omitempty" yaml:"channels,omitempty"`
	EmbedDim    int    `json:"embed_dim" yaml:"embed_dim"`
	Depth       int    `json:"depth" yaml:"depth"`
	Classes     int    `json:"classes" yaml:"classes"`
	InitDim     int    `json:"init_dim,omitempty" yaml:"init_dim,omitempty"`
}

// written returns what stands for the configuration in a document.
func (c Config) written() any {
	d := c.document()
	if c.Convolutional() {
		return convolutions{d.Name, d.Kind, d.ImageHeight, d.ImageWidth, d.PatchSize, d.Channels, d.EmbedDim, d.Depth, d.Classes, d.InitDim}
	}
	return d
}

// MarshalJSON returns the configuration as a JSON object.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.written()) }

// UnmarshalJSON reads a JSON object. It does not validate the configuration.
func (c *Config) UnmarshalJSON(raw []byte) error {
	return c.read(func(into any) error { return json.Unmarshal(raw, into) })
}

// convolutionsYAML says in YAML, too, that a dVAE has none of what every manifest has to state. The fields that can't be zero in a transformer are left out.
type convolutionsYAML struct {
	convolutions     `yaml:",inline"`
	AbsolutePosition bool `yaml:"absolute_position"`
	LayerScale       bool `yaml:"layer_scale"`
	MaskToken        bool `yaml:"mask_token"`
}

// MarshalYAML returns what stands for the configuration in YAML.
func (c Config) MarshalYAML() (any, error) {
	if written, ok := c.written().(convolutions); ok {
		return convolutionsYAML{convolutions: written}, nil
	}
	return c.written(), nil
}

// UnmarshalYAML reads a YAML mapping. It does not validate the configuration.
func (c *Config) UnmarshalYAML(decode func(any) error) error { return c.read(decode) }
