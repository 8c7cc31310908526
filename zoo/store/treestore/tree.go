package treestore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/internal/folder"
)

// Tree is a folder of blobs and documents. All its methods may be called from several goroutines and processes.
type Tree struct {
	blobs
	folder folder.Folder
}

// blobs are the methods that a tree has as a store.
type blobs = folder.Store

var (
	_ store.Store        = (*Tree)(nil)
	_ store.RangeFetcher = (*Tree)(nil)
)

// New returns the tree in the folder dir, which is made when something is first written.
func New(dir string) (*Tree, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	files := folder.Folder{Root: dir}
	return &Tree{files.Store(), files}, nil
}

// Read returns a document, or a store.ErrNotFound. Names have slashes, on every system. A name that leads out of the folder, or to a blob, is a
// store.ErrInvalid, in all methods.
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

// Create writes a document that must never change, such as the manifest of a version. If a document of that name has other content, the error is a
// store.ErrExists.
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

// path returns the path of a name with slashes. It refuses names that lead out of the root or into the folder of blobs.
func (t *Tree) path(name string) (string, error) {
	local, err := filepath.Localize(name)
	if err != nil || local == "." || len(local) >= 5 && local[:5] == "blobs" && (len(local) == 5 || os.IsPathSeparator(local[5])) {
		return "", fmt.Errorf("%w: %q cannot be the name of a document", store.ErrInvalid, name)
	}
	return filepath.Join(t.folder.Root, local), nil
}
