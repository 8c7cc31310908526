package zoo

import (
	"context"
	"errors"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
)

// Repository is a place in a repository of an OCI registry. Each entry is a tag, NAME-VERSION, and so is each state of the index, zoo-index-VERSION:
// no tag ever moves.
type Repository struct {
	artefacts ocistore.Place
	name      string
	local     bool
}

var _ Publishing = (*Repository)(nil)

// OpenRepository uses a repository such as "ghcr.io/owner/zoo".
func OpenRepository(reference string, options ocistore.RegistryOptions) (*Repository, error) {
	registry, err := ocistore.NewRegistry(reference, options)
	if err != nil {
		return nil, err
	}
	return &Repository{artefacts: registry, name: RegistryScheme + reference}, nil
}

func (r *Repository) String() string { return r.name }

// Local implements Place.
func (r *Repository) Local() bool { return r.local }

// Blobs implements Place.
func (r *Repository) Blobs() store.Fetcher { return r.artefacts }

// Artefacts implements Publishing.
func (r *Repository) Artefacts() ocistore.Place { return r.artefacts }

// Index implements Place.
func (r *Repository) Index(ctx context.Context) (index, signature []byte, err error) {
	index, signature, _, err = readIndex(ctx, r.artefacts)
	return index, signature, err
}

// unlessAbsent passes over a signature that is not there: checking it will report that.
func unlessAbsent(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// SetIndex implements Publishing.
func (r *Repository) SetIndex(ctx context.Context, document *manifest.IndexDocument, signature []byte) error {
	from := memory{document.Raw, signature}
	err := indexArtefact(document.Version, document.Raw, signature, "").publish(ctx, from, r.artefacts, store.Options{})
	if errors.Is(err, store.ErrExists) {
		return &RaceError{Place: r.name}
	}
	return err
}
