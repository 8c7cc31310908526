package beitzoo_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// maxLines is how long the program in README.md may be: it opens any checkpoint, classifies an image and handles errors.
const maxLines = 20

// TestReadme_Program takes the program out of README.md, builds it in another module, as a user would, and lets it classify a digit from a JPEG file.
func TestReadme_Program(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, program, _ := strings.Cut(string(readme), "```go\n")
	program, _, found := strings.Cut(program, "```")
	if lines := strings.Count(program, "\n"); !found || lines > maxLines {
		t.Fatalf("the program in README.md has %d lines, %d are the limit", lines, maxLines)
	}
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	put := func(name, content string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	put("main.go", program)
	put("go.mod", "module example.org/label\n\ngo 1.26.0\n\nrequire github.com/beitzoo/beitzoo v0.0.0\n\nreplace github.com/beitzoo/beitzoo => "+strconv.Quote(root)+"\n")
	put("go.sum", string(sums))
	put("seven.jpg", asJPEG(t, seven))

	command := exec.CommandContext(t.Context(), "go", "run", ".", "digits_p16_64", "seven.jpg")
	command.Dir = folder
	command.Env = append(command.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "BEITZOO_HOME="+t.TempDir())
	out, err := command.CombinedOutput()
	if want := "seven.jpg 7 (class 7)\n"; err != nil || string(out) != want {
		t.Errorf("%v, printed %q, want %q", err, out, want)
	}
}

// asJPEG returns the image in a PNG file, encoded as JPEG.
func asJPEG(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var img image.Image
	if img, err = png.Decode(bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return encoded.String()
}
