package zoo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
)

// Pack is a bundle that was opened. It is a read-only Place without a network.
type Pack struct {
	bundle           *ocistore.Bundle
	name             string
	index, signature []byte
	// upstream are the checkpoints, by address.
	upstream map[string]store.Blob
}

var _ Archive = (*Pack)(nil)

// OpenBundle opens the file that Bundle wrote. The caller closes it. Nothing is unpacked. Errors about the content wrap store.ErrInvalid.
func OpenBundle(ctx context.Context, path string) (*Pack, error) {
	bundle, err := ocistore.OpenBundle(path)
	if err != nil {
		return nil, err
	}
	p := &Pack{bundle: bundle, name: "bundle " + filepath.Base(path)}
	if err := errors.Join(unlessAbsent(p.readIndex(ctx)), unlessAbsent(p.readUpstream(ctx))); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), bundle.Close())
	}
	return p, nil
}

// Close closes the file.
func (p *Pack) Close() error { return p.bundle.Close() }

func (p *Pack) readIndex(ctx context.Context) error {
	index, signature, a, err := readIndex(ctx, p.bundle)
	if err != nil {
		return err
	}
	p.index, p.signature = index, signature
	if origin := a.Annotations[originKey]; origin != "" && len(origin) < 1000 && !strings.ContainsFunc(origin, unprintable) {
		p.name = origin // it counts only together with a key that is pinned for it
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

func (p *Pack) readUpstream(ctx context.Context) error {
	a, _, err := ocistore.Read(ctx, p.bundle, upstreamTag)
	if err != nil {
		return err
	}
	raw, err := readFile(ctx, p.bundle, a, upstreamFile, manifest.MaxSize)
	if err != nil {
		return err
	}
	var pins []Pin
	if err := json.Unmarshal(raw, &pins); err != nil {
		return fmt.Errorf("%w: %s cannot be read", store.ErrInvalid, upstreamFile)
	}
	p.upstream = map[string]store.Blob{}
	for _, pin := range pins {
		blob := store.Blob{Digest: pin.Digest, Size: pin.Size, Name: pin.Address}
		if err := store.CheckDigest(blob.Digest); err != nil {
			return err
		}
		p.upstream[pin.Address] = blob
	}
	return nil
}

// String implements Place: a bundle goes by the place of which it is a part.
func (p *Pack) String() string { return p.name }

// Local implements Place.
func (p *Pack) Local() bool { return true }

// Blobs implements Place.
func (p *Pack) Blobs() store.Fetcher { return p.bundle }

// Index implements Place.
func (p *Pack) Index(context.Context) (index, signature []byte, err error) {
	if p.index == nil {
		return nil, nil, fmt.Errorf("%w: the bundle has no index", store.ErrNotFound)
	}
	return p.index, p.signature, nil
}

// Upstream implements Archive.
func (p *Pack) Upstream(address string) (store.Blob, bool) {
	blob, found := p.upstream[address]
	return blob, found
}
