package fit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
)

// ErrUnfitted says that a workspace uses no fitted gotch, or that there is no workspace.
var ErrUnfitted = errors.New("gotch is not fitted to a libtorch here")

// Fitted reads the report of the copy of gotch that the workspace file at path uses; without one, the error is ErrUnfitted.
func Fitted(path string) (Report, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || path == "" {
		return Report{}, ErrUnfitted
	}
	if err != nil {
		return Report{}, err
	}
	workspace, err := modfile.ParseWork(path, text, nil)
	if err != nil {
		return Report{}, err
	}
	for _, replace := range workspace.Replace {
		if replace.Old.Path != gotchPath {
			continue
		}
		folder := replace.New.Path
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(filepath.Dir(path), folder)
		}
		report, err := ReadReport(folder)
		if errors.Is(err, fs.ErrNotExist) {
			return Report{}, fmt.Errorf("%s names %s, which is gone: %w", path, folder, ErrUnfitted)
		}
		return report, err
	}
	return Report{}, ErrUnfitted
}
