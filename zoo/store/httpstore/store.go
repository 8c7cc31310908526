package httpstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/beitzoo/beitzoo/internal/answer"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/internal/transport"
)

// Options change how a Store works. The zero value has no login and no limit.
type Options struct {
	// Transport sends the requests; nil is one with proxies and certificates from the environment.
	Transport http.RoundTripper
	// Credentials return the Authorization header for a host; nil uses only the user information of the address.
	Credentials Credentials
	// Stall is the time after which a request is given up if nothing arrives; 0 is a minute.
	Stall time.Duration
	// Limiter limits the rate of what arrives; nil does not.
	Limiter *store.Limiter
	// UserAgent is the header of that name; empty is "beitzoo".
	UserAgent string
}

// Store fetches from an HTTP server. All its methods may be called from several goroutines.
type Store struct {
	base   *url.URL
	tree   bool
	client client
}

var _ store.RangeFetcher = (*Store)(nil)

// New returns a Store of one file: whichever blob is asked for, it sends the file at address. An address that is not http or https is store.ErrInvalid.
func New(address string, options Options) (*Store, error) { return newStore(address, false, options) }

// NewTree returns a Store of the files blobs/sha256/DIGEST below an address. An address that is not http or https is store.ErrInvalid.
func NewTree(address string, options Options) (*Store, error) {
	return newStore(address, true, options)
}

func newStore(address string, tree bool, options Options) (*Store, error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: the address cannot be read", store.ErrInvalid) // url.Error would repeat the address, with its secrets
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("%w: the address %q is not an http or https address", store.ErrInvalid, public(base))
	}
	if options.UserAgent == "" {
		options.UserAgent = "beitzoo"
	}
	guard := transport.New(transport.Options{Base: options.Transport, Stall: options.Stall, Limiter: options.Limiter, UserAgent: options.UserAgent})
	s := &Store{tree: tree, client: client{transport: guard, credentials: options.Credentials}}
	if base.User != nil {
		s.client.credentials = First(basic(base), options.Credentials)
	}
	base.User, base.Fragment, base.RawFragment = nil, "", ""
	s.base = base
	return s, nil
}

// Address returns the address of the store, without secrets.
func (s *Store) Address() string { return public(s.base) }

// CloseIdleConnections closes the connections that no request uses.
func (s *Store) CloseIdleConnections() { s.client.transport.CloseIdleConnections() }

// public returns an address without user information and query.
func public(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// locate returns the address of a blob.
func (s *Store) locate(blob store.Blob) (*url.URL, error) {
	if !s.tree {
		return s.base, nil
	}
	if err := store.CheckDigest(blob.Digest); err != nil {
		return nil, err
	}
	u := *s.base
	u.RawPath, u.Path = "", path.Join("/", u.Path, "blobs", "sha256", blob.Digest.Encoded())
	return &u, nil
}

// Fetch implements store.Fetcher. A web page, or a size that is not that of blob, is an error before any byte is returned.
func (s *Store) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	u, err := s.locate(blob)
	if err != nil {
		return nil, err
	}
	response, err := s.client.do(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	if err := checkWhole(response); err != nil {
		response.Body.Close()
		return nil, err
	}
	content, err := sniffed(response, response.public)
	if wrong := checkSize(response, blob); wrong != nil && !errors.Is(err, store.ErrNotWeights) {
		response.Body.Close()
		return nil, wrong
	}
	return content, err
}

// FetchRange implements store.RangeFetcher.
func (s *Store) FetchRange(ctx context.Context, blob store.Blob, version string, span store.Span) (io.ReadCloser, error) {
	u, err := s.locate(blob)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", span.Offset, span.End()-1)}}
	if version != "" && !s.tree {
		header.Set("If-Range", version)
	}
	response, err := s.client.do(ctx, http.MethodGet, u, header)
	if err != nil {
		return nil, err
	}
	if s.tree {
		version = "" // the digest is in the address
	}
	if err := checkRange(response, blob, version, span); err != nil {
		response.Body.Close()
		return nil, err
	}
	if span.Offset == 0 {
		return sniffed(response, response.public)
	}
	return &body{from: response.Body, response: response}, nil
}

// Stat implements store.Stater.
func (s *Store) Stat(ctx context.Context, blob store.Blob) (store.Info, error) {
	u, err := s.locate(blob)
	if err != nil {
		return store.Info{}, err
	}
	info, err := s.stat(ctx, u)
	if err != nil {
		return store.Info{}, err
	}
	if blob.Size > answer.HeadLength && info.Size >= 0 && info.Size <= answer.HeadLength {
		if err := s.lookAt(ctx, u); err != nil {
			return store.Info{}, err
		}
	}
	if s.tree {
		info.Digest, info.Version = blob.Digest, string(blob.Digest)
	}
	return info, nil
}

// lookAt returns an error if the answer to a request for a whole file shows that it is not the file. It is for answers that are far too short.
func (s *Store) lookAt(ctx context.Context, u *url.URL) error {
	response, err := s.client.do(ctx, http.MethodGet, u, nil)
	if err != nil {
		return err
	}
	content, err := sniffed(response, response.public)
	if err != nil {
		return err
	}
	return content.Close()
}
