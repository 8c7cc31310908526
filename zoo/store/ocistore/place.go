package ocistore

import (
	"context"
	"fmt"
	"regexp"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Source is where artifacts are read from.
type Source interface {
	store.RangeFetcher
	// FetchManifest returns the exact bytes of the manifest of a tag, or a store.ErrNotFound.
	FetchManifest(ctx context.Context, tag string) ([]byte, error)
	// Tags returns all tags, sorted.
	Tags(ctx context.Context) ([]string, error)
}

// Place is a Source that can be written to.
type Place interface {
	Source
	store.Pusher
	// PushManifest stores a manifest, whose config and layers must be there already, under a tag. It returns a store.ErrExists if the tag names
	// another manifest already.
	PushManifest(ctx context.Context, tag string, manifest []byte) (store.Blob, error)
}

var (
	_ Place  = (*Layout)(nil)
	_ Place  = (*Registry)(nil)
	_ Source = (*Bundle)(nil)
)

// maxManifest is the size in bytes that registries must accept. A few layers need far less.
const maxManifest = 4 << 20

// tagPattern is what the OCI distribution specification allows.
var tagPattern = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

func checkTag(tag string) error {
	if !tagPattern.MatchString(tag) {
		return fmt.Errorf("%w: tag %.100q has other characters than letters, digits, dot, hyphen and underscore", store.ErrInvalid, tag)
	}
	return nil
}

// taken returns the error for a tag that names another manifest.
func taken(source, tag string, is, wanted digest.Digest) error {
	return &store.SourceError{
		Source: source, Kind: store.ErrExists, Err: fmt.Errorf("the version %s is %s there, not %s", tag, is, wanted),
		Advice: "a version is never overwritten: publish this one under a new version",
	}
}
