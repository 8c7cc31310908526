package fit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// compileFlags are what the C++ compiler needs to know of libtorch. The warnings of its headers are none of ours.
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

// linkFlags name the libraries. Those of CUDA register themselves when they are loaded and so must be kept although nothing refers to them.
func (p Plan) linkFlags() []string {
	folder := p.Libtorch.Library
	flags := []string{"-L" + folder, "-Wl,-rpath," + folder}
	if p.CUDA {
		flags = append(flags, "-Wl,--no-as-needed", "-ltorch_cuda", "-lc10_cuda")
	}
	return append(flags, "-ltorch_cpu", "-lc10", "-lstdc++")
}

// writeFlags replaces gotch's libtch/lib.go, which names CUDA libraries and folders of another machine. The functions are thin wrappers:
// optimising them more than -O1, or describing them to a debugger, costs minutes and gains nothing.
func (p Plan) writeFlags(folder string) error {
	text := fmt.Sprintf(`package libtch

// Written by beitzoo's gotchfit for libtorch %s.

// #cgo CFLAGS: -I${SRCDIR}
// #cgo CXXFLAGS: -O1 -g0 -I${SRCDIR} %s
// #cgo LDFLAGS: %s
import "C"
`, p.Libtorch.Version, quote(p.compileFlags()), quote(p.linkFlags()))
	return os.WriteFile(filepath.Join(folder, "libtch", "lib.go"), []byte(text), 0o644)
}

// quote writes flags as cgo reads them, folders with spaces included.
func quote(flags []string) string {
	quoted := make([]string, len(flags))
	for i, flag := range flags {
		quoted[i] = flag
		if strings.ContainsAny(flag, " \t'\"\\") {
			quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(flag) + `"`
		}
	}
	return strings.Join(quoted, " ")
}
