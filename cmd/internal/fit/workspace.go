package fit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"

	"github.com/beitzoo/beitzoo/internal/disk"
)

// UseCopy edits the workspace file at path (a go.work, which need not exist) so that it uses the module in root, and for gotch the copy in
// folder. The rest of the file stays as it is.
func UseCopy(path, root, folder string) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	workspace, err := modfile.ParseWork(path, old, nil)
	if err != nil {
		return err
	}
	if err := editWorkspace(workspace, filepath.Dir(path), root, folder); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	text := modfile.Format(workspace.Syntax)
	if bytes.Equal(text, old) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return disk.WriteFile(path, text, 0o644)
}

// editWorkspace adds what UseCopy promises to a parsed workspace file of that folder.
func editWorkspace(workspace *modfile.WorkFile, folder, root, gotch string) error {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	module, err := modfile.ParseLax("go.mod", text, nil)
	if err != nil {
		return err
	}
	if workspace.Go == nil && module.Go != nil {
		if err := workspace.AddGoStmt(module.Go.Version); err != nil {
			return err
		}
	}
	use := root
	if folder == root {
		use = "."
	}
	if err := workspace.AddUse(use, module.Module.Mod.Path); err != nil {
		return err
	}
	if err := workspace.AddReplace(gotchPath, "", gotch, ""); err != nil {
		return err
	}
	workspace.Cleanup()
	workspace.SortBlocks()
	return nil
}

// ReportOf reads the report of the copy of gotch that the workspace file at path uses. If there is no such file or no copy, the error is
// ErrUnfitted.
func ReportOf(path string) (Report, error) {
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
		report, err := readReport(folder)
		if errors.Is(err, fs.ErrNotExist) {
			return Report{}, fmt.Errorf("%s names %s, which is gone: %w", path, folder, ErrUnfitted)
		}
		return report, err
	}
	return Report{}, ErrUnfitted
}
