package preprocess

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// FileError says which file could not be turned into a tensor.
type FileError struct {
	// Path is empty for an image that is not a file.
	Path string
	Err  error
}

func (e *FileError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("the image: %v", e.Err)
	}
	return fmt.Sprintf("image %q: %v", e.Path, e.Err)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Files reads image files, several at a time, and returns the batch [N, 3, Crop, Crop] in the order of paths, as new memory. All files that fail are
// reported together, each as a *[FileError]; then the batch is nil. An invalid recipe is a *[card.RecipeError].
func Files(ctx context.Context, r card.Recipe, paths []string) ([]float32, error) {
	return whole(FilesLeniently(ctx, r, paths))
}

// FS is [Files] for the files of fsys.
func FS(ctx context.Context, r card.Recipe, fsys fs.FS, names []string) ([]float32, error) {
	return whole(FSLeniently(ctx, r, fsys, names))
}

// whole returns the batch if no file failed, else an error with all failures.
func whole(values []float32, failures []*FileError, err error) ([]float32, error) {
	if err != nil {
		return nil, err
	}
	joined := make([]error, len(failures))
	for i, failure := range failures {
		if failure != nil {
			joined[i] = failure
		}
	}
	if err := errors.Join(joined...); err != nil {
		return nil, err
	}
	return values, nil
}

// FilesLeniently is [Files], but a file that fails does not hide the others: failures has an entry for each path, which is nil for the images in the batch.
// The batch has only those, [N - failures, 3, Crop, Crop]. The error is about all of the call: an invalid recipe, or the end of ctx.
func FilesLeniently(ctx context.Context, r card.Recipe, paths []string) (values []float32, failures []*FileError, err error) {
	return batch(ctx, r, paths, func(path string) (io.ReadCloser, error) { return disk.OpenRegular(path) })
}

// FSLeniently is [FilesLeniently] for the files of fsys.
func FSLeniently(ctx context.Context, r card.Recipe, fsys fs.FS, names []string) (values []float32, failures []*FileError, err error) {
	return batch(ctx, r, names, func(name string) (io.ReadCloser, error) { return fsys.Open(name) })
}

func batch(ctx context.Context, r card.Recipe, paths []string, open func(string) (io.ReadCloser, error)) (values []float32, failures []*FileError, err error) {
	if err := r.Validate(); err != nil {
		return nil, nil, err
	}
	size := r.Len()
	values = make([]float32, len(paths)*size)
	failures = make([]*FileError, len(paths))
	stopped := parallel.Each(ctx, len(paths), func(ctx context.Context, i int) error {
		if err := readInto(ctx, values[i*size:(i+1)*size], r, paths[i], open); err != nil {
			failures[i] = &FileError{Path: paths[i], Err: err}
		}
		return nil // the other files are read too, so that all failures are reported
	})
	if err := cmp.Or(ctx.Err(), stopped); err != nil {
		return nil, nil, err
	}
	read := 0
	for i, failure := range failures {
		if failure == nil {
			copy(values[read*size:(read+1)*size], values[i*size:(i+1)*size])
			read++
		}
	}
	return values[:read*size], failures, nil
}

// readInto applies the recipe to one file.
func readInto(ctx context.Context, tensor []float32, r card.Recipe, path string, open func(string) (io.ReadCloser, error)) error {
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
	_, err = PrepareInto(tensor, r, file)
	return errors.Join(err, file.Close())
}
