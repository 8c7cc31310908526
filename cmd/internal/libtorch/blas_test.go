package libtorch

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
)

// exporting links a library that exports these functions and needs those other libraries of the same folder.
func exporting(t *testing.T, folder, name string, functions []string, needs ...string) string {
	t.Helper()
	text := ""
	for _, function := range functions {
		text += "void " + function + "(void) {}\n"
	}
	source := filepath.Join(t.TempDir(), "library.c")
	write(t, source, text+"typedef int nothing;\n")
	options := []string{"-L" + folder, "-Wl,--no-as-needed", "-Wl,-rpath,$ORIGIN"}
	for _, library := range needs {
		options = append(options, "-l:"+library)
	}
	path := filepath.Join(folder, name)
	link(t, path, source, options...)
	return path
}

func TestBLASOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		make func(t *testing.T, folder string) string
		want BLAS
	}{
		{"in libtorch", func(t *testing.T, folder string) string {
			return exporting(t, folder, cpuLibrary, []string{"sgemm_", "MKL_Get_Version_String"})
		}, BLAS{"MKL", cpuLibrary}},
		{"behind an interface library", func(t *testing.T, folder string) string {
			exporting(t, folder, "libopen.so", []string{"sgemm_", "openblas_get_config"})
			exporting(t, folder, "libblas.so.3", []string{"sgemm_"}, "libopen.so")
			return exporting(t, folder, cpuLibrary, nil, "libblas.so.3")
		}, BLAS{"OpenBLAS", "libopen.so"}},
		{"the reference", func(t *testing.T, folder string) string {
			exporting(t, folder, "libblas.so.3", []string{"sgemm_"})
			return exporting(t, folder, cpuLibrary, nil, "libblas.so.3")
		}, BLAS{Reference, "libblas.so.3"}},
		{"hidden", func(t *testing.T, folder string) string { return exporting(t, folder, cpuLibrary, nil) }, BLAS{"", cpuLibrary}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			got, err := BLASOf(context.Background(), c.make(t, folder))
			if err != nil || got.Name != c.want.Name || filepath.Base(got.Library) != c.want.Library {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	if _, err := BLASOf(context.Background(), filepath.Join(t.TempDir(), cpuLibrary)); err == nil {
		t.Error("a library that is not there has a BLAS")
	}
}

func TestCheckNoticesWhatIsGone(t *testing.T) {
	t.Parallel()
	folder := build{}.in(t, t.TempDir())
	installation, err := At(context.Background(), Cache, folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := installation.Check(context.Background()); err != nil {
		t.Error(err)
	}
	if missing, err := MissingOf(context.Background(), installation.CPULibrary()); err != nil || len(missing) > 0 {
		t.Errorf("%v, %v", missing, err)
	}
	remove(t, folder, "lib", "libhelper.so")
	var incomplete *IncompleteError
	if err := installation.Check(context.Background()); !errors.As(err, &incomplete) || incomplete.Missing[0] != "libhelper.so" {
		t.Errorf("without a library that it needs: %v", err)
	}
	remove(t, folder, "lib", cpuLibrary)
	if err := installation.Check(context.Background()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without itself: %v", err)
	}
}
