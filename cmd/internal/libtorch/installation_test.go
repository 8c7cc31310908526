package libtorch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		build build
		// spoil is a library to take away afterwards.
		spoil string
		want  Installation
	}{
		{"CPU, new ABI", build{}, "", Installation{Version: "9.8.7", CXX11ABI: true}},
		{"CPU, old ABI", build{oldABI: true, version: "2.1.2"}, "", Installation{Version: "2.1.2"}},
		{"CUDA", build{cuda: true}, "", Installation{Version: "9.8.7", CXX11ABI: true, CUDA: true}},
		{"CUDA without its libraries", build{cuda: true}, "libdriver.so", Installation{Version: "9.8.7", CXX11ABI: true, CUDAMissing: []string{"libdriver.so"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := c.build.in(t, t.TempDir())
			if c.spoil != "" {
				remove(t, folder, "lib", c.spoil)
			}
			c.want.Origin, c.want.Library = Cache, filepath.Join(folder, "lib")
			c.want.Include = []string{filepath.Join(folder, "include"), filepath.Join(folder, "include", api)}
			got, err := At(context.Background(), Cache, folder)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAtSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, spoil, says string
	}{
		{"headers missing", "include/" + api + "/torch/version.h", "version.h"},
		{"library missing", "lib/" + cpuLibrary, cpuLibrary},
		{"core library missing", "lib/" + coreLibrary, coreLibrary},
		{"needed library missing", "lib/libhelper.so", "needs libhelper.so"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := build{}.in(t, t.TempDir())
			remove(t, folder, c.spoil)
			if _, err := At(context.Background(), Cache, folder); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("another library", func(t *testing.T) {
		t.Parallel()
		folder := build{}.in(t, t.TempDir())
		source := filepath.Join(folder, "other.c")
		write(t, source, "int other(void) { return 1; }\n")
		link(t, filepath.Join(folder, "lib", coreLibrary), source)
		if _, err := At(context.Background(), Cache, folder); err == nil || !strings.Contains(err.Error(), "is not a libtorch") {
			t.Errorf("got %v", err)
		}
	})
}

func TestIncompleteHint(t *testing.T) {
	t.Parallel()
	err := &IncompleteError{Library: "libtorch_cpu.so", Missing: []string{"libcudart.so.13"}}
	if !strings.Contains(err.Hint(), "nvidia-cuda-runtime") {
		t.Error(err.Hint())
	}
}

func TestFindInOrder(t *testing.T) {
	cache := t.TempDir()
	build{version: "2.9.0"}.in(t, filepath.Join(cache, "2.9.0-cpu", "torch"))
	build{version: "2.11.0"}.in(t, filepath.Join(cache, "2.11.0-cpu", "torch"))
	search := Search{Origins: []Origin{Environment, Cache}, Cache: cache}

	t.Setenv("LIBTORCH", "")
	found, err := Find(context.Background(), search)
	if err != nil {
		t.Fatal(err)
	}
	if found.Version != "2.11.0" || found.Origin != Cache {
		t.Errorf("got %s of %s", found.Version, found.Origin)
	}

	mine := build{version: "1.2.3"}.in(t, t.TempDir())
	t.Setenv("LIBTORCH", mine)
	if found, err = Find(context.Background(), search); err != nil || found.Version != "1.2.3" || found.Origin != Environment {
		t.Errorf("got %s of %s, %v", found.Version, found.Origin, err)
	}

	remove(t, mine, "lib", cpuLibrary)
	var failure *NotFoundError
	if _, err = Find(context.Background(), search); !errors.As(err, &failure) || len(failure.Tried) != 1 || failure.Tried[0].Origin != Environment {
		t.Errorf("a LIBTORCH that is broken was passed over: %v", err)
	}
}

func TestFindSaysWhereItLooked(t *testing.T) {
	t.Setenv("LIBTORCH", "")
	var failure *NotFoundError
	_, err := Find(context.Background(), Search{Origins: []Origin{Environment, Cache}, Cache: filepath.Join(t.TempDir(), "none")})
	if !errors.As(err, &failure) || len(failure.Tried) != 2 || !errors.Is(err, ErrAbsent) || !strings.Contains(failure.Hint(), "make libtorch") {
		t.Errorf("got %v", err)
	}
	if _, err := Find(context.Background(), Search{Origins: []Origin{"moon"}}); err == nil || !strings.Contains(err.Error(), "moon") {
		t.Errorf("an unknown place: %v", err)
	}
}

func TestFindOfTheSystem(t *testing.T) {
	t.Parallel()
	folder := build{version: "1.13.1"}.in(t, t.TempDir())
	search := Search{Origins: []Origin{System}, Compiler: "c++ -B" + filepath.Join(folder, "lib") + " -isystem " + filepath.Join(folder, "include")}
	found, err := Find(context.Background(), search)
	if err != nil {
		t.Fatal(err)
	}
	want := Installation{Origin: System, Version: "1.13.1", Library: filepath.Join(folder, "lib"), Include: []string{filepath.Join(folder, "include", api)}, CXX11ABI: true}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

func TestFindOfPython(t *testing.T) {
	packages := t.TempDir()
	write(t, filepath.Join(packages, "torch", "__init__.py"), "raise SystemExit('the package must not run')\n")
	build{version: "2.3.4"}.in(t, filepath.Join(packages, "torch"))
	t.Setenv("PYTHONPATH", packages)
	found, err := Find(context.Background(), Search{Origins: []Origin{Python}})
	if err != nil || found.Version != "2.3.4" {
		t.Errorf("got %+v, %v", found, err)
	}
	if err := os.RemoveAll(filepath.Join(packages, "torch")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(build{}.in(t, filepath.Join(t.TempDir(), "torch")) + "/..")
	if found, err := Find(context.Background(), Search{Origins: []Origin{Python}}); err == nil && found.Version == "9.8.7" {
		t.Error("a folder named torch in the current folder counts as the installed package")
	}
}
