package manifest

import (
	"bytes"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
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
	Parameters int64 `yaml:"parameters"`
	// StateDict is the key of the state dict that was taken of a checkpoint that held several; empty otherwise.
	StateDict string `yaml:"state_dict,omitempty"`
	// Tokenizer is the id of the weights that make the visual tokens which these were trained to predict; empty if nobody published them, or the weights predict
	// none.
	Tokenizer     string          `yaml:"tokenizer,omitempty"`
	Origin        Origin          `yaml:"origin"`
	Categories    Categories      `yaml:"categories"`
	Preprocessing []Preprocessing `yaml:"preprocessing"`
	// Assumed are the items of the model's card that nobody stated when it was published: guesses, of which Assumable has the possible ones.
	Assumed []card.Item `yaml:"assumed,omitempty"`
	// Accuracy lists published figures; none if nobody published any.
	Accuracy []Accuracy `yaml:"accuracy,omitempty"`
	// MaskedAccuracy lists what was published of how many visual tokens of masked patches such weights recover.
	MaskedAccuracy []MaskedAccuracy `yaml:"masked_accuracy,omitempty"`
	// SegmentationAccuracy lists what was published of how well such weights segment.
	SegmentationAccuracy []SegmentationAccuracy `yaml:"segmentation_accuracy,omitempty"`
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

// Assumable lists the items of a card that Manifest.Assumed may hold.
func Assumable() []card.Item {
	return []card.Item{card.Window, card.Heads, card.Taps, card.Pooling, card.Activation, card.Epsilon, card.Preparing}
}

// Encode returns the file of a manifest. The same manifest always makes the same bytes, and Parse reads them back.
func Encode(m *Manifest) ([]byte, error) { return encode(m) }

func encode(value any) ([]byte, error) {
	options := []yaml.EncodeOption{yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true), yaml.CustomMarshaler(encodeFloat)}
	if hasUnusualText(reflect.ValueOf(value)) {
		options = append(options, yaml.CustomMarshaler(encodeText))
	}
	return yaml.MarshalWithOptions(value, options...)
}

// encodeFloat writes a number with a point. Without one, 1e-06 is text to the library when it makes JSON of a document, and to PyYAML.
func encodeFloat(number float64) ([]byte, error) {
	raw, err := yaml.Marshal(number)
	mantissa, exponent, found := bytes.Cut(raw, []byte("e"))
	if found && !bytes.Contains(mantissa, []byte(".")) {
		raw = slices.Concat(mantissa, []byte(".0e"), exponent)
	}
	return raw, err
}

// hasUnusualText reports whether a value holds text that the library would not write as it is read back: with characters that a file may not hold as they are, or
// beginning with one that may mean something in YAML.
func hasUnusualText(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return isUnusual(v.String())
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && hasUnusualText(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if hasUnusualText(v.Index(i)) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if hasUnusualText(v.Field(i)) {
				return true
			}
		}
	}
	return false
}

func isUnusual(text string) bool {
	first, _ := utf8.DecodeRuneInString(text)
	invisible := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' }
	return text != "" && !unicode.IsLetter(first) && !unicode.IsDigit(first) || strings.ContainsFunc(text, invisible) || strings.HasSuffix(text, "\n\n")
}

// encodeText writes unusual text, and text of several lines, in quotation marks and with escapes, and leaves the rest to the library.
func encodeText(text string) ([]byte, error) {
	if isUnusual(text) || strings.Contains(text, "\n") {
		return []byte(strconv.Quote(text)), nil
	}
	return yaml.Marshal(text)
}
