package manifest

import (
	"github.com/goccy/go-yaml"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// Format is the value of the field format of a manifest.
const Format = "beitzoo.manifest.v1"

// Manifest describes one set of weights. Fields without omitempty are required.
type Manifest struct {
	Format string `yaml:"format"`
	// ID is the name of the weights: lower case, safe as a file name. See CheckName.
	ID string `yaml:"id"`
	// Version is semantic, without a leading v. A published version never changes.
	Version string `yaml:"version"`
	// Title says in one line what the weights are.
	Title string `yaml:"title"`
	// Notes say what a user should know, in a sentence or two each.
	Notes []string `yaml:"notes,omitempty"`
	// Architecture is a name that the program knows; weights of another architecture have Config instead.
	Architecture string       `yaml:"architecture,omitempty"`
	Config       *arch.Config `yaml:"config,omitempty"`
	// Parameters is the number of elements of all canonical tensors.
	Parameters    int64           `yaml:"parameters"`
	Origin        Origin          `yaml:"origin"`
	Categories    Categories      `yaml:"categories"`
	Preprocessing []Preprocessing `yaml:"preprocessing"`
	// Accuracy lists published figures; none if nobody published any.
	Accuracy []Accuracy `yaml:"accuracy,omitempty"`
	// Sources are the upstream checkpoints, in the order in which Pull tries them.
	Sources []Source `yaml:"sources"`
	// Blobs are the canonical weights, if they are published. They are tried before the sources.
	Blobs      []Blob      `yaml:"blobs,omitempty"`
	Recordings []Recording `yaml:"recordings,omitempty"`
	Verdict    *Verdict    `yaml:"verdict,omitempty"`
	// Tensors has the digest of every canonical tensor, in the order of the architecture, if they are known.
	Tensors []Tensor `yaml:"tensors,omitempty"`
}

// Reference names this version of the weights.
func (m *Manifest) Reference() Reference { return Reference{Name: m.ID, Version: m.Version} }

// Tensor is one canonical tensor.
type Tensor struct {
	Name string `yaml:"name"`
	// DType is its safetensors name, such as "F32".
	DType string `yaml:"dtype"`
	Shape []int  `yaml:"shape"`
	// Digest is over the row-major, little-endian elements.
	Digest digest.Digest `yaml:"digest"`
}

// Encode returns the file of a manifest. The same manifest always makes the same bytes, and Parse reads them back.
func Encode(m *Manifest) ([]byte, error) { return encode(m) }

func encode(value any) ([]byte, error) {
	return yaml.MarshalWithOptions(value, yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true))
}
