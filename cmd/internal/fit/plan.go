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

	"github.com/gofrs/flock"

	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
)

// recipe is raised when copies made by an older version of this package must not be used any more.
const recipe = 1

// Plan says what to fit to what.
type Plan struct {
	Gotch    Module
	Libtorch libtorch.Installation
	Compiler Compiler
	// CUDA links libtorch's CUDA part.
	CUDA bool
	// Cache is the folder for copies of gotch; see CacheFolder.
	Cache string
	// Progress is told what is being done; nil tells nobody.
	Progress func(step string)
}

// CacheFolder is beitzoo/gotch below the user's cache folder.
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

// Copy is the folder of the fitted gotch. Its name is a function of everything that shapes the content.
func (p Plan) Copy() (string, error) {
	identity, err := json.Marshal([]any{recipe, p.Gotch.Version, p.Libtorch, p.Compiler, p.CUDA})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(identity)
	return filepath.Join(p.Cache, p.Gotch.Version+"-"+hex.EncodeToString(sum[:6])), nil
}

// Run makes the copy, or finds it made, and tells about it. Several runs at once, also of several programs, make it once.
func (p Plan) Run(ctx context.Context) (Report, error) {
	folder, err := p.Copy()
	if err != nil {
		return Report{}, err
	}
	if report, err := ReadReport(folder); !errors.Is(err, fs.ErrNotExist) {
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
	if report, err := ReadReport(folder); err == nil {
		return report, nil
	}
	return p.make(ctx, folder)
}

// make copies and adapts beside folder, and renames at the end.
func (p Plan) make(ctx context.Context, folder string) (report Report, err error) {
	partial := folder + ".partial"
	defer func() { err = errors.Join(err, os.RemoveAll(partial)) }()
	if err := os.RemoveAll(partial); err != nil {
		return Report{}, err
	}
	p.report("copying gotch %s to %s", p.Gotch.Version, folder)
	if err := p.Gotch.copyTo(partial); err != nil {
		return Report{}, fmt.Errorf("copying gotch: %w", err)
	}
	if err := p.writeFlags(partial); err != nil {
		return Report{}, err
	}
	stubbed, err := p.adapt(ctx, partial)
	if err != nil {
		return Report{}, err
	}
	report = Report{Gotch: p.Gotch.Version, Libtorch: p.Libtorch, Compiler: p.Compiler, CUDA: p.CUDA, Stubbed: stubbed}
	if err := report.write(partial); err != nil {
		return Report{}, err
	}
	if err := os.Rename(partial, folder); err != nil {
		return Report{}, err
	}
	report.Folder = folder
	return report, nil
}
