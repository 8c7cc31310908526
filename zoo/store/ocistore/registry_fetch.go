package ocistore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/beitzoo/beitzoo/internal/answer"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// Stat implements store.Stater.
func (r *Registry) Stat(ctx context.Context, blob store.Blob) (store.Info, error) {
	if blob.Digest == "" {
		return store.Info{}, fmt.Errorf("%w: %s in %s: a registry knows blobs by digest", store.ErrNotFound, blob, r.source)
	}
	if err := store.CheckDigest(blob.Digest); err != nil {
		return store.Info{}, err
	}
	resolve := r.repository.Blobs().Resolve
	if isManifest(blob) {
		resolve = r.repository.Manifests().Resolve
	}
	descriptor, err := resolve(ctx, string(blob.Digest))
	if err != nil {
		return store.Info{}, r.explain(ctx, err)
	}
	return store.Info{Size: descriptor.Size, Digest: blob.Digest, Version: string(blob.Digest), Ranges: true, Source: r.source}, nil
}

func isManifest(blob store.Blob) bool { return blob.MediaType == ocispec.MediaTypeImageManifest }

// Fetch implements store.Fetcher.
func (r *Registry) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	response, err := r.get(ctx, blob, "")
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, r.refused(fmt.Errorf("the answer has status %d instead of the whole blob", response.StatusCode))
	}
	if size := response.ContentLength; size >= 0 && blob.Size >= 0 && size != blob.Size {
		response.Body.Close()
		return nil, &store.SizeError{Name: blob.String(), Want: blob.Size, Got: size, Source: r.source}
	}
	return &body{response.Body, r, ctx}, nil
}

// FetchRange implements store.RangeFetcher. The version has no meaning: the digest is in the address.
func (r *Registry) FetchRange(ctx context.Context, blob store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	response, err := r.get(ctx, blob, fmt.Sprintf("bytes=%d-%d", span.Offset, span.End()-1))
	if err != nil {
		return nil, err
	}
	var start, end int64
	switch n, _ := fmt.Sscanf(response.Header.Get("Content-Range"), "bytes %d-%d", &start, &end); {
	case response.StatusCode != http.StatusPartialContent:
		err = &store.SourceError{Source: r.source, Kind: store.ErrNoRanges}
	case n != 2 || start != span.Offset || end >= span.End():
		err = r.refused(errors.New("the answer is not the range that was requested"))
	default:
		return &body{response.Body, r, ctx}, nil
	}
	response.Body.Close()
	return nil, err
}

// get requests a blob, or the part of it that a Range header states. The library cannot request ranges, but its client adds the login.
func (r *Registry) get(ctx context.Context, blob store.Blob, part string) (*http.Response, error) {
	if err := store.CheckDigest(blob.Digest); err != nil {
		return nil, err
	}
	scheme, kind := "https", "blobs"
	if r.repository.PlainHTTP {
		scheme = "http"
	}
	if isManifest(blob) {
		kind = "manifests"
	}
	reference := r.repository.Reference
	address := fmt.Sprintf("%s://%s/v2/%s/%s/%s", scheme, reference.Host(), reference.Repository, kind, blob.Digest)
	request, err := http.NewRequestWithContext(auth.AppendRepositoryScope(ctx, reference, auth.ActionPull), http.MethodGet, address, nil)
	if err != nil {
		return nil, r.refused(errors.New("the name of the repository does not fit into a request"))
	}
	request.Header.Set("Accept-Encoding", "identity")
	if isManifest(blob) {
		request.Header.Set("Accept", blob.MediaType)
	}
	if part != "" {
		request.Header.Set("Range", part)
	}
	response, err := r.repository.Client.Do(request)
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusPartialContent {
		head, _ := io.ReadAll(io.LimitReader(response.Body, answer.HeadLength)) // an answer that is cut says less
		response.Body.Close()
		return nil, r.status(response.StatusCode, listed(head))
	}
	return response, nil
}

// body is the body of an answer, whose errors get a kind.
type body struct {
	io.ReadCloser
	registry *Registry
	ctx      context.Context //nolint:containedctx // the context of the caller who asked for the body
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.registry.cut(b.ctx, err)
	}
	return n, err
}
