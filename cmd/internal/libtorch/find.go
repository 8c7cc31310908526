package libtorch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/semver"
)

// Search says where to look for libtorch. The zero value looks everywhere.
type Search struct {
	// Origins are the places to look at, in this order; nil means Origins().
	Origins []Origin
	// Compiler is the C++ compiler whose search path is "the system"; empty means "c++".
	Compiler string
	// Cache is the folder with the versions that were fetched; empty means CacheFolder().
	Cache string
}

// Find returns the first usable installation, or a *NotFoundError. If the variable LIBTORCH is set, that one must be usable: nothing else is tried.
func Find(ctx context.Context, search Search) (Installation, error) {
	if search.Origins == nil {
		search.Origins = Origins()
	}
	places := map[Origin]func(context.Context) (Installation, error){
		Environment: fromEnvironment,
		Python:      fromPython,
		Cache:       search.fromCache,
		System:      search.fromSystem,
	}
	failure := &NotFoundError{}
	for _, origin := range search.Origins {
		look, known := places[origin]
		if !known {
			return Installation{}, &OriginError{origin}
		}
		installation, err := look(ctx)
		if err == nil {
			return installation, nil
		}
		if ctx.Err() != nil {
			return Installation{}, context.Cause(ctx)
		}
		failure.Tried = append(failure.Tried, Attempt{origin, err})
		if origin == Environment && !errors.Is(err, ErrAbsent) {
			break
		}
	}
	return Installation{}, failure
}

func fromEnvironment(ctx context.Context) (Installation, error) {
	folder := os.Getenv("LIBTORCH")
	if folder == "" {
		return Installation{}, fmt.Errorf("the variable is not set: %w", ErrAbsent)
	}
	return At(ctx, Environment, folder)
}

// packageFolder prints the folder of the package torch without running any of its code. A folder "torch" in the current folder is not taken for
// the package.
const packageFolder = `import importlib.util, sys
sys.path = [folder for folder in sys.path if folder]
spec = importlib.util.find_spec("torch")
print(spec.submodule_search_locations[0] if spec else "")`

func fromPython(ctx context.Context) (Installation, error) {
	output, err := exec.CommandContext(ctx, "python3", "-c", packageFolder).Output()
	if err != nil {
		return Installation{}, fmt.Errorf("asking for the package torch: %w", err)
	}
	folder := strings.TrimSpace(string(output))
	if folder == "" {
		return Installation{}, fmt.Errorf("the package torch is not installed: %w", ErrAbsent)
	}
	return At(ctx, Python, folder)
}

// CacheFolder returns the folder into which `make libtorch` downloads: beitzoo/libtorch in the user's cache folder.
func CacheFolder() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "beitzoo", "libtorch"), nil
}

// newest returns the folder of the highest version that was fetched; "2.11.0-cuda" is preferred to "2.11.0-cpu".
func newest(cache string) (string, error) {
	entries, err := os.ReadDir(cache)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	best := ""
	for _, entry := range entries {
		if version := "v" + entry.Name(); semver.IsValid(version) && semver.Compare(version, "v"+best) > 0 {
			best = entry.Name()
		}
	}
	if best == "" {
		return "", fmt.Errorf("%s is empty: %w", cache, ErrAbsent)
	}
	return filepath.Join(cache, best), nil
}

// fromCache takes the newest of the folders that were fetched.
func (s Search) fromCache(ctx context.Context) (Installation, error) {
	folder := s.Cache
	if folder == "" {
		var err error
		if folder, err = CacheFolder(); err != nil {
			return Installation{}, err
		}
	}
	fetched, err := newest(folder)
	if err != nil {
		return Installation{}, err
	}
	return At(ctx, Cache, filepath.Join(fetched, "torch"))
}

// fromSystem asks the compiler for the library and the headers in its own search path.
func (s Search) fromSystem(ctx context.Context) (Installation, error) {
	compiler := strings.Fields(s.Compiler)
	if len(compiler) == 0 {
		compiler = []string{"c++"}
	}
	ask := func(arguments ...string) (string, error) {
		output, err := exec.CommandContext(ctx, compiler[0], append(compiler[1:], arguments...)...).Output()
		return string(bytes.TrimSpace(output)), err
	}
	library, err := ask("-print-file-name=" + cpuLibrary)
	if err != nil {
		return Installation{}, fmt.Errorf("asking %s for %s: %w", compiler[0], cpuLibrary, err)
	}
	if !filepath.IsAbs(library) {
		return Installation{}, fmt.Errorf("%s finds no %s: %w", compiler[0], cpuLibrary, ErrAbsent)
	}
	const header = api + "/torch/version.h"
	rule, err := ask("-xc++", "-M", "-include", header, os.DevNull)
	at := strings.Index(rule, header)
	if err != nil || at < 0 {
		return Installation{}, fmt.Errorf("%s finds %s but not its headers: %w", compiler[0], cpuLibrary, ErrAbsent)
	}
	root := rule[strings.LastIndexAny(rule[:at], " \n")+1 : at]
	return describe(ctx, Installation{Origin: System, Library: filepath.Dir(library), Include: []string{filepath.Join(root, api)}})
}
