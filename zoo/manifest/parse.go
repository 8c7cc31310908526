package manifest

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/opencontainers/go-digest"
)

// Document is a manifest with the bytes that it was read from.
type Document struct {
	Manifest
	// File is the name given to Parse, for messages.
	File string
	// Raw are the exact bytes; Digest and signatures are over them.
	Raw []byte

	// positions are where the fields are in the file, by path.
	positions map[string]Position
}

// Parse reads a manifest. name is used only in messages. raw must not change afterwards. Parse checks the structure; Document.Validate checks the
// meaning. The error is of type *Error and has every problem with its line.
func Parse(name string, raw []byte) (*Document, error) {
	document := &Document{File: name, Raw: raw}
	positions, err := (&walker{positions: map[string]Position{}, meaning: Meaning}).decode(name, raw, &document.Manifest)
	if err != nil {
		return nil, err
	}
	document.positions = positions
	return document, nil
}

// Digest returns the digest of the exact bytes of the file. It identifies the manifest.
func (d *Document) Digest() digest.Digest { return digest.FromBytes(d.Raw) }

// decode reads raw into the struct that target points to, and returns the position of each field. It returns a panic of the YAML library as an error.
func decode(name string, raw []byte, target any) (map[string]Position, error) {
	return (&walker{positions: map[string]Position{}}).decode(name, raw, target)
}

func (w *walker) decode(name string, raw []byte, target any) (positions map[string]Position, err error) {
	defer func() {
		if recover() != nil {
			err = failure(name, raw, []Problem{{Text: "the file cannot be read as YAML"}})
		}
	}()
	if problem, found := scan(raw); found {
		return nil, failure(name, raw, []Problem{problem})
	}
	root, err := parse(raw)
	if err != nil {
		return nil, failure(name, raw, []Problem{problemOf(err)})
	}
	w.value("", root, reflect.TypeOf(target).Elem(), 0)
	if len(w.problems) > 0 {
		return nil, failure(name, raw, w.problems)
	}
	if err := yaml.NodeToValue(root, target, yaml.Strict()); err != nil {
		return nil, failure(name, raw, []Problem{problemOf(err)})
	}
	return w.positions, nil
}

// parse returns the document in raw, and an error if it does not hold exactly one.
func parse(raw []byte) (ast.Node, error) {
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return nil, err
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, errors.New("the file is empty")
	}
	if len(file.Docs) > 1 {
		return nil, fmt.Errorf("the file must hold one document, not %d", len(file.Docs))
	}
	return file.Docs[0].Body, nil
}

// problemOf returns position and text of an error of the YAML library.
func problemOf(err error) Problem {
	var positioned yaml.Error
	if errors.As(err, &positioned) {
		return Problem{Position: positionOf(positioned.GetToken()), Text: positioned.GetMessage()}
	}
	return Problem{Text: err.Error()}
}

// failure returns problems as an error, with the lines of the file.
func failure(name string, raw []byte, problems []Problem) error {
	for i := range problems {
		problems[i].SourceLine = sourceLine(raw, problems[i].Line)
	}
	return &Error{File: name, Problems: problems}
}
