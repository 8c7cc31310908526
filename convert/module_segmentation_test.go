package convert_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
)

// A whole module of each of transformers' two classes with UPerNet states which blocks it taps, by its own counting.
func TestOpen_ModuleStatesTaps(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][arch.Levels]arch.Tap{"whole.upernet.pth": {-1, 0, 2, 3}, "whole.beit.pth": {-1, 0, 1, 2}} {
		model, err := convert.Open(t.Context(), filepath.Join("..", "testdata", "segmentation", file), convert.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		if got := model.Config.Segmentation.Taps; got != want || model.From[card.Taps] != card.Module || model.TapsShifted() != (file == "whole.beit.pth") {
			t.Errorf("%s: taps %v, from %s, shifted: %t", file, got, model.From[card.Taps], model.TapsShifted())
		}
		if warnings := model.Input().Warnings; strings.Contains(strings.Join(warnings, "\n"), "beside") {
			t.Errorf("%s: warnings %q", file, warnings)
		}
	}
}

// Other pool scales than those with which beitzoo computes a module are refused: no parameter tells them.
func TestOpen_ModuleWithOtherPoolScales(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.pth")
	rewriteZip(t, filepath.Join("..", "testdata", "segmentation", "whole.upernet.pth"), path, func(name string, content []byte) []byte {
		if !strings.HasSuffix(name, "/data.pkl") {
			return content
		}
		scales := []byte("K\x01K\x02K\x03K\x06") // the numbers 1, 2, 3, 6
		if !bytes.Contains(content, scales) {
			t.Fatal("the module has no pool scales of that form")
		}
		return bytes.ReplaceAll(content, scales, []byte("K\x01K\x02K\x03K\x05"))
	})
	_, err := convert.Open(t.Context(), path, convert.OpenOptions{})
	var module *convert.ModuleError
	if !errors.As(err, &module) || !strings.Contains(err.Error(), "states the pool scales [1 2 3 5]") {
		t.Errorf("%T %v", err, err)
	}
}

// rewriteZip writes an archive of stored entries again, with other content.
func rewriteZip(t *testing.T, from, to string, change func(name string, content []byte) []byte) {
	t.Helper()
	in, err := zip.OpenReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var made bytes.Buffer
	out := zip.NewWriter(&made)
	for _, file := range in.File {
		reader, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		content = change(file.Name, content)
		size := uint64(len(content))
		writer, err := out.CreateRaw(&zip.FileHeader{Name: file.Name, CRC32: crc32.ChecksumIEEE(content), CompressedSize64: size, UncompressedSize64: size})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, made.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A recording in place of a model is called one.
func TestOpen_Recording(t *testing.T) {
	t.Parallel()
	_, err := convert.Open(t.Context(), filepath.Join("..", "testdata", "segmentation", "whole.beit.recording.safetensors"), convert.OpenOptions{})
	var recording *convert.RecordingError
	if !errors.As(err, &recording) {
		t.Errorf("%T %v", err, err)
	}
}
