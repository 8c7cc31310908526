package libtorch

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
)

// MissingOf returns the names of the shared libraries that a program or library needs, directly or not, and that the loader does not find here.
func MissingOf(ctx context.Context, path string) ([]string, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	listing, err := ldd(ctx, path)
	if err != nil {
		return nil, err
	}
	var missing []string
	for line := range strings.Lines(listing) {
		if name, found := strings.CutSuffix(strings.TrimSpace(line), " => not found"); found {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// librariesOf returns the paths of the libraries that the loader loads for a library, from lines such as
// "libblas.so.3 => /lib/libblas.so.3 (0x...)".
func librariesOf(ctx context.Context, path string) ([]string, error) {
	listing, err := ldd(ctx, path)
	if err != nil {
		return nil, err
	}
	var paths []string
	for line := range strings.Lines(listing) {
		_, target, arrow := strings.Cut(line, " => ")
		if path, _, found := strings.Cut(target, " (0x"); arrow && found && filepath.IsAbs(path) {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// ldd lists the libraries that path is loaded with, one a line.
func ldd(ctx context.Context, path string) (string, error) {
	listing, err := exec.CommandContext(ctx, "ldd", path).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ldd %s: %w: %s", path, err, text.FirstLine(string(listing)))
	}
	return string(listing), nil
}

// exportedBy returns the names of the functions and variables that a library exports.
func exportedBy(path string) (iter.Seq[string], error) {
	file, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return func(yield func(string) bool) {
		for _, symbol := range symbols {
			if symbol.Section != elf.SHN_UNDEF && !yield(symbol.Name) {
				return
			}
		}
	}, nil
}
