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
	// Include are the folders that the compiler has to be told of, absolute.
	Include []string `json:"include"`
	// CXX11ABI tells whether it was built with the new std::string of libstdc++ (_GLIBCXX_USE_CXX11_ABI).
	CXX11ABI bool `json:"cxx11_abi"`
	// CUDA tells that libtorch_cuda.so is there with every library that it needs.
	CUDA bool `json:"cuda"`
	// CUDAMissing are the libraries that keep a libtorch_cuda.so that is there from being linked.
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

// describe fills in what the files of the installation tell, or says why it cannot be used.
func describe(ctx context.Context, i Installation) (Installation, error) {
	var err error
	if i.Version, err = version(i.Include[len(i.Include)-1]); err != nil {
		return i, err
	}
	missing, err := missingLibraries(ctx, filepath.Join(i.Library, cpuLibrary))
	if err != nil {
		return i, err
	}
	if len(missing) > 0 {
		return i, &IncompleteError{Library: filepath.Join(i.Library, cpuLibrary), Missing: missing}
	}
	if i.CXX11ABI, err = cxx11ABI(filepath.Join(i.Library, coreLibrary)); err != nil {
		return i, err
	}
	cuda := filepath.Join(i.Library, cudaLibrary)
	if _, err := os.Stat(cuda); err == nil {
		if i.CUDAMissing, err = missingLibraries(ctx, cuda); err != nil {
			return i, err
		}
		i.CUDA = len(i.CUDAMissing) == 0
	}
	return i, nil
}

var versionMacro = regexp.MustCompile(`#define TORCH_VERSION[ \\\n]+"([^"]+)"`)

// version reads the macro TORCH_VERSION. Newer headers have it in a file of their own, which the old one includes.
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
	return "", errors.Join(append(problems, fmt.Errorf("%s holds no version of libtorch", include))...)
}
