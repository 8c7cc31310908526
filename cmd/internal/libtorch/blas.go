package libtorch

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Reference is the name of the BLAS that Netlib publishes as a definition, not for use: it is some fifty times slower than the others.
const Reference = "reference"

// BLAS is the library that multiplies matrices for a libtorch.
type BLAS struct {
	// Name is that of the project, Reference, or empty where it is none of the known ones.
	Name string `json:"name,omitempty"`
	// Library is the file, which may be libtorch itself.
	Library string `json:"library"`
}

// makers says by which function a BLAS is recognised.
var makers = []struct{ function, name string }{
	{"openblas_get_config", "OpenBLAS"},
	{"MKL_Get_Version_String", "MKL"},
	{"bli_info_get_version_str", "BLIS"},
	{"flexiblas_get_version", "FlexiBLAS"},
	{"armplversion", "ArmPL"},
	{"nvpl_blas_get_version", "NVPL"},
	{"ATL_buildinfo", "ATLAS"},
}

// BLASOf finds the BLAS of a libtorch_cpu.so among the libraries that it is loaded with, by the functions that they export: a BLAS that none of its
// makers' functions identifies is the reference. A libtorch whose BLAS is hidden in it gives an empty Name.
func BLASOf(ctx context.Context, library string) (BLAS, error) {
	listing, err := exec.CommandContext(ctx, "ldd", library).CombinedOutput()
	if err != nil {
		return BLAS{}, fmt.Errorf("ldd %s: %w: %s", library, err, firstLine(listing))
	}
	unnamed := BLAS{Library: library}
	for _, path := range append([]string{library}, parseFound(string(listing))...) {
		name, multiplies, err := maker(path)
		if err != nil {
			return BLAS{}, err
		}
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			path = resolved
		}
		if name != "" {
			return BLAS{name, path}, nil
		}
		if multiplies && unnamed.Name == "" {
			unnamed = BLAS{Reference, path}
		}
	}
	return unnamed, nil
}

// maker tells by the exported functions whose BLAS a library is, and whether it has one at all.
func maker(path string) (name string, multiplies bool, err error) {
	file, err := elf.Open(path)
	if err != nil {
		return "", false, err
	}
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return "", false, fmt.Errorf("%s: %w", path, err)
	}
	for _, symbol := range symbols {
		if symbol.Section == elf.SHN_UNDEF {
			continue
		}
		multiplies = multiplies || symbol.Name == "sgemm_"
		for _, m := range makers {
			if symbol.Name == m.function {
				name = m.name
			}
		}
	}
	return name, multiplies, nil
}

// parseFound picks the paths out of ldd's lines "libblas.so.3 => /lib/libblas.so.3 (0x...)".
func parseFound(listing string) []string {
	var paths []string
	for line := range strings.Lines(listing) {
		_, target, arrow := strings.Cut(line, " => ")
		if path, _, found := strings.Cut(target, " (0x"); arrow && found && filepath.IsAbs(path) {
			paths = append(paths, path)
		}
	}
	return paths
}
