package place

import (
	"context"
	"errors"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
)

// Repository is a place in a repository of an OCI registry. Each entry has a tag, NAME-VERSION, and so has each version of the index,
// zoo-index-VERSION. No tag ever moves.
type Repository struct {
	artifacts ocistore.Place
	name      string
	local     bool
}

var _ Destination = (*Repository)(nil)

// OpenRepository returns the place in a repository such as "ghcr.io/owner/zoo". A reference of another form is store.ErrInvalid.
func OpenRepository(reference string, options ocistore.RegistryOptions) (*Repository, error) {
	registry, err := ocistore.NewRegistry(reference, options)
	if err != nil {
		return nil, err
	}
	return &Repository{artifacts: registry, name: registryScheme + reference}, nil
}

// String implements Place.
func (r *Repository) String() string { return r.name }

// Local implements Place.
func (r *Repository) Local() bool { return r.local }

// Blobs implements Place.
func (r *Repository) Blobs() store.Fetcher { return r.artifacts }

// Index implements Place.
func (r *Repository) Index(ctx context.Context) (index, signature []byte, err error) {
	index, signature, _, err = readIndex(ctx, r.artifacts, r.name)
	return index, signature, err
}

// Add implements Destination.
func (r *Repository) Add(ctx context.Context, entry Entry, from store.Fetcher, options store.Options) error {
	return entryArtifact(entry).publish(ctx, from, r.artifacts, options)
}

// Missing implements Destination.
func (r *Repository) Missing(ctx context.Context, entry Entry) ([]File, error) {
	a := entryArtifact(entry)
	missing, err := ocistore.Missing(ctx, r.artifacts, a.tag, a.Artifact)
	if err != nil {
		return nil, err
	}
	return filesOf(missing), nil
}

// SetIndex implements Destination.
func (r *Repository) SetIndex(ctx context.Context, document *manifest.IndexDocument, signature []byte) error {
	err := indexArtifact(document.Version, document.Raw, signature, "").publish(ctx, nil, r.artifacts, store.Options{})
	if errors.Is(err, store.ErrExists) {
		return &RaceError{Place: r.name}
	}
	return err
}
