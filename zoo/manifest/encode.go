package manifest

import "github.com/goccy/go-yaml"

// Encode gives the file of a manifest: the same manifest always gives the same bytes, and Parse reads them back.
func Encode(m *Manifest) ([]byte, error) { return encode(m) }

func encode(value any) ([]byte, error) {
	return yaml.MarshalWithOptions(value, yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true))
}
