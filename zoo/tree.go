package zoo

import (
	"context"
	"io"
	"strings"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

// Tree is a Folder behind an HTTP server. It is read-only.
type Tree struct {
	address string
	blobs   store.Fetcher
	// files has the index and its signature.
	files [2]store.Fetcher
}

var _ Place = (*Tree)(nil)

// OpenTree uses the folder that is served at an address of http or https.
func OpenTree(address string, options httpstore.Options, patience retry.Options) (*Tree, error) {
	address = strings.TrimRight(address, "/")
	blobs, err := httpstore.NewTree(address, options)
	if err != nil {
		return nil, err
	}
	t := &Tree{address: blobs.Address(), blobs: retry.New(blobs, patience)}
	for i, name := range []string{IndexFile, IndexFile + manifest.SignatureSuffix} {
		file, err := httpstore.New(address+"/"+name, options)
		if err != nil {
			return nil, err
		}
		t.files[i] = retry.New(file, patience)
	}
	return t, nil
}

func (t *Tree) String() string { return t.address }

// Local implements Place.
func (t *Tree) Local() bool { return false }

// Blobs implements Place.
func (t *Tree) Blobs() store.Fetcher { return t.blobs }

// Index implements Place.
func (t *Tree) Index(ctx context.Context) (index, signature []byte, err error) {
	if index, err = t.read(ctx, t.files[0], IndexFile, manifest.MaxSize); err != nil {
		return nil, nil, err
	}
	signature, err = t.read(ctx, t.files[1], IndexFile+manifest.SignatureSuffix, manifest.MaxSignature)
	return index, signature, unlessAbsent(err)
}

// read reads a small file of which nothing is known; its signature will tell whether it is right.
func (t *Tree) read(ctx context.Context, from store.Fetcher, name string, limit int64) ([]byte, error) {
	body, err := from.Fetch(ctx, store.Blob{Name: t.address + "/" + name, Size: store.UnknownSize})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = &store.SizeError{Name: name, Want: limit, Got: int64(len(raw)), Source: t.address}
	}
	return raw, err
}
