package libtorch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Origin is the place where an installation was found.
type Origin string

// The places, in the order in which Find looks.
const (
	Environment Origin = "LIBTORCH"
	Python      Origin = "python3"
	Cache       Origin = "cache"
	System      Origin = "system"
)

// Origins lists the places in the order in which Find looks.
func Origins() []Origin { return []Origin{Environment, Python, Cache, System} }

// Installation is a libtorch that can be compiled against and linked.
type Installation struct {
	Origin Origin `json:"origin"`
	// Version is that of its headers, such as "2.11.0".
	Version string `json:"version"`
	// Library is the folder of libtorch_cpu.so, absolute.
	Library string `json:"library"`
	// Include are the folders for the compiler's -I options, absolute.
	Include []string `json:"include"`
	// CXX11ABI says whether it was built with the new std::string of libstdc++ (_GLIBCXX_USE_CXX11_ABI).
	CXX11ABI bool `json:"cxx11_abi"`
	// CUDA says whether libtorch_cuda.so is there with every library that it needs.
	CUDA bool `json:"cuda"`
	// CUDAMissing are the libraries without which a libtorch_cuda.so that is there cannot be linked.
	CUDAMissing []string `json:"cuda_missing,omitempty"`
}

const (
	cpuLibrary  = "libtorch_cpu.so"
	cudaLibrary = "libtorch_cuda.so"
	coreLibrary = "libc10.so"
	// api is the folder of <torch/torch.h> below the include folder.
	api = "torch/csrc/api/include"
)

// At describes the installation in a folder with lib/ and include/, as libtorch archives and the Python package have them.
func At(ctx context.Context, origin Origin, folder string) (Installation, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return Installation{}, err
	}
	include := filepath.Join(folder, "include")
	return describe(ctx, Installation{
		Origin:  origin,
		Library: filepath.Join(folder, "lib"),
		Include: []string{include, filepath.Join(include, api)},
	})
}

// Check looks at an installation again and returns an error if it can no longer be used, for example because a file was deleted.
func (i Installation) Check(ctx context.Context) error {
	_, err := describe(ctx, i)
	return err
}

// CPULibrary returns the path of the library that every libtorch has.
func (i Installation) CPULibrary() string { return filepath.Join(i.Library, cpuLibrary) }

// Loaded returns the path of the libtorch_cpu.so that this process runs with, or "" if it runs without one or the system does not say.
func Loaded() string {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(maps)) {
		if at := strings.IndexByte(line, '/'); at >= 0 {
			if path := strings.TrimSpace(line[at:]); filepath.Base(path) == cpuLibrary {
				return path
			}
		}
	}
	return ""
}

// describe reads from the files of an installation what is not known of it yet. It returns an error if the installation cannot be used.
func describe(ctx context.Context, i Installation) (Installation, error) {
	var err error
	if i.Version, err = version(i.Include[len(i.Include)-1]); err != nil {
		return i, err
	}
	missing, err := MissingOf(ctx, i.CPULibrary())
	if err != nil {
		return i, err
	}
	if len(missing) > 0 {
		return i, &IncompleteError{Library: i.CPULibrary(), Missing: missing}
	}
	if i.CXX11ABI, err = cxx11ABI(filepath.Join(i.Library, coreLibrary)); err != nil {
		return i, err
	}
	cuda := filepath.Join(i.Library, cudaLibrary)
	if _, err := os.Stat(cuda); err == nil {
		if i.CUDAMissing, err = MissingOf(ctx, cuda); err != nil {
			return i, err
		}
		i.CUDA = len(i.CUDAMissing) == 0
	}
	return i, nil
}

var versionMacro = regexp.MustCompile(`#define TORCH_VERSION[ \\\n]+"([^"]+)"`)

// version reads the macro TORCH_VERSION. Newer versions define it in a header of its own, which the old header includes.
func version(include string) (string, error) {
	root := strings.TrimSuffix(include, api)
	var problems []error
	for _, header := range []string{filepath.Join(include, "torch/version.h"), filepath.Join(root, "torch/headeronly/version.h")} {
		text, err := os.ReadFile(header)
		if err != nil {
			problems = append(problems, err)
		} else if found := versionMacro.FindSubmatch(text); found != nil {
			return string(found[1]), nil
		}
	}
	return "", errors.Join(append(problems, fmt.Errorf("%s has no header with the version of libtorch", include))...)
}

// errorConstructor begins the mangled name of c10::Error's constructors, which take a std::string.
const errorConstructor = "_ZN3c105ErrorC"

// cxx11ABI reports whether a library was built with the new std::string. The names of the constructors of c10::Error show it.
func cxx11ABI(path string) (bool, error) {
	exported, err := exportedBy(path)
	if err != nil {
		return false, err
	}
	found := false
	for symbol := range exported {
		if strings.HasPrefix(symbol, errorConstructor) {
			found = true
			if strings.Contains(symbol, "__cxx11") {
				return true, nil
			}
		}
	}
	if !found {
		return false, fmt.Errorf("%s does not export c10::Error: it is not a libtorch, or was built with another C++ library", path)
	}
	return false, nil
}
