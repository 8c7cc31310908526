package fit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// gotchPath is the module path of gotch.
const gotchPath = "github.com/sugarme/gotch"

// Module is gotch as it lies in the module cache.
type Module struct {
	Version string
	Dir     string
	// Error is the message of the go command if it cannot get the module.
	Error string
}

// notCopied are gotch's folders with sample programs and with the input of its generator: 90 of its 94 MB.
var notCopied = []string{"example", "gen"}

// FindModule returns the gotch that the go.mod in root asks for, and downloads it if the module cache does not have it.
func FindModule(ctx context.Context, root string) (Module, error) {
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", gotchPath)
	command.Dir = root
	command.Env = append(os.Environ(), "GOWORK=off")
	output, err := command.Output()
	var module Module
	if decodeErr := json.Unmarshal(output, &module); decodeErr != nil {
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			return Module{}, fmt.Errorf("%s: %s", command, failed.Stderr)
		}
		return Module{}, fmt.Errorf("%s: %w", command, errors.Join(err, decodeErr))
	}
	if module.Error != "" {
		return Module{}, fmt.Errorf("%s: %s", command, module.Error)
	}
	return module, nil
}

// copyTo copies the packages of gotch to a folder that does not exist yet. The copy is writable, although the module cache is not.
func (m Module) copyTo(folder string) error {
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, entry := range entries {
		from, to := filepath.Join(m.Dir, entry.Name()), filepath.Join(folder, entry.Name())
		switch {
		case slices.Contains(notCopied, entry.Name()):
		case entry.IsDir():
			err = os.CopyFS(to, os.DirFS(from))
		default:
			var text []byte
			if text, err = os.ReadFile(from); err == nil {
				err = os.WriteFile(to, text, 0o644)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
