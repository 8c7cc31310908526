package wheel

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/internal/disk"
)

// Options say what to fetch, and into which folder.
type Options struct {
	// Version is that of the package torch, such as "2.11.0".
	Version string
	// CUDA fetches all of libtorch and the CUDA libraries instead of the CPU part.
	CUDA bool
	// Folder is where libtorch is kept; it gets a folder for each version, with torch/ and nvidia/ in it.
	Folder string
	// Output gets what pip prints, with its progress bar; nil discards it.
	Output io.Writer
	// Progress, if not nil, is called with the name of each step.
	Progress func(step string)
}

// name is the folder of this version below Folder.
func (o Options) name() string {
	if o.CUDA {
		return o.Version + "-cuda"
	}
	return o.Version + "-cpu"
}

func (o Options) report(format string, arguments ...any) {
	if o.Progress != nil {
		o.Progress(fmt.Sprintf(format, arguments...))
	}
}

// Fetch returns the folder that holds libtorch and downloads it first if it is not there yet. The folder appears whole or not at all. After an
// interruption, a download that was complete is not repeated. Errors are *SpaceError, *DownloadError and *ChecksumError.
func Fetch(ctx context.Context, options Options) (string, error) {
	target := filepath.Join(options.Folder, options.name())
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	downloads := filepath.Join(options.Folder, "."+options.name()+".download")
	if err := os.MkdirAll(downloads, 0o755); err != nil {
		return "", err
	}
	if err := checkSpace(options.Folder, options.CUDA); err != nil {
		return "", err
	}
	wheels, err := download(ctx, options, downloads)
	if err != nil {
		return "", err
	}
	err = disk.NewFolder(target, func(partial string) error {
		for _, path := range wheels {
			options.report("unpacking and checking %s", filepath.Base(path))
			if err := extract(ctx, path, partial, options.CUDA); err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(path), err)
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return target, os.RemoveAll(downloads)
}
