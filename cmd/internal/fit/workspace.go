package fit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
)

// UseCopy writes into the workspace file at path (a go.work, which need not exist) that the module in root is worked on and that gotch is
// the one in folder. Whatever else the file says stays.
func UseCopy(path, root, folder string) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	workspace, err := modfile.ParseWork(path, old, nil)
	if err != nil {
		return err
	}
	if err := describeWorkspace(workspace, filepath.Dir(path), root, folder); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	text := modfile.Format(workspace.Syntax)
	if bytes.Equal(text, old) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	partial := path + ".partial"
	if err := os.WriteFile(partial, text, 0o644); err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return os.Rename(partial, path)
}

// describeWorkspace edits the parsed file.
func describeWorkspace(workspace *modfile.WorkFile, folder, root, gotch string) error {
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
