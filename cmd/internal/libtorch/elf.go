package libtorch

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// missingLibraries asks the loader which of the libraries that path needs, directly or not, this machine lacks.
func missingLibraries(ctx context.Context, path string) ([]string, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	listing, err := exec.CommandContext(ctx, "ldd", path).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("ldd %s: %w: %s", path, err, firstLine(listing))
	}
	return parseMissing(string(listing)), nil
}

// parseMissing picks the names out of ldd's lines "libcudart.so.13 => not found".
func parseMissing(listing string) []string {
	var missing []string
	for line := range strings.Lines(listing) {
		if name, found := strings.CutSuffix(strings.TrimSpace(line), " => not found"); found {
			missing = append(missing, name)
		}
	}
	return missing
}

// errorConstructor begins the mangled name of c10::Error's constructors, which take a std::string.
const errorConstructor = "_ZN3c105ErrorC"

// cxx11ABI tells by the exported constructors of c10::Error which std::string the library was built with.
func cxx11ABI(path string) (bool, error) {
	file, err := elf.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	found := false
	for _, symbol := range symbols {
		if strings.HasPrefix(symbol.Name, errorConstructor) {
			found = true
			if strings.Contains(symbol.Name, "__cxx11") {
				return true, nil
			}
		}
	}
	if !found {
		return false, fmt.Errorf("%s does not export c10::Error: not a libtorch, or one built with another C++ library", path)
	}
	return false, nil
}

func firstLine(output []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(output)), "\n")
	return line
}
