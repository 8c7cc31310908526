package place

import (
	"context"
	"errors"
	"strings"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

// Tree is a Folder behind an HTTP server. It is read-only.
type Tree struct {
	address                  string
	blobs                    store.Fetcher
	folder, index, signature store.Fetcher
}

var _ Place = (*Tree)(nil)

// OpenTree returns the place in a folder that is served at an http or https address. An address of another form is store.ErrInvalid.
func OpenTree(address string, options httpstore.Options, patience retry.Options) (*Tree, error) {
	address = strings.TrimRight(address, "/")
	blobs, err := httpstore.NewTree(address, options)
	if err != nil {
		return nil, err
	}
	folder, err := httpstore.New(address+"/", options)
	if err != nil {
		return nil, err
	}
	index, err := httpstore.New(address+"/"+IndexFile, options)
	if err != nil {
		return nil, err
	}
	signature, err := httpstore.New(address+"/"+IndexFile+manifest.SignatureSuffix, options)
	if err != nil {
		return nil, err
	}
	return &Tree{blobs.Address(), retry.New(blobs, patience), folder, retry.New(index, patience), retry.New(signature, patience)}, nil
}

// String implements Place.
func (t *Tree) String() string { return t.address }

// Local implements Place.
func (t *Tree) Local() bool { return false }

// Blobs implements Place.
func (t *Tree) Blobs() store.Fetcher { return t.blobs }

// Index implements Place. Size and digest of the two files are not known beforehand: only the signature shows whether they are right.
func (t *Tree) Index(ctx context.Context) (index, signature []byte, err error) {
	name := t.address + "/" + IndexFile
	index, err = store.Read(ctx, t.index, store.Blob{Name: name, Size: store.UnknownSize}, manifest.MaxSize)
	if errors.Is(err, store.ErrNotFound) {
		err = t.absent(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	unsized := store.Blob{Name: name + manifest.SignatureSuffix, Size: store.UnknownSize}
	signature, err = store.Read(ctx, t.signature, unsized, manifest.MaxSignature)
	return index, signature, unlessAbsent(err)
}

// absent returns the error for a folder without an index: it says whether the server has the folder.
func (t *Tree) absent(ctx context.Context) error {
	what := "there is no " + IndexFile
	if _, err := t.folder.Stat(ctx, store.Blob{Name: t.address, Size: store.UnknownSize}); errors.Is(err, store.ErrNotFound) {
		what = "the server has nothing at this address"
	}
	return &store.SourceError{Source: t.address, Kind: store.ErrNotFound, Err: errors.New(what)}
}
