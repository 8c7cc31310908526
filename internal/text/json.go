package text

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// JSONError returns the error of json.Unmarshal without names of Go types, which mean nothing to the author of a file: "hidden_size is a text, not a
// whole number". Errors that name no Go type are returned as they are.
func JSONError(err error) error {
	var mistyped *json.UnmarshalTypeError
	if !errors.As(err, &mistyped) {
		return err
	}
	field := mistyped.Field
	if field == "" {
		field = "the document"
	}
	found, _, _ := strings.Cut(mistyped.Value, " ")
	what, known := jsonValues[found]
	if !known {
		what = mistyped.Value
	}
	if _, number, ok := strings.Cut(mistyped.Value, " "); ok && found == "number" {
		what = number
	}
	return fmt.Errorf("%s is %s, not %s", field, what, jsonKind(mistyped.Type))
}

// CheckKeys returns an error if a key stands twice in a JSON object, which is known to be one: readers of JSON differ in which of the values they take.
func CheckKeys(object []byte) error { return CheckFields(object) }

// CheckFields is [CheckKeys], and also returns an error for a key that is one of the known fields but for its case: encoding/json takes it for that field, and other
// readers don't.
func CheckFields(object []byte, known ...string) error {
	decoder, seen := json.NewDecoder(bytes.NewReader(object)), map[string]bool{}
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		if seen[key] {
			return fmt.Errorf("the key %s stands twice in one object", Quote(key))
		}
		seen[key] = true
		if i := slices.IndexFunc(known, func(field string) bool { return strings.EqualFold(field, key) }); i >= 0 && !slices.Contains(known, key) {
			return fmt.Errorf("there is no key %s: did you mean %s? Capital and small letters differ in keys", Quote(key), known[i])
		}
		if err := decoder.Decode(&json.RawMessage{}); err != nil {
			return err
		}
	}
	return nil
}

// jsonValues are what encoding/json calls the values of a document, and what messages call them.
var jsonValues = map[string]string{"string": "a text", "number": "a number", "bool": "true or false", "array": "a list", "object": "an object"}

// jsonKind says which values of a document a Go type takes.
func jsonKind(t reflect.Type) string {
	switch kind := t.Kind(); {
	case kind == reflect.Pointer:
		return jsonKind(t.Elem())
	case kind >= reflect.Int && kind <= reflect.Uintptr:
		return "a whole number"
	case kind == reflect.Float32 || kind == reflect.Float64:
		return "a number"
	case kind == reflect.String:
		return "a text"
	case kind == reflect.Bool:
		return "true or false"
	case kind == reflect.Slice || kind == reflect.Array:
		return "a list"
	}
	return "an object"
}

// Fields returns the names of the fields that encoding/json reads of a struct, those of embedded structs among them.
func Fields[T any]() []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && name != "-" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
