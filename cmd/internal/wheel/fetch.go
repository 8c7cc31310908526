package wheel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Options say what to fetch and where to.
type Options struct {
	// Version is that of the package torch, such as "2.11.0".
	Version string
	// CUDA fetches all of libtorch and the CUDA libraries instead of the CPU part.
	CUDA bool
	// Folder is where libtorch is kept; it gets a folder for each version, with torch/ and nvidia/ in it.
	Folder string
	// Output gets pip's own words and progress bar; nil discards them.
	Output io.Writer
	// Progress is told what is being done; nil tells nobody.
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

// Fetch returns the folder that holds libtorch, after downloading it where it is not there yet. The folder appears whole or not at all;
// after an interruption, a download that was complete is not repeated.
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
	if err := unpack(ctx, options, wheels, target); err != nil {
		return "", err
	}
	return target, os.RemoveAll(downloads)
}

// unpack extracts what is needed of all wheels beside target and renames.
func unpack(ctx context.Context, options Options, wheels []string, target string) (err error) {
	partial := filepath.Join(options.Folder, "."+options.name()+".partial")
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(partial))
		}
	}()
	for _, path := range wheels {
		options.report("unpacking and checking %s", filepath.Base(path))
		if err := extract(ctx, path, partial, options.CUDA); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return os.Rename(partial, target)
}
