package manifest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/manifests"
)

// Draft is a part of a manifest: the fields that somebody wants to state of weights that are not published yet. Fields that are not stated are zero.
type Draft struct{ Document }

// ParseDraft reads a part of a manifest. name is used only in messages. raw must not change afterwards. A field without a value is a problem: whoever writes
// a field has to fill it in. So is a record that has been begun, such as a source, without its required fields. The error is of type *Error and has
// every problem with its line, and what the field means.
func ParseDraft(name string, raw []byte) (*Draft, error) {
	draft := &Draft{Document{File: name, Raw: raw}}
	positions, err := (&walker{positions: map[string]Position{}, draft: true, meaning: Meaning}).decode(name, raw, &draft.Manifest)
	if err != nil {
		return nil, err
	}
	draft.positions = positions
	return draft, nil
}

// States reports whether the draft has a field, such as "origin.licence.expression".
func (d *Draft) States(field string) bool {
	_, stated := d.positions[field]
	return stated && field != ""
}

// Onto returns a copy of base in which the fields that the draft states have its values.
func (d *Draft) Onto(base Manifest) Manifest {
	d.copy("", reflect.ValueOf(d.Manifest), reflect.ValueOf(&base).Elem())
	return base
}

func (d *Draft) copy(path string, from, to reflect.Value) {
	for i := range from.NumField() {
		name, _, _ := strings.Cut(from.Type().Field(i).Tag.Get("yaml"), ",")
		field := join(path, name)
		switch {
		case from.Field(i).Kind() == reflect.Struct:
			d.copy(field, from.Field(i), to.Field(i))
		case d.States(field):
			to.Field(i).Set(from.Field(i))
		}
	}
}

// Check compares the draft with the weights that it is about: m is their manifest with the fields of the draft and without blobs, and config their
// architecture. A field of the draft that contradicts them is a problem, with both values; so is whatever else is wrong with m. The error is of type *Error.
func (d *Draft) Check(m *Manifest, config arch.Config, known Known) error {
	c := &checker{known: known, manifest: m, config: config, unpublished: true}
	for _, f := range []struct {
		field       string
		stated, are any
	}{
		{"format", d.Format, m.Format},
		{"id", d.ID, m.ID},
		{"version", d.Version, m.Version},
		{"parameters", d.Parameters, m.Parameters},
		{"categories.count", d.Categories.Count, m.Categories.Count},
	} {
		if d.States(f.field) && f.stated != f.are {
			c.report(f.field, "is %v, which contradicts what is published: %v", quotedText(f.stated), quotedText(f.are))
		}
	}
	d.checkArchitecture(c, config)
	c.all()
	return c.failure(&d.Document)
}

// CheckUnpublished is Check for a manifest without a draft. name is for messages.
func CheckUnpublished(name string, m *Manifest, config arch.Config, known Known) error {
	return (&Draft{Document{File: name}}).Check(m, config, known)
}

// checkArchitecture reports what the draft states of the architecture and is not so.
func (d *Draft) checkArchitecture(c *checker, config arch.Config) {
	stated, field := d.Config, "config"
	if stated == nil && d.States("architecture") {
		named, err := c.known.Architecture(d.Architecture)
		if err != nil {
			c.check("architecture", err)
			return
		}
		stated, field = &named, "architecture"
	}
	if stated == nil {
		return
	}
	var different []string
	is, are := reflect.ValueOf(*stated), reflect.ValueOf(config)
	for i := range is.NumField() {
		name, _, _ := strings.Cut(is.Type().Field(i).Tag.Get("yaml"), ",")
		one, other := is.Field(i).Interface(), are.Field(i).Interface()
		switch {
		case name == "name" || one == other:
		case field == "config":
			c.report(join(field, name), "is %v, which contradicts the weights: %v", one, other)
		default:
			different = append(different, fmt.Sprintf("%s %v, not %v", name, other, one))
		}
	}
	if different != nil {
		c.report(field, "is %s, which contradicts the weights: they have %s", text.Quote(d.Architecture), strings.Join(different, "; "))
	}
}

