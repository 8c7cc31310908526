package manifests_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/manifests"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

func schemaFile(t *testing.T) []byte {
	t.Helper()
	raw, err := manifests.Files.ReadFile(manifests.Schema)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(manifests.Schema, document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(manifests.Schema)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// accepts reports whether the schema accepts a document.
func accepts(t *testing.T, schema *jsonschema.Schema, document string) bool {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(document), &value); err != nil {
		t.Fatal(err)
	}
	err := schema.Validate(value)
	if err != nil {
		t.Log(err)
	}
	return err == nil
}

func TestSchema_AcceptsManifests(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	for _, document := range all(t) {
		if !accepts(t, schema, string(document.Raw)) {
			t.Errorf("the schema rejects %s", document.File)
		}
	}
}

// TestSchema_AcceptsOwnArchitectures writes manifests of architectures without a name, one of each kind, as a publisher does: the program reads them back, and the
// schema accepts them. Of a transformer both want what a dVAE does without.
func TestSchema_AcceptsOwnArchitectures(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	for _, name := range []string{"tiny_p16_32", "digits_dvae_encoder", "digits_dvae_decoder", "vqkd_base_p16_224_clip"} {
		config, err := arch.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		m := byID(t, "openai_dvae_encoder").Manifest
		config.Name, config.EmbedDim = "", 2*config.EmbedDim
		m.Architecture, m.Config, m.Parameters, m.Preprocessing, m.Sources = "", &config, config.Parameters(), []manifest.Preprocessing{}, m.Sources[:1]
		m.Sources[0].Size, m.Sources[0].Estimate = 0, 4*m.Parameters
		m.Categories.Count = max(config.Classes, config.Vocabulary())
		raw, err := manifest.Encode(&m)
		if err != nil {
			t.Fatal(err)
		}
		document, err := manifest.Parse(name, raw)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, raw)
			continue
		}
		if diff := cmp.Diff(m, document.Manifest); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if err := document.Validate(known); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !accepts(t, schema, string(raw)) {
			t.Errorf("the schema rejects %s", raw)
		}
		for _, field := range []string{"hidden_dim", "heads", "pooling", "relative_position_bias", "epsilon"} {
			without := m
			short := config
			clear := reflect.ValueOf(&short).Elem().FieldByNameFunc(func(name string) bool {
				of, _ := reflect.TypeFor[arch.Config]().FieldByName(name)
				return strings.HasPrefix(of.Tag.Get("yaml"), field)
			})
			clear.SetZero()
			without.Config = &short
			raw, err := manifest.Encode(&without)
			if err != nil {
				t.Fatal(err)
			}
			document, err := manifest.Parse(name, raw)
			refused := err != nil || document.Validate(known) != nil
			if accepted := accepts(t, schema, string(raw)); accepted != config.Convolutional() || refused == config.Convolutional() {
				t.Errorf("%s without %s: the schema accepts it: %v, the program refuses it: %v", name, field, accepted, refused)
			}
		}
	}
}

// TestSchema_Rejects makes sure that the schema rejects each of several changes to a valid manifest.
func TestSchema_Rejects(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	raw, err := manifests.Files.ReadFile("beit_base_p16_224.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const masked = "masked_accuracy: [{origin: a, dataset: b, percent: %s}]\nsources:"
	if valid := strings.Replace(string(raw), "\nsources:", "\n"+fmt.Sprintf(masked, "16, rounding: 0.5, loss: 6, run: c"), 1); !accepts(t, schema, valid) {
		t.Error("the schema rejects a masked accuracy")
	}
	for name, change := range map[string][2]string{
		"unknown field":    {"title:", "tittle:"},
		"path in the name": {"id: beit_base_p16_224", "id: ../beit"},
		"short version":    {"version: 1.0.0", "version: \"1.0\""},
		"digest":           {"digest: sha256:", "digest: sha256:0"},
		"file address":     {"https://passl", "file://passl"},
		"two architecture": {"architecture:", "config: {}\narchitecture:"},
		"percentage":       {"top1: 85.21", "top1: 8521"},
		"masked":           {"sources:", fmt.Sprintf(masked, "0")},
		"masked rounding":  {"sources:", fmt.Sprintf(masked, "1, rounding: -1")},
	} {
		changed := strings.Replace(string(raw), change[0], change[1], 1)
		if changed == string(raw) || accepts(t, schema, changed) {
			t.Errorf("%s: the schema accepts it", name)
		}
	}
}

// TestSchema_AgreesWithStruct makes sure that schema and struct have the same fields, of the same types, and that the same ones are required.
func TestSchema_AgreesWithStruct(t *testing.T) {
	t.Parallel()
	var root map[string]any
	if err := json.Unmarshal(schemaFile(t), &root); err != nil {
		t.Fatal(err)
	}
	w := walk{t: t, definitions: root["$defs"].(map[string]any)}
	w.compare("", root, reflect.TypeFor[manifest.Manifest]())
}

type walk struct {
	t           *testing.T
	definitions map[string]any
}

func (w walk) compare(path string, schema map[string]any, goType reflect.Type) {
	for goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	if reference, ok := schema["$ref"].(string); ok {
		schema = w.definitions[strings.TrimPrefix(reference, "#/$defs/")].(map[string]any)
	}
	if want, got := typeOf(goType), schemaType(schema); want != got {
		w.t.Errorf("%s: the struct has %s, the schema %s", path, want, got)
		return
	}
	switch goType.Kind() {
	case reflect.Struct:
		w.object(path, schema, goType)
	case reflect.Slice, reflect.Array:
		w.compare(path+"[]", schema["items"].(map[string]any), goType.Elem())
	}
}

func (w walk) object(path string, schema map[string]any, goType reflect.Type) {
	if schema["additionalProperties"] != false {
		w.t.Errorf("%s: the schema allows unknown fields", path)
	}
	properties := schema["properties"].(map[string]any)
	var names, required []string
	for i := range goType.NumField() {
		name, options, _ := strings.Cut(goType.Field(i).Tag.Get("yaml"), ",")
		names = append(names, name)
		if options != "omitempty" {
			required = append(required, name)
		}
		if property, ok := properties[name].(map[string]any); ok {
			w.compare(path+"."+name, property, goType.Field(i).Type)
		}
	}
	var schemaNames, schemaRequired []string
	for name := range properties {
		schemaNames = append(schemaNames, name)
	}
	for _, name := range schema["required"].([]any) {
		schemaRequired = append(schemaRequired, name.(string))
	}
	for _, list := range [][]string{names, required, schemaNames, schemaRequired} {
		slices.Sort(list)
	}
	if diff := cmp.Diff(names, schemaNames); diff != "" {
		w.t.Errorf("fields of %q: %s", path, diff)
	}
	if diff := cmp.Diff(required, schemaRequired); diff != "" {
		w.t.Errorf("required fields of %q: %s", path, diff)
	}
}

// alternatives is the type of what is written as a number or as a word: the schema states no single one.
const alternatives = "alternatives"

func typeOf(t reflect.Type) string {
	if t == reflect.TypeFor[arch.Tap]() {
		return alternatives
	}
	return map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer",
		reflect.Float64: "number", reflect.Slice: "array", reflect.Array: "array", reflect.Struct: "object",
	}[t.Kind()]
}

// schemaType returns the type that a schema states; one without a type is an enumeration or a constant, and those are all strings here.
func schemaType(schema map[string]any) string {
	if name, ok := schema["type"].(string); ok {
		return name
	}
	if schema["anyOf"] != nil {
		return alternatives
	}
	return "string"
}
