package libtorch

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// constructors are the names that libtorch 2.11 and 2.1 export for the constructor of c10::Error, with the new and the old std::string.
var constructors = map[bool]string{
	true:  "_ZN3c105ErrorC1ENS_14SourceLocationENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
	false: "_ZN3c105ErrorC1ENS_14SourceLocationESs",
}

// build makes a small installation with the machine's compiler: real ELF files that hold what this package looks at.
type build struct {
	oldABI  bool
	version string
	cuda    bool
}

func (b build) in(t *testing.T, folder string) string {
	t.Helper()
	if b.version == "" {
		b.version = "9.8.7"
	}
	write(t, filepath.Join(folder, "include", api, "torch", "version.h"), "#define TORCH_VERSION_MAJOR 9\n#define TORCH_VERSION \\\n  \""+b.version+"\"\n")
	lib := filepath.Join(folder, "lib")
	source := filepath.Join(t.TempDir(), "error.c")
	write(t, source, "void error(void) __asm__(\""+constructors[!b.oldABI]+"\");\nvoid error(void) {}\n")
	link(t, filepath.Join(lib, "libhelper.so"), source)
	link(t, filepath.Join(lib, coreLibrary), source)
	link(t, filepath.Join(lib, cpuLibrary), source, "-L"+lib, "-Wl,--no-as-needed", "-lhelper", "-Wl,-rpath,$ORIGIN")
	if b.cuda {
		link(t, filepath.Join(lib, "libdriver.so"), source)
		link(t, filepath.Join(lib, cudaLibrary), source, "-L"+lib, "-Wl,--no-as-needed", "-ldriver", "-Wl,-rpath,$ORIGIN")
	}
	return folder
}

func link(t *testing.T, library, source string, options ...string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(library), 0o755); err != nil {
		t.Fatal(err)
	}
	arguments := append([]string{"-shared", "-fPIC", "-o", library, source}, options...)
	if output, err := exec.Command("cc", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path ...string) {
	t.Helper()
	if err := os.Remove(filepath.Join(path...)); err != nil {
		t.Fatal(err)
	}
}
