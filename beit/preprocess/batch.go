package preprocess

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// FileError says which file could not be turned into a tensor.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("picture %q: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Files reads pictures and returns the batch [N, 3, Crop, Crop] in the order of paths, as new memory.
// It works on several files at a time. All files that fail are reported together, each as a
// *[FileError]; then there is no batch.
func (r Recipe) Files(ctx context.Context, paths []string) ([]float32, error) {
	return r.batch(ctx, paths, func(path string) (io.ReadCloser, error) { return os.Open(path) })
}

// FS is [Recipe.Files] for files of fsys.
func (r Recipe) FS(ctx context.Context, fsys fs.FS, names []string) ([]float32, error) {
	return r.batch(ctx, names, func(name string) (io.ReadCloser, error) { return fsys.Open(name) })
}

func (r Recipe) batch(ctx context.Context, paths []string, open func(string) (io.ReadCloser, error)) ([]float32, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	size := r.Len()
	batch := make([]float32, len(paths)*size)
	failures := make([]error, len(paths))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := r.file(ctx, batch[i*size:(i+1)*size], path, open); err != nil {
				failures[i] = &FileError{Path: path, Err: err}
			}
			return nil
		})
	}
	_ = group.Wait() // no function returns an error: they are kept by position
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	return batch, nil
}

func (r Recipe) file(ctx context.Context, tensor []float32, path string, open func(string) (io.ReadCloser, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	file, err := open(path)
	if err != nil {
		if named := (*fs.PathError)(nil); errors.As(err, &named) {
			err = named.Err // the *FileError says the path already
		}
		return err
	}
	picture, err := Decode(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return r.into(tensor, picture)
}
