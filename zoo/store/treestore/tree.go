package treestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/internal/folder"
)

// Options are none so far.
type Options struct{}

// Tree is a folder of blobs and documents. All its methods may be called from several goroutines and processes.
type Tree struct{ folder folder.Folder }

var (
	_ store.Store        = (*Tree)(nil)
	_ store.RangeFetcher = (*Tree)(nil)
)

// New uses the folder dir, which is made when something is first written.
func New(dir string, _ Options) (*Tree, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return &Tree{folder.Folder{Root: dir}}, nil
}

// Dir is the folder.
func (t *Tree) Dir() string { return t.folder.Root }

// Stat implements store.Stater.
func (t *Tree) Stat(_ context.Context, blob store.Blob) (store.Info, error) {
	return t.folder.Stat(blob)
}

// Fetch implements store.Fetcher.
func (t *Tree) Fetch(_ context.Context, blob store.Blob) (io.ReadCloser, error) {
	file, err := t.folder.Open(blob)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// FetchRange implements store.RangeFetcher. The version has no meaning here.
func (t *Tree) FetchRange(_ context.Context, blob store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	file, err := t.folder.Open(blob)
	if err != nil {
		return nil, err
	}
	return folder.Section(file, span), nil
}

// Push implements store.Pusher.
func (t *Tree) Push(ctx context.Context, blob store.Blob, content io.Reader) (store.Blob, error) {
	return t.folder.Push(ctx, blob, content, t.folder.Blobs())
}

// Read gives a document. It reports store.ErrNotFound where there is none of that name.
func (t *Tree) Read(name string) ([]byte, error) {
	path, err := t.path(name)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s in %s", store.ErrNotFound, name, t.folder.Root)
	}
	return content, err
}

// Create writes a document that is never to change, such as the manifest of a version. Where there is one of that name with other content it
// reports store.ErrExists and leaves it.
func (t *Tree) Create(name string, content []byte) error {
	old, err := t.Read(name)
	switch {
	case err == nil && bytes.Equal(old, content):
		return nil
	case err == nil:
		return fmt.Errorf("%w, with other content: %s in %s", store.ErrExists, name, t.folder.Root)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return t.Replace(name, content)
}

// Replace writes a document that changes, such as an index. Readers see the old one or the new.
func (t *Tree) Replace(name string, content []byte) error {
	path, err := t.path(name)
	if err != nil {
		return err
	}
	return t.folder.WriteFile(path, content)
}

// path turns a name with slashes into a path below the root, and refuses one that would leave it or get among the blobs.
func (t *Tree) path(name string) (string, error) {
	local, err := filepath.Localize(name)
	if err != nil || local == "." || len(local) >= 5 && local[:5] == "blobs" && (len(local) == 5 || os.IsPathSeparator(local[5])) {
		return "", fmt.Errorf("%w: %q cannot be the name of a document", store.ErrInvalid, name)
	}
	return filepath.Join(t.folder.Root, local), nil
}
