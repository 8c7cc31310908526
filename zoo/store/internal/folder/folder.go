package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// Folder is the blobs below Root. All its methods may be called from several goroutines and processes.
type Folder struct{ Root string }

// Blobs returns the folder of the files.
func (f Folder) Blobs() string { return filepath.Join(f.Root, "blobs", "sha256") }

// Path returns the path of the blob of a valid digest, whether it is there or not.
func (f Folder) Path(d digest.Digest) string { return filepath.Join(f.Blobs(), d.Encoded()) }

// Stat returns a store.ErrNotFound if the blob is not there, or if its file does not have the size of blob: then it was damaged, and the next push
// replaces it.
func (f Folder) Stat(blob store.Blob) (store.Info, error) {
	if blob.Digest == "" {
		return store.Info{}, f.notFound(blob, fs.ErrNotExist)
	}
	if err := store.CheckDigest(blob.Digest); err != nil {
		return store.Info{}, err
	}
	info, err := os.Stat(f.Path(blob.Digest))
	if err != nil {
		return store.Info{}, f.notFound(blob, err)
	}
	if blob.Size >= 0 && info.Size() != blob.Size {
		return store.Info{}, fmt.Errorf("%w: %s has %d bytes in %s, should have %d", store.ErrNotFound, blob, info.Size(), f.Root, blob.Size)
	}
	return store.Info{Size: info.Size(), Digest: blob.Digest, Version: string(blob.Digest), Ranges: true, Source: f.Root}, nil
}

// Open opens the file of a blob. Its errors are those of Stat.
func (f Folder) Open(blob store.Blob) (*os.File, error) {
	if _, err := f.Stat(blob); err != nil {
		return nil, err
	}
	file, err := os.Open(f.Path(blob.Digest))
	if err != nil {
		return nil, f.notFound(blob, err)
	}
	return file, nil
}

// notFound returns a store.ErrNotFound, or the error of a folder that cannot be read.
func (f Folder) notFound(blob store.Blob, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s in %s", store.ErrNotFound, blob, f.Root)
	}
	return fmt.Errorf("reading %s: %w", f.Root, err)
}

// Section returns a part of an open file. Closing it closes the file.
func Section(file *os.File, span store.Span) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(file, span.Offset, span.Size), file}
}

// Push stores content, like store.Pusher. It first writes to a file in the folder temporary, which must be on the same file system.
func (f Folder) Push(ctx context.Context, blob store.Blob, content io.Reader, temporary string) (store.Blob, error) {
	if err := blob.Validate(); err != nil {
		return store.Blob{}, err
	}
	if info, err := f.Stat(blob); err == nil {
		blob.Size = info.Size
		return blob, nil
	}
	if err := f.MakeFolders(f.Blobs(), temporary); err != nil {
		return store.Blob{}, err
	}
	file, err := disk.CreatePartial(filepath.Join(temporary, "push"))
	if err != nil {
		return store.Blob{}, f.WriteError(err)
	}
	defer func() {
		file.Close()
		os.Remove(file.Name()) // does nothing after the rename
	}()
	verifier := store.NewVerifier(&contextReader{ctx, content}, blob, "")
	if _, err := io.Copy(file, verifier); err != nil {
		return store.Blob{}, f.WriteError(err)
	}
	return verifier.Blob(), f.Publish(file, verifier.Blob())
}

// contextReader is a reader that ends with its context.
type contextReader struct {
	ctx  context.Context //nolint:containedctx // the context of the call to Push
	from io.Reader
}

func (s *contextReader) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.from.Read(p)
}
