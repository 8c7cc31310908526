package libtorch

import (
	"context"
	"path/filepath"
)

// Reference is the name of the BLAS that Netlib publishes as a definition, not for use: it is about fifty times slower than the others.
const Reference = "reference"

// BLAS is the library that multiplies matrices for a libtorch.
type BLAS struct {
	// Name is that of the project, Reference, or empty if it is unknown.
	Name string `json:"name,omitempty"`
	// Library is the file, which may be libtorch itself.
	Library string `json:"library"`
}

// makers are the projects that publish a BLAS, each with a function that no other has.
var makers = []struct{ function, name string }{
	{"openblas_get_config", "OpenBLAS"},
	{"MKL_Get_Version_String", "MKL"},
	{"bli_info_get_version_str", "BLIS"},
	{"flexiblas_get_version", "FlexiBLAS"},
	{"armplversion", "ArmPL"},
	{"nvpl_blas_get_version", "NVPL"},
	{"ATL_buildinfo", "ATLAS"},
}

// BLASOf finds the BLAS of a libtorch_cpu.so among the libraries that it is loaded with, by the functions that they export. One that exports
// matrix products and none of the functions in makers is the reference. If no library exports matrix products, the BLAS is inside libtorch, and
// Name is empty.
func BLASOf(ctx context.Context, library string) (BLAS, error) {
	loaded, err := librariesOf(ctx, library)
	if err != nil {
		return BLAS{}, err
	}
	unnamed := BLAS{Library: library}
	for _, path := range append([]string{library}, loaded...) {
		name, multiplies, err := makerOf(path)
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

// makerOf returns the name of the project whose BLAS a library is, or "", and whether the library multiplies matrices at all.
func makerOf(path string) (name string, multiplies bool, err error) {
	exported, err := exportedBy(path)
	if err != nil {
		return "", false, err
	}
	for symbol := range exported {
		multiplies = multiplies || symbol == "sgemm_"
		for _, m := range makers {
			if symbol == m.function {
				name = m.name
			}
		}
	}
	return name, multiplies, nil
}
