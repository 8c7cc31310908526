package pytorch_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
)

// unpack writes the records of an archive into a folder, as unzip does, and returns the path of the archive's own folder.
func unpack(t *testing.T, archive, folder string) string {
	t.Helper()
	content := file(t, archive)
	reader, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	inner := ""
	for _, record := range reader.File {
		from, err := record.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, record.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		inner = filepath.Join(folder, strings.Split(record.Name, "/")[0])
	}
	return inner
}

func openPath(path string) (*checkpoint.Checkpoint, error) {
	return checkpoint.Open(context.Background(), path, checkpoint.Options{}, pytorch.Format)
}

// TestUnpackedArchives reads archives that were unpacked, by the folder, by the one around it, and by data.pkl.
func TestUnpackedArchives(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"odd.zip.pth", "odd.zip4.pth", "module.odd.zip.pth"} {
		outer := t.TempDir()
		inner := unpack(t, filepath.Join("testdata", name), outer)
		if err := os.WriteFile(filepath.Join(outer, ".DS_Store"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		want := lines(t, open(t, file(t, "testdata", name)).Tensors, digest)
		for _, path := range []string{inner, outer, filepath.Join(inner, "data.pkl")} {
			opened, err := openPath(path)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if diff := cmp.Diff(want, lines(t, opened.Tensors, digest)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
			if opened.Path != path || opened.Format != "pytorch" || !strings.HasPrefix(opened.Container, "unpacked zip archive, format 3") || opened.Size < 1000 {
				t.Errorf("%s: %q, %q, %d bytes", path, opened.Path, opened.Container, opened.Size)
			}
			if err := opened.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestUnpackedArchives_Damaged changes one file of an unpacked archive.
func TestUnpackedArchives_Damaged(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(inner string) error
		kind   error
		says   string
	}{
		"a record is missing": {func(inner string) error { return os.Remove(filepath.Join(inner, "data", "0")) }, checkpoint.ErrMalformed, `no record "data/0"`},
		"a record is cut":     {func(inner string) error { return os.Truncate(filepath.Join(inner, "data", "0"), 3) }, checkpoint.ErrMalformed, `"data/0" has 3 bytes`},
		"a record is a folder": {func(inner string) error {
			path := filepath.Join(inner, "data", "0")
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		}, checkpoint.ErrUnsupported, "a folder"},
		"a record leads out": {func(inner string) error {
			path := filepath.Join(inner, "data", "0")
			return errors.Join(os.Rename(path, inner+".out"), os.Symlink(inner+".out", path))
		}, checkpoint.ErrUnsafe, "leads out"},
		"the records lead out": {func(inner string) error {
			path := filepath.Join(inner, "data")
			return errors.Join(os.Rename(path, inner+".out"), os.Symlink(inner+".out", path))
		}, checkpoint.ErrUnsafe, "leads out"},
		"data.pkl is cut":   {func(inner string) error { return os.Truncate(filepath.Join(inner, "data.pkl"), 100) }, checkpoint.ErrMalformed, "pickle ends"},
		"an immense number": {func(inner string) error { return os.Truncate(filepath.Join(inner, "version"), 1<<20) }, checkpoint.ErrMalformed, `"version" has 1048576 bytes`},
		"a program": {func(inner string) error {
			return os.WriteFile(filepath.Join(inner, "constants.pkl"), []byte("x"), 0o600)
		}, checkpoint.ErrUnsupported, "TorchScript"},
		"data.pkl is a link to nothing": {func(inner string) error {
			path := filepath.Join(inner, "data.pkl")
			return errors.Join(os.Remove(path), os.Symlink("nowhere", path))
		}, checkpoint.ErrMalformed, `the record "data.pkl" is missing`},
		"data.pkl alone": {func(inner string) error {
			return errors.Join(os.RemoveAll(filepath.Join(inner, "data")), os.Remove(filepath.Join(inner, "version")))
		}, checkpoint.ErrFormat, "the folder holds no"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inner := unpack(t, filepath.Join("testdata", "module.linear.zip.pth"), t.TempDir())
			if err := test.change(inner); err != nil {
				t.Skipf("this system does not allow it: %v", err)
			}
			opened, err := openPath(inner)
			var problem *checkpoint.Error
			if opened != nil || !errors.As(err, &problem) || !errors.Is(err, test.kind) || !strings.Contains(problem.Reason, test.says) {
				t.Fatalf("got %v, want %v with %q", err, test.kind, test.says)
			}
			if problem.Path != inner || problem.Hint() == "" {
				t.Errorf("path %q, hint %q", problem.Path, problem.Hint())
			}
		})
	}
}
