package place

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	oci "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// DamagedError says that something was published at a place, and a file of its index is missing or is not what was written. Such a place is not empty:
// a first index there would take it over from its owner.
type DamagedError struct {
	Place string
	// Found says what is missing or wrong.
	Found string
	// Advice is what the owner of the place can do.
	Advice string
}

func (e *DamagedError) Error() string { return e.Place + " is damaged: " + e.Found }

// Is makes a DamagedError an errdef.ErrIntegrity.
func (*DamagedError) Is(kind error) bool { return kind == errdef.ErrIntegrity }

// Hint says how to mend the place.
func (e *DamagedError) Hint() string { return e.Advice }

const (
	restoreAdvice = "restore its files from a copy, or use a mirror of it; nothing is published there until that is done"
	derivedAdvice = "if nothing else is wrong, delete " + IndexFile + " and " + IndexFile + manifest.SignatureSuffix + " there: renewing the index writes them again"
)

// traces are what a folder shows of its index, apart from the layout. The layout is always written first.
type traces struct {
	// index is index.yaml, or nil; isWrong reports that it cannot be read as an index.
	index   *manifest.IndexDocument
	isWrong bool
	// file is one that is there only if an index is or was, or empty.
	file string
}

// traces looks for files that are there only if there is an index.
func (f *Folder) traces() (traces, error) {
	var found traces
	for _, pattern := range []string{"manifests/*.yaml" + manifest.SignatureSuffix, IndexFile + manifest.SignatureSuffix, IndexFile} {
		names, err := fs.Glob(os.DirFS(f.tree.Dir()), pattern)
		if err != nil {
			return found, err
		}
		if len(names) > 0 {
			found.file = names[0]
		}
	}
	if found.file != IndexFile {
		return found, nil
	}
	raw, err := disk.ReadFile(f.path(IndexFile), manifest.MaxSize)
	var tooLarge *disk.TooLargeError
	if err != nil && !errors.As(err, &tooLarge) {
		return found, err
	}
	if err == nil {
		found.index, err = manifest.ParseIndex(IndexFile, raw)
	}
	found.isWrong = err != nil
	return found, nil
}

func (f *Folder) path(name string) string { return filepath.Join(f.tree.Dir(), name) }

func (f *Folder) has(name string) bool {
	_, err := os.Lstat(f.path(name))
	return err == nil
}

// Index implements Place. A folder whose files contradict one another is a *DamagedError. One without index.yaml is not, if its layout is whole: that is what
// OCI tools copy.
func (f *Folder) Index(ctx context.Context) (index, signature []byte, err error) {
	before, err := f.traces()
	if err != nil {
		return nil, nil, err
	}
	index, signature, err = f.Repository.Index(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound) && before.file != "":
		found := before.file + " is there, but index.json lists no index of a zoo"
		if !f.has(oci.ImageIndexFile) {
			found = before.file + " is there, but index.json is missing"
		}
		return nil, nil, f.damaged(found, restoreAdvice)
	case errors.Is(err, store.ErrInvalid) && (before.file != "" || f.has(oci.ImageLayoutFile)):
		return nil, nil, f.damaged(err.Error(), restoreAdvice)
	case errors.Is(err, store.ErrDigestMismatch):
		return nil, nil, f.damaged("a blob of its index was changed: "+err.Error(), restoreAdvice)
	case err != nil:
		return nil, nil, err
	case before.isWrong:
		return nil, nil, f.damaged(IndexFile+" is not an index, or not all of one", derivedAdvice)
	case before.index == nil:
		return index, signature, nil
	}
	return index, signature, f.compare(before.index, index)
}

// compare returns an error if index.yaml is newer than the index of the layout, or is another one of the same version. An older one was left by somebody who
// was interrupted: the next version replaces it.
func (f *Folder) compare(copied *manifest.IndexDocument, index []byte) error {
	document, err := manifest.ParseIndex(IndexFile, index)
	switch {
	case err != nil:
		return nil // for the check of the index itself
	case copied.Version > document.Version:
		found := fmt.Sprintf("%s has version %d, and index.json lists none after %d", IndexFile, copied.Version, document.Version)
		return f.damaged(found, restoreAdvice)
	case copied.Version == document.Version && !bytes.Equal(copied.Raw, index):
		return f.damaged(fmt.Sprintf("%s is not the index of version %d that was published", IndexFile, document.Version), derivedAdvice)
	}
	return nil
}

func (f *Folder) damaged(found, advice string) error {
	return &DamagedError{Place: f.name, Found: found, Advice: advice}
}
