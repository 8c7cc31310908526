package fit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
	"github.com/beitzoo/beitzoo/internal/disk"
)

// layout is raised if copies that an older version of this package made must not be used any more.
const layout = 1

// lockInterval is how often a second gotchfit checks whether the first has finished.
const lockInterval = 200 * time.Millisecond

// Plan says which gotch is fitted to which libtorch, with which compiler.
type Plan struct {
	Gotch    Module
	Libtorch libtorch.Installation
	Compiler Compiler
	// CUDA links libtorch's CUDA part.
	CUDA bool
	// Cache is the folder for copies of gotch; see CacheFolder.
	Cache string
	// Progress, if not nil, is called with the name of each step.
	Progress func(step string)
}

// CacheFolder returns the folder for copies of gotch: beitzoo/gotch in the user's cache folder.
func CacheFolder() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "beitzoo", "gotch"), nil
}

func (p Plan) report(format string, arguments ...any) {
	if p.Progress != nil {
		p.Progress(fmt.Sprintf(format, arguments...))
	}
}

// Copy returns the folder of the fitted gotch. Its name is a function of everything that the content depends on.
func (p Plan) Copy() (string, error) {
	identity, err := json.Marshal([]any{layout, p.Gotch.Version, p.Libtorch, p.Compiler, p.CUDA})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(identity)
	return filepath.Join(p.Cache, p.Gotch.Version+"-"+hex.EncodeToString(sum[:6])), nil
}

// Run makes the copy if there is none, and returns its report. Several runs at once, also of several programs, make it once. Errors are
// *IncompatibleError and those of the file system.
func (p Plan) Run(ctx context.Context) (Report, error) {
	folder, err := p.Copy()
	if err != nil {
		return Report{}, err
	}
	if report, err := readReport(folder); !errors.Is(err, fs.ErrNotExist) {
		return report, err
	}
	if err := os.MkdirAll(p.Cache, 0o755); err != nil {
		return Report{}, err
	}
	lock := flock.New(folder + ".lock")
	if _, err := lock.TryLockContext(ctx, lockInterval); err != nil {
		return Report{}, fmt.Errorf("waiting for another gotchfit: %w", err)
	}
	defer lock.Unlock()
	if report, err := readReport(folder); err == nil {
		return report, nil
	}
	report := Report{Folder: folder, Gotch: p.Gotch.Version, Libtorch: p.Libtorch, Compiler: p.Compiler, CUDA: p.CUDA}
	err = disk.NewFolder(folder, func(partial string) (err error) {
		p.report("copying gotch %s to %s", p.Gotch.Version, folder)
		if err := p.Gotch.copyTo(partial); err != nil {
			return fmt.Errorf("copying gotch: %w", err)
		}
		if err := p.writeFlags(partial); err != nil {
			return err
		}
		if report.Stubbed, err = p.adapt(ctx, partial); err != nil {
			return err
		}
		return report.write(partial)
	})
	if err != nil {
		return Report{}, err
	}
	return report, nil
}
