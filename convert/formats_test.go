package convert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

const digits = "../manifests/embedded/digits_p16_64.pdparams"

// tally is a format that exists in this test alone: a mark, a line of JSON that lists the tensors, and their elements.
var tally = checkpoint.Format{
	Name: "tally", Title: "Tally",
	Endings:      []checkpoint.Ending{{Suffix: ".tally", Scheme: naming.Timm}},
	FolderFile:   "weights.tally",
	Transformers: true,
	Match:        func(content []byte) bool { return bytes.HasPrefix(content, tallyMark) },
	Read:         readTally,
	Write:        writeTally,
	HasMetadata:  true,
}

var tallyMark = []byte("TALLY\n")

type tallyHeader struct {
	Metadata map[string]string
	Tensors  []tallyTensor
}

type tallyTensor struct {
	Name, DType string
	Shape       tensor.Shape
}

func readTally(_ context.Context, content []byte, _ checkpoint.Options) (*checkpoint.Checkpoint, error) {
	line, data, _ := bytes.Cut(content[len(tallyMark):], []byte{'\n'})
	var header tallyHeader
	if err := json.Unmarshal(line, &header); err != nil {
		return nil, checkpoint.Malformed("%s", err)
	}
	opened := &checkpoint.Checkpoint{Container: "a tally", Metadata: header.Metadata}
	for _, t := range header.Tensors {
		dtype, _ := tensor.ParseDType(t.DType)
		view := tensor.View{DType: dtype, Shape: t.Shape}
		size, err := view.Size()
		if err != nil || size > int64(len(data)) {
			return nil, checkpoint.Malformed("tensor %q does not fit", t.Name)
		}
		view.Data, data = tensor.Memory(data[:size:size]), data[size:]
		opened.Tensors = append(opened.Tensors, tensor.Named{Name: t.Name, View: view})
	}
	return opened, nil
}

func writeTally(tensors []tensor.Named, options checkpoint.WriteOptions) ([]output.Part, error) {
	header := tallyHeader{Metadata: options.Metadata}
	var data []output.Part
	for _, t := range tensors {
		header.Tensors = append(header.Tensors, tallyTensor{t.Name, t.DType.String(), t.Shape})
		size, err := t.Size()
		if err != nil {
			return nil, err
		}
		data = append(data, output.Data(size, t.Data))
	}
	line, err := json.Marshal(header)
	return append([]output.Part{output.Literal(slices.Concat(tallyMark, line, []byte{'\n'}))}, data...), err
}

// TestFormats_OneRecord adds a format by its record alone, and finds it wherever formats are read, written, listed, suggested or named.
// It runs before all parallel tests, as it changes what they share.
func TestFormats_OneRecord(t *testing.T) {
	before := formats
	formats = append(slices.Clone(formats), tally)
	defer func() { formats = before }()

	path := filepath.Join(t.TempDir(), "digits.tally")
	report, err := Convert(t.Context(), digits, path, Options{SaveOptions: SaveOptions{Prove: true}})
	if err != nil {
		t.Fatal(err)
	}
	if report.Saved.Format != "tally" || report.Saved.Scheme != naming.Timm || !report.Saved.Proved {
		t.Errorf("the ending leads to %s of scheme %s, proved: %v", report.Saved.Format, report.Saved.Scheme, report.Saved.Proved)
	}
	if slices.ContainsFunc(report.Notes, func(note string) bool { return strings.Contains(note, "epsilon") }) {
		t.Errorf("the format has metadata, but: %q", report.Notes)
	}
	if content, err := os.ReadFile(path); err != nil || !tally.Match(content) {
		t.Errorf("what was written is not of the format, %v", err)
	}
	if difference, err := Diff(t.Context(), digits, path, OpenOptions{}, OpenOptions{}); err != nil || !difference.Equal {
		t.Errorf("what is read back differs, %v", err)
	}
	inspection, err := Inspect(t.Context(), path, InspectOptions{})
	if err != nil || inspection.Format != "tally" || inspection.Metadata[MetadataScheme] != naming.Timm {
		t.Errorf("inspected as %v, %v", inspection, err)
	}

	folder := filepath.Join(t.TempDir(), "folder")
	if _, err := Convert(t.Context(), digits, folder+"/", Options{SaveOptions: SaveOptions{Format: "tally"}}); err != nil {
		t.Errorf("as a folder: %v", err)
	}
	if model, err := Open(t.Context(), folder, OpenOptions{}); err != nil {
		t.Errorf("a folder: %v", err)
	} else {
		if model.File.Format != "tally" || model.From[card.Epsilon] != card.Config {
			t.Errorf("a folder: format %s, epsilon from %s", model.File.Format, model.From[card.Epsilon])
		}
		model.Close()
	}

	if !slices.Contains(Formats(), "tally") {
		t.Errorf("not among %q", Formats())
	}
	text := filepath.Join(t.TempDir(), "notes")
	if err := os.WriteFile(text, []byte("no weights"), 0o600); err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(t.TempDir(), "model.h5")
	if err := os.WriteFile(model, []byte("\x89HDF\r\n\x1a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, word string
		try        func() error
	}{
		{"a text file", ".tally", func() error { return openError(t, text) }},
		{"a foreign file", "Tally", func() error { return openError(t, model) }},
		{"an empty folder", "weights.tally", func() error { return openError(t, t.TempDir()) }},
		{"an unknown format", "did you mean tally?", func() error { return saveError("x", "taly", "") }},
		{"an unknown ending", ".tally", func() error { return saveError("x.y", "", "") }},
		{"a folder of unilm's", "tally", func() error { return saveError(t.TempDir(), "", naming.Unilm) }},
	} {
		err := c.try()
		var advisor interface{ Hint() string }
		if !errors.As(err, &advisor) || !strings.Contains(err.Error()+" "+advisor.Hint(), c.word) {
			t.Errorf("%s: the error does not say %q: %v", c.name, c.word, err)
		}
	}
}

func openError(t *testing.T, path string) error {
	model, err := Open(t.Context(), path, OpenOptions{})
	if err == nil {
		model.Close()
	}
	return err
}

func saveError(path, format, scheme string) error {
	_, err := newTarget(path, SaveOptions{Format: format, To: scheme})
	return err
}

// TestFormats_Records checks what one record says against the others and against the schemes.
func TestFormats_Records(t *testing.T) {
	t.Parallel()
	owner := map[string]string{}
	unique := func(word, format string) {
		if other, taken := owner[word]; taken || word == "" {
			t.Errorf("%q of format %s is empty or also that of %s", word, format, other)
		}
		owner[word] = format
	}
	for _, format := range formats {
		unique(format.Name, format.Name)
		unique(format.FolderFile, format.Name)
		if format.Title == "" || format.Match == nil || format.Read == nil || format.Write == nil || len(format.Endings) == 0 {
			t.Errorf("the record of %s has gaps", format.Name)
		}
		for _, ending := range format.Endings {
			unique(ending.Suffix, format.Name)
			if !strings.HasPrefix(ending.Suffix, ".") || ending.Suffix != strings.ToLower(ending.Suffix) || !slices.Contains(naming.Names(), ending.Scheme) {
				t.Errorf("format %s: ending %q of scheme %q", format.Name, ending.Suffix, ending.Scheme)
			}
		}
		if _, ok := format.Ending(format.FolderFile); !ok {
			t.Errorf("format %s: %s has another ending", format.Name, format.FolderFile)
		}
	}
	for _, name := range naming.Names() {
		scheme, err := naming.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := formatNamed(scheme.Format); !ok {
			t.Errorf("scheme %s has no usual format", name)
		}
	}
}