// quotedText returns text in quotation marks, and other values as they are.
func quotedText(value any) any {
	if s, ok := value.(string); ok {
		return text.Quote(s)
	}
	return value
}

// Unstated lists the fields that describe the weights and that nobody stated.
func (m *Manifest) Unstated() []string {
	var fields []string
	for _, f := range []struct {
		name  string
		value string
	}{
		{"title", m.Title},
		{"origin.authors", strings.Join(m.Origin.Authors, "")},
		{"origin.publishers", strings.Join(m.Origin.Publishers, "")},
		{"origin.training", m.Origin.Training},
		{"origin.licence.expression", m.Origin.Licence.Expression},
		{"categories.set", m.Categories.Set},
	} {
		if slices.Contains([]string{"", NotStated, NoLicence}, f.value) || f.name == "title" && f.value == m.ID {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// Words of manifests for what nobody stated.
const (
	NotStated = "not stated"
	// NoLicence is the SPDX expression for a licence that nobody stated.
	NoLicence = "NOASSERTION"
)

// schema returns the JSON schema of a manifest.
var schema = sync.OnceValue(func() map[string]any {
	raw, err := manifests.Files.ReadFile(manifests.Schema)
	root := map[string]any{}
	if err == nil {
		err = json.Unmarshal(raw, &root)
	}
	if err != nil {
		panic(err) // it is part of the program, and read by the tests
	}
	return root
})

// Meaning returns what a field means, as a phrase such as "what the weights are, in one line", or an empty text. It is the description in the schema. Elements
// of a list have the path of the list, and [] or an index.
func Meaning(field string) string {
	at := schema()
	definitions, _ := at["$defs"].(map[string]any)
	resolve := func(schema map[string]any) map[string]any {
		if name, ok := schema["$ref"].(string); ok {
			definition, _ := definitions[strings.TrimPrefix(name, "#/$defs/")].(map[string]any)
			return definition
		}
		return schema
	}
	for _, name := range strings.Split(field, ".") {
		name, _, element := strings.Cut(name, "[")
		properties, _ := resolve(at)["properties"].(map[string]any)
		at, _ = properties[name].(map[string]any)
		if items, ok := at["items"].(map[string]any); ok && element {
			at = items
		}
	}
	description, _ := at["description"].(string)
	first, size := utf8.DecodeRuneInString(description)
	if second, _ := utf8.DecodeRuneInString(description[size:]); !unicode.IsUpper(second) { // not an abbreviation
		first = unicode.ToLower(first)
	}
	if description == "" {
		return ""
	}
	return string(first) + strings.TrimSuffix(description[size:], ".")
}

// Validate checks what the draft states, as far as that is possible without the weights. The error is of type *Error.
func (d *Draft) Validate(known Known) error {
	m := d.Manifest
	c := &checker{known: known, manifest: &m, unpublished: true}
	if d.States("format") && m.Format != Format {
		c.report("format", "is %q, this program reads %q", text.Shorten(m.Format, 40), Format)
	}
	if d.States("id") {
		c.check("id", CheckName(m.ID))
	}
	if d.States("version") {
		c.check("version", CheckVersion(m.Version))
	}
	if !d.States("categories.count") {
		m.Categories.Count = len(m.Categories.Labels)
		if known := m.Categories.known(); known != nil && m.Categories.Count == 0 {
			m.Categories.Count = known.Len()
		}
	}
	if d.States("architecture") || d.States("config") {
		if config, ok := c.architecture(); ok {
			c.config = config
			if !d.States("parameters") {
				m.Parameters = config.Parameters()
			}
			if !d.States("categories.count") {
				m.Categories.Count = config.Classes
			}
			c.agreement()
		}
	}
	c.parts()
	return c.failure(&d.Document)
}
