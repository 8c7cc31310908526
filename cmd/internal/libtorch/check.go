package libtorch

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// Check says what has become wrong with an installation since it was described, such as a file that is gone.
func (i Installation) Check(ctx context.Context) error {
	_, err := describe(ctx, i)
	return err
}

// CPULibrary is the path of the library that every libtorch has.
func (i Installation) CPULibrary() string { return filepath.Join(i.Library, cpuLibrary) }

// Loaded is the path of the libtorch_cpu.so that this process runs with, empty where it runs without one or the system does not tell.
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

// MissingOf lists the shared libraries that keep a program or library from being started, such as those of a libtorch that is gone.
func MissingOf(ctx context.Context, path string) ([]string, error) {
	return missingLibraries(ctx, path)
}
