package zoo_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/treestore"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// forged is a place with a handmade index.
type forged struct {
	place.Destination
	index, signature []byte
}

func (f forged) Index(context.Context) (index, signature []byte, err error) {
	return f.index, f.signature, nil
}

// forge changes an entry of a published index and signs that again with the right key.
func forge(t *testing.T, p publisher, target place.Destination, change func(*manifest.Entry)) forged {
	t.Helper()
	raw, _, err := target.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	document, err := manifest.ParseIndex("index", raw)
	if err != nil {
		t.Fatal(err)
	}
	change(&document.Entries[0])
	if raw, err = document.Encode(); err != nil {
		t.Fatal(err)
	}
	return forged{target, raw, trust.Sign(p.key, raw, "index")}
}

// TestResolveChecksTheManifest signs, with the right key, an index that leads to a wrong manifest or to one with somebody else's signature.
func TestResolveChecksTheManifest(t *testing.T) {
	t.Parallel()
	p, mallory := newPublisher(t), newPublisher(t)
	target, path := folderPlace(t)
	publish(t, target, p.publication("1.0.0"))
	content := read(t, path+"/manifests/digits_p16_64@1.0.0.yaml")
	foreign := trust.Sign(mallory.key, content, "manifest")
	blobs, err := treestore.New(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blobs.Push(t.Context(), store.Blob{Digest: digest.FromBytes(foreign), Size: int64(len(foreign))}, bytes.NewReader(foreign)); err != nil {
		t.Fatal(err)
	}
	other := forge(t, p, target, func(e *manifest.Entry) { e.ID = "something_else" })
	var mislabelled *zoo.MislabelledError
	if _, err := open(t, reader(t, p, other)).Resolve(t.Context(), "something_else"); !errors.As(err, &mislabelled) {
		t.Errorf("another name: error is %v", err)
	}
	bySomebody := forge(t, p, target, func(e *manifest.Entry) {
		e.Signature = manifest.Content{Digest: digest.FromBytes(foreign), Size: int64(len(foreign))}
	})
	if _, err := open(t, reader(t, p, bySomebody)).Resolve(t.Context(), "digits_p16_64"); !errors.Is(err, trust.ErrUnknownKey) {
		t.Errorf("another signature: error is %v", err)
	}
}
