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

// trace returns a file of the folder, apart from the layout, that is there only if an index is or was: index.yaml if it is there, else another one; or empty. The
// layout is always written first.
func (f *Folder) trace() (string, error) {
	for _, pattern := range []string{IndexFile, IndexFile + manifest.SignatureSuffix, "manifests/*.yaml" + manifest.SignatureSuffix} {
		names, err := fs.Glob(os.DirFS(f.tree.Dir()), pattern)
		if err != nil {
			return "", err
		}
		if len(names) > 0 {
			return names[0], nil
		}
	}
	return "", nil
}

func (f *Folder) path(name string) string { return filepath.Join(f.tree.Dir(), name) }

func (f *Folder) has(name string) bool {
	_, err := os.Lstat(f.path(name))
	return err == nil
}

// Index implements Place. A folder whose files contradict one another is a *DamagedError. One without index.yaml is not, if its layout is whole: that is what
// OCI tools copy.
func (f *Folder) Index(ctx context.Context) (index, signature []byte, err error) {
	before, err := f.trace()
	if err != nil {
		return nil, nil, err
	}
	var copied []byte
	if before == IndexFile { // read before the layout, so that it is not newer if somebody publishes now
		var tooLarge *disk.TooLargeError
		if copied, err = disk.ReadFile(f.path(IndexFile), manifest.MaxSize); err != nil && !errors.As(err, &tooLarge) {
			return nil, nil, err
		}
	}
	index, signature, err = f.Repository.Index(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound) && before != "":
		found := before + " is there, but index.json lists no index of a zoo"
		if !f.has(oci.ImageIndexFile) {
			found = before + " is there, but index.json is missing"
		}
		return nil, nil, f.damaged(found, restoreAdvice)
	case errors.Is(err, store.ErrInvalid) && (before != "" || f.has(oci.ImageLayoutFile)):
		return nil, nil, f.damaged(err.Error(), restoreAdvice)
	case errors.Is(err, store.ErrDigestMismatch):
		return nil, nil, f.damaged("a blob of its index was changed: "+err.Error(), restoreAdvice)
	case err != nil:
		return nil, nil, err
	case before != IndexFile:
		return index, signature, nil
	}
	return index, signature, f.compare(copied, index)
}

// compare returns an error if index.yaml, whose content is copied, is not an index, is newer than the index of the layout, or is another one of the same
// version. An older one was left by somebody who was interrupted: the next version replaces it.
func (f *Folder) compare(copied, index []byte) error {
	beside, err := manifest.ParseIndex(IndexFile, copied)
	if err != nil {
		return f.damaged(IndexFile+" is not an index, or not all of one", derivedAdvice)
	}
	if bytes.Equal(copied, index) {
		return nil
	}
	document, err := manifest.ParseIndex(IndexFile, index)
	switch {
	case err != nil:
		return nil // for the check of the index itself
	case beside.Version > document.Version:
		found := fmt.Sprintf("%s has version %d, and index.json lists none after %d", IndexFile, beside.Version, document.Version)
		return f.damaged(found, restoreAdvice)
	case beside.Version == document.Version:
		return f.damaged(fmt.Sprintf("%s is not the index of version %d that was published", IndexFile, document.Version), derivedAdvice)
	}
	return nil
}

func (f *Folder) damaged(found, advice string) error {
	return &DamagedError{Place: f.name, Found: found, Advice: advice}
}
