package fit

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
)

// unpack writes testdata/gotch.txtar to a temporary folder.
func unpack(t *testing.T) string {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "gotch.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := txtar.Write(archive, folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

// plan is one for the small gotch and its library, with the machine's compiler.
func plan(t *testing.T, folder string) Plan {
	t.Helper()
	compiler, err := FindCompiler(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return Plan{
		Gotch:    Module{Version: "v0.9.1", Dir: filepath.Join(folder, "gotch")},
		Libtorch: libtorch.Installation{Version: "9.9.9", Library: filepath.Join(folder, "lib"), Include: []string{filepath.Join(folder, "include")}, CXX11ABI: true},
		Compiler: compiler,
		Cache:    filepath.Join(folder, "cache"),
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
