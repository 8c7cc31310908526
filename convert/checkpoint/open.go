package checkpoint

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/mmap"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Open opens the checkpoint at path, a file or a folder of shards, with the first of formats that recognises its content. The caller
// closes it. Errors about the content are of type *Error; if the path cannot be opened, the error is an *fs.PathError.
func Open(ctx context.Context, path string, options Options, formats ...Format) (*Checkpoint, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return openFolder(ctx, path, options, formats)
	}
	if strings.HasSuffix(path, IndexSuffix) {
		return openIndex(ctx, path, options, formats)
	}
	if opened, err := openMember(ctx, path, options, formats); opened != nil || err != nil {
		return opened, err
	}
	return openFile(ctx, path, options, formats)
}

func openFile(ctx context.Context, path string, options Options, formats []Format) (*Checkpoint, error) {
	if err := Regular(path); err != nil {
		return nil, withPath(err, path)
	}
	file, err := mmap.Open(path)
	if err != nil {
		return nil, err
	}
	opened, err := read(ctx, file.Content, options, formats)
	if err != nil {
		file.Close()
		return nil, withPath(byName(err, path, formats), path)
	}
	opened.Path = path
	opened.Size = int64(len(file.Content))
	opened.closers = append(opened.closers, file)
	return opened, nil
}

// Regular refuses what cannot be read twice, before opening it: opening a pipe would wait for somebody to write into it.
func Regular(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode(); !mode.IsRegular() {
		what := "a pipe, device or socket"
		if mode.IsDir() {
			what = "a folder"
		}
		return Unsupported("%s, where a file is expected", what).WithHint("save it to a file first and give that")
	}
	return nil
}

// read reads content with the first format that recognises it. If the file is cut short meanwhile, or a library that the format uses
// panics, the result is an error.
func read(ctx context.Context, content []byte, options Options, formats []Format) (*Checkpoint, error) {
	if len(content) == 0 {
		return nil, Errorf(ErrFormat, "the file is empty").WithHint("download it again, or give the file that holds the weights")
	}
	return guarded(func() (*Checkpoint, error) {
		for _, format := range formats {
			if format.Match(content) {
				opened, err := format.Read(ctx, content, options)
				if opened != nil {
					opened.Format = format.Name
				}
				return opened, err
			}
		}
		return nil, unknown(content, formats)
	})
}

// guarded turns a panic in read, and a fault because a file was cut short meanwhile, into an error.
func guarded(read func() (*Checkpoint, error)) (opened *Checkpoint, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			opened, err = nil, Malformed("reading the file failed: %s", PanicText(cause))
		}
	}()
	err = tensor.Guard(func() error {
		opened, err = read()
		return err
	})
	if errors.Is(err, tensor.ErrFault) {
		opened, err = nil, Malformed("%s", err)
	}
	return opened, err
}

// PanicText describes what was recovered from a panic in a few words, never with the values in it.
func PanicText(cause any) string {
	if err, ok := cause.(error); ok {
		return text.Cut(err.Error(), 200)
	}
	return "unexpected fault"
}

func withPath(err error, path string) error {
	var problem *Error
	if errors.As(err, &problem) && problem.Path == "" {
		problem.Path = path
	}
	return err
}
