package checkpoint_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

var formats = []checkpoint.Format{paddle.Format, pytorch.Format, safetensors.Format}

// testdata is the repository's.
const testdata = "../../testdata"

func open(path string) (*checkpoint.Checkpoint, error) {
	return checkpoint.Open(context.Background(), path, checkpoint.Options{}, formats...)
}

// TestOneFormatEach makes sure that the order of formats cannot matter: exactly one recognises each file.
func TestOneFormatEach(t *testing.T) {
	t.Parallel()
	bySuffix := map[string]string{
		".pdparams": "paddle", ".pdopt": "paddle", ".pth": "pytorch", ".pt": "pytorch", ".bin": "pytorch", ".safetensors": "safetensors",
	}
	count := 0
	visit := func(path string, entry fs.DirEntry, err error) error {
		want, ok := bySuffix[filepath.Ext(path)]
		if err != nil || entry.IsDir() || !ok {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var got []string
		for _, format := range formats {
			if format.Match(content) {
				got = append(got, format.Name)
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s: recognised by %q, want %s", path, got, want)
		}
		count++
		return nil
	}
	err := errors.Join(filepath.WalkDir(testdata, visit), filepath.WalkDir("../../manifests/embedded", visit))
	if err != nil || count < 30 {
		t.Errorf("%d files, %v", count, err)
	}
}

// TestSameTensorsInTwoFormats compares timm's model as safetensors and as PyTorch file, bit for bit.
func TestSameTensorsInTwoFormats(t *testing.T) {
	t.Parallel()
	byName := map[string]tensor.Named{}
	a, err := open(filepath.Join(testdata, "digits", "digits_p16_64.timm.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := open(filepath.Join(testdata, "digits", "digits_p16_64.timm.pth"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, made := range a.Tensors {
		byName[made.Name] = made
	}
	if len(a.Tensors) != len(b.Tensors) {
		t.Errorf("%d and %d tensors", len(a.Tensors), len(b.Tensors))
	}
	for _, made := range b.Tensors {
		other := byName[made.Name]
		if made.DType != other.DType || !made.Shape.Equal(other.Shape) {
			t.Errorf("%s: %s %s and %s %s", made.Name, made.DType, made.Shape, other.DType, other.Shape)
			continue
		}
		raw, err := made.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if same, err := other.Bytes(); err != nil || string(same) != string(raw) {
			t.Errorf("%s: other bytes, or %v", made.Name, err)
		}
	}
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ content, says, hint string }{
		"empty":        {"", "the file is empty", "download"},
		"text":         {"These are not weights.\n", `a text file, perhaps what a server answered: "These are not weights."`, "check the download"},
		"a long text":  {strings.Repeat("weights\n", 500), "a text file", "check the download"},
		"the hub":      {"Entry not found", `what a server answered: "Entry not found"`, "the address may be wrong"},
		"a hub's JSON": {`{"error":"Repository not found"}`, `what a server answered: "Repository not found"`, "the address may be wrong"},
		"Azure": {
			"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>PublicAccessNotPermitted</Code><Message>Public access is not permitted on this storage account.\n" +
				"RequestId:0\nTime:2023-06-16T02:21:24Z</Message></Error>",
			`what a server answered in place of the file: "Public access is not permitted on this storage account."`, "get the file from another one",
		},
		"a page after a blank line": {
			"\n<!doctype html><html lang=en><head><title>Sign in to your account</title>", `a web page: "Sign in to your account"`, "download the file itself",
		},
		"a page after a byte order mark": {"\xef\xbb\xbf \n<html><body>", "a web page", "download the file itself"},
		"Git LFS":                        {"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 17\n", "Git LFS pointer, not the weights, which have 17 bytes", "git lfs pull"},
		"a page":                         {"<!doctype html><p>404", "a web page", "download the file itself"},
		"gzip":                           {"\x1f\x8b\x08\x00", "gzip", "gzip -d"},
		"HDF5":                           {"\x89HDF\r\n\x1a\n", "HDF5", "PyTorch"},
		"noise":                          {"\x00\x01\x02\x03\xff\xfe", "no known checkpoint container", "check the download"},
		"a short header":                 {"\x02\x00\x00\x00", "no known checkpoint container", "check the download"},
	}
	for name, test := range tests {
		path := filepath.Join(t.TempDir(), "weights.pth")
		write(t, path, test.content)
		opened, err := open(path)
		var problem *checkpoint.Error
		if opened != nil || !errors.Is(err, checkpoint.ErrFormat) || !errors.As(err, &problem) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(problem.Reason, test.says) || !strings.Contains(problem.Hint(), test.hint) || problem.Path != path {
			t.Errorf("%s: %v (%s); want %q and %q", name, err, problem.Hint(), test.says, test.hint)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPathsThatDoNotOpen(t *testing.T) {
	t.Parallel()
	if _, err := open(filepath.Join(t.TempDir(), "missing.pth")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := open(os.DevNull); !errors.Is(err, checkpoint.ErrUnsupported) {
		t.Errorf("a device: %v", err)
	}
	if _, err := open(t.TempDir()); !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), "model.safetensors") {
		t.Errorf("an empty folder: %v", err)
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "model.safetensors"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := open(folder); !errors.Is(err, checkpoint.ErrUnsupported) || !strings.Contains(err.Error(), "a folder, where a file") {
		t.Errorf("a folder in place of the file: %v", err)
	}
}

// TestCutShortWhileOpening has a format that truncates its own file: the fault must come back as an error.
func TestCutShortWhileOpening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "model.bin")
	write(t, path, strings.Repeat("x", 1<<20))
	var sum byte
	unlucky := checkpoint.Format{
		Name:  "unlucky",
		Match: func([]byte) bool { return true },
		Read: func(_ context.Context, content []byte, _ checkpoint.Options) (*checkpoint.Checkpoint, error) {
			if err := os.Truncate(path, 1); err != nil {
				return nil, err
			}
			for _, b := range content {
				sum += b
			}
			return &checkpoint.Checkpoint{}, nil
		},
	}
	opened, err := checkpoint.Open(context.Background(), path, checkpoint.Options{}, unlucky)
	if opened != nil || !errors.Is(err, checkpoint.ErrMalformed) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v after a sum of %d", err, sum)
	}
}

func TestChangedAndClose(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(testdata, "tiny", "tiny_p16_32.hf", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	write(t, path, string(content))
	opened, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	if opened.Changed() {
		t.Error("changed, though nobody touched it")
	}
	write(t, path+".new", "another file of this name")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if opened.Changed() {
		t.Error("changed, though only the name means another file now")
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
	if err := opened.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	write(t, path, string(content))
	if opened, err = open(path); err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	if !opened.Changed() {
		t.Error("cut short, but not changed")
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	err := checkpoint.Malformed("tensor %q", "a\x1b[2J").At(17).WithHint("try %d", 2)
	err.Path = "model.bin"
	if got, want := err.Error(), `model.bin: malformed: tensor "a\x1b[2J" (at byte 17)`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !errors.Is(err, checkpoint.ErrMalformed) || err.Hint() != "try 2" {
		t.Errorf("kind %v, hint %s", err.Kind, err.Hint())
	}
	if got := checkpoint.PanicText(errors.New(strings.Repeat("x", 1000))); len(got) != 200 {
		t.Errorf("a text of %d bytes", len(got))
	}
	if got := checkpoint.PanicText(strings.Repeat("x", 1000)); got != "unexpected fault" {
		t.Errorf("got %s", got)
	}
}

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	for _, kind := range []error{checkpoint.ErrFormat, checkpoint.ErrMalformed, checkpoint.ErrUnsafe, checkpoint.ErrUnsupported, checkpoint.ErrNoModel} {
		err := checkpoint.Errorf(kind, "x")
		if !errors.Is(err, kind) || !errors.Is(errdef.Kind(err), errdef.ErrInput) || err.Hint() == "" {
			t.Errorf("%v: kind %v, hint %q", err, errdef.Kind(err), err.Hint())
		}
	}
}
