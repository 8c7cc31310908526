package fit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// compileFlags returns the C++ compiler's flags for libtorch. Warnings in libtorch's headers are silenced.
func (p Plan) compileFlags() []string {
	abi := 0
	if p.Libtorch.CXX11ABI {
		abi = 1
	}
	flags := []string{"-std=c++17", "-w", fmt.Sprintf("-D_GLIBCXX_USE_CXX11_ABI=%d", abi)}
	for _, folder := range p.Libtorch.Include {
		flags = append(flags, "-I"+folder)
	}
	return flags
}

// linkFlags returns the linker's flags. The libraries of CUDA register themselves when they are loaded: they must be kept although nothing
// refers to them.
func (p Plan) linkFlags() []string {
	folder := p.Libtorch.Library
	flags := []string{"-L" + folder, "-Wl,-rpath," + folder}
	if p.CUDA {
		flags = append(flags, "-Wl,--no-as-needed", "-ltorch_cuda", "-lc10_cuda")
	}
	return append(flags, "-ltorch_cpu", "-lc10", "-lstdc++")
}

// writeFlags replaces gotch's libtch/lib.go, whose flags name CUDA libraries and folders of another machine. The functions are thin wrappers:
// more optimisation than -O1, or debug information, takes minutes and gains nothing.
func (p Plan) writeFlags(folder string) error {
	text := fmt.Sprintf(`package libtch

// Written by beitzoo's gotchfit for libtorch %s.

// #cgo CFLAGS: -I${SRCDIR}
// #cgo CXXFLAGS: -O1 -g0 -I${SRCDIR} %s
// #cgo LDFLAGS: %s
import "C"
`, p.Libtorch.Version, cgoFlags(p.compileFlags()), cgoFlags(p.linkFlags()))
	return os.WriteFile(filepath.Join(folder, "libtch", "lib.go"), []byte(text), 0o644)
}

// cgoFlags writes flags as cgo reads them, folders with spaces included.
func cgoFlags(flags []string) string {
	quoted := make([]string, len(flags))
	for i, flag := range flags {
		quoted[i] = flag
		if strings.ContainsAny(flag, " \t'\"\\") {
			quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(flag) + `"`
		}
	}
	return strings.Join(quoted, " ")
}
