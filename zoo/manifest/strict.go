package manifest

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// walker compares a parsed file with a Go type. It finds every unknown, repeated and missing field, and the position of each field.
type walker struct {
	problems  []Problem
	positions map[string]Position
	// draft says that required fields of the manifest itself, and of records that it always has, may be missing: those of a record that has been begun, such
	// as a source, may not.
	draft bool
	// begun counts the records around the current value that are not always there.
	begun int
	// meaning, if it is not nil, returns what a field means.
	meaning func(field string) string
}

// meaningAfter returns what a field means, as the end of a message, or an empty text.
func (w *walker) meaningAfter(field string) string {
	if w.meaning == nil || w.meaning(field) == "" {
		return ""
	}
	return ": " + w.meaning(field)
}

func (w *walker) report(at Position, field, format string, arguments ...any) {
	w.problems = append(w.problems, Problem{Position: at, Field: field, Text: fmt.Sprintf(format, arguments...)})
}

// value checks node, which is the value of the field path, against t.
func (w *walker) value(path string, node ast.Node, t reflect.Type, depth int) {
	at := positionOf(node.GetToken())
	if w.draft && w.begun == 0 && node.Type() == ast.NullType {
		if t.Kind() != reflect.Struct {
			w.report(at, path, "is not filled in%s", w.meaningAfter(path))
		}
		return
	}
	if _, known := w.positions[path]; !known {
		w.positions[path] = at
	}
	if depth > maxDepth {
		w.report(at, path, "nested more than %d deep", maxDepth)
		return
	}
	if node.Type() == ast.NullType {
		w.report(at, path, "has no value")
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		w.begun++
		w.value(path, node, t.Elem(), depth)
		w.begun--
	case reflect.Struct:
		w.mapping(path, node, t, depth)
	case reflect.Slice, reflect.Array:
		w.begun++
		w.sequence(path, node, t, depth)
		w.begun--
	default:
		w.scalar(path, node, t)
	}
}

// scalars has, for each kind of field, what the message says that a value must be, and the types of node that are.
var scalars = map[reflect.Kind]struct {
	want  string
	types []ast.NodeType
}{
	reflect.String:  {"must be text", []ast.NodeType{ast.StringType, ast.LiteralType, ast.IntegerType, ast.FloatType}},
	reflect.Int:     {"must be a whole number", []ast.NodeType{ast.IntegerType}},
	reflect.Int64:   {"must be a whole number", []ast.NodeType{ast.IntegerType}},
	reflect.Float64: {"must be a number", []ast.NodeType{ast.IntegerType, ast.FloatType}},
	reflect.Bool:    {"must be true or false", []ast.NodeType{ast.BoolType}},
}

// exponential matches numbers such as 1e-06: the library writes them, but reads them as text.
var exponential = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?[eE][-+]?[0-9]{1,3}$`)

func (w *walker) scalar(path string, node ast.Node, t reflect.Type) {
	want := scalars[t.Kind()]
	if t.Kind() == reflect.Float64 && exponential.MatchString(node.String()) {
		return
	}
	if !slices.Contains(want.types, node.Type()) {
		w.report(positionOf(node.GetToken()), path, "%s", want.want)
	} else if t.Kind() == reflect.String && strings.TrimSpace(node.GetToken().Value) == "" && node.Type() == ast.StringType {
		w.report(positionOf(node.GetToken()), path, "is empty")
	}
}

func (w *walker) sequence(path string, node ast.Node, t reflect.Type, depth int) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		w.report(positionOf(node.GetToken()), path, "must be a list")
		return
	}
	if t.Kind() == reflect.Array && len(sequence.Values) != t.Len() {
		w.report(positionOf(node.GetToken()), path, "must have %d elements, has %d", t.Len(), len(sequence.Values))
	}
	for i, value := range sequence.Values {
		w.value(fmt.Sprintf("%s[%d]", path, i), value, t.Elem(), depth+1)
	}
}

func (w *walker) mapping(path string, node ast.Node, t reflect.Type, depth int) {
	pairs, ok := pairsOf(node)
	if !ok {
		w.report(positionOf(node.GetToken()), path, "must be a mapping of fields to values")
		return
	}
	fields := fieldsOf(t)
	seen := map[string]bool{}
	for _, pair := range pairs {
		name := pair.Key.GetToken().Value
		at := positionOf(pair.Key.GetToken())
		field, known := fields.byName[name]
		switch {
		case seen[name]:
			w.report(at, join(path, name), "is given twice")
		case !known:
			w.report(at, path, "unknown field %q; %s", text.Shorten(name, 40), suggest.Short(text.Shorten(name, 40), fields.names))
		default:
			w.positions[join(path, name)] = at
			w.value(join(path, name), pair.Value, field.Type, depth+1)
		}
		seen[name] = true
	}
	if w.draft && w.begun == 0 {
		return
	}
	for _, name := range fields.required {
		if !seen[name] {
			w.report(positionOf(node.GetToken()), path, "field %s is missing%s", name, w.meaningAfter(join(path, name)))
		}
	}
}

// pairsOf returns the entries of a mapping, for which the parser has two types.
func pairsOf(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch node := node.(type) {
	case *ast.MappingNode:
		return node.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{node}, true
	}
	return nil, false
}

// structFields are the fields of a struct, by the names in its yaml tags.
type structFields struct {
	names    []string
	required []string
	byName   map[string]reflect.StructField
}

func fieldsOf(t reflect.Type) structFields {
	all := structFields{byName: map[string]reflect.StructField{}}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		all.names = append(all.names, name)
		all.byName[name] = t.Field(i)
		if options != "omitempty" {
			all.required = append(all.required, name)
		}
	}
	return all
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
