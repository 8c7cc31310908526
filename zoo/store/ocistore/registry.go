package ocistore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/internal/transport"
)

// RegistryOptions change how a Registry works. The zero value uses the logins of docker and podman.
type RegistryOptions struct {
	// Transport sends the requests; nil is one with proxies and certificates from the environment.
	Transport http.RoundTripper
	// Credential returns the login for a registry; nil uses those of docker (DOCKER_CONFIG or ~/.docker/config.json), then those of podman (REGISTRY_AUTH_FILE,
	// or containers/auth.json in XDG_RUNTIME_DIR or XDG_CONFIG_HOME or ~/.config), and the helpers named there.
	Credential auth.CredentialFunc
	// PlainHTTP uses http instead of https. Registries on this machine (localhost, 127.0.0.1, ::1) always use http.
	PlainHTTP bool
	// Stall is the time after which a request is given up if nothing arrives; 0 is a minute.
	Stall time.Duration
	// Limiter limits the rate of what arrives; nil does not.
	Limiter *store.Limiter
	// FirstWait is how long to wait before a request whose failure may be temporary is sent again. Each wait is twice as long as the one before, and
	// there are at most five; 0 is a quarter of a second. Uploads are not sent again, because their bytes are gone.
	FirstWait time.Duration
	// UserAgent is the header of that name; empty is "beitzoo".
	UserAgent string
}

// Registry is a repository of an OCI registry. All its methods may be called from several goroutines.
type Registry struct {
	repository *remote.Repository
	guard      *transport.Guard
	source     string
}

// NewRegistry returns the Registry of a reference such as "ghcr.io/owner/model", which may begin with "oci://" and has no tag. A reference of
// another form is store.ErrInvalid.
func NewRegistry(reference string, options RegistryOptions) (*Registry, error) {
	repository, err := remote.NewRepository(strings.TrimPrefix(reference, "oci://"))
	if err != nil {
		return nil, fmt.Errorf("%w: %.200q is not a repository of a registry: %w", store.ErrInvalid, reference, err)
	}
	if repository.Reference.Reference != "" {
		return nil, fmt.Errorf("%w: %.200q has a tag or digest, which is not part of the repository", store.ErrInvalid, reference)
	}
	credential := options.Credential
	if credential == nil {
		if credential, err = logins(); err != nil {
			return nil, err
		}
	}
	if options.UserAgent == "" {
		options.UserAgent = "beitzoo"
	}
	guard := transport.New(transport.Options{Base: options.Transport, Stall: options.Stall, Limiter: options.Limiter, UserAgent: options.UserAgent})
	repository.PlainHTTP = options.PlainHTTP || isLocal(repository.Reference.Host())
	repository.Client = &auth.Client{
		Client:     &http.Client{Transport: patient(worded{guard}, options.FirstWait), CheckRedirect: noDowngrade},
		Credential: credential, Cache: auth.NewCache(),
	}
	r := repository.Reference
	return &Registry{repository: repository, guard: guard, source: r.Registry + "/" + r.Repository}, nil
}

// patient repeats requests whose failure may be temporary, unless their context says once.
func patient(once http.RoundTripper, first time.Duration) http.RoundTripper {
	if first == 0 {
		first = 250 * time.Millisecond
	}
	policy := &retry.GenericPolicy{
		Retryable: retry.DefaultPredicate, Backoff: retry.ExponentialBackoff(first, 2, 0.1), MaxWait: 30 * time.Second, MaxRetry: 5,
	}
	often := &retry.Transport{Base: once, Policy: func() retry.Policy { return policy }}
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if store.IsOnce(request.Context()) {
			return once.RoundTrip(request)
		}
		return often.RoundTrip(request)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// isLocal reports whether a host, with or without a port, is this machine.
func isLocal(host string) bool {
	name := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if i := strings.LastIndex(host, ":"); i >= 0 && !strings.HasSuffix(host, "]") {
		name = strings.Trim(host[:i], "[]")
	}
	return name == "localhost" || name == "::1" || strings.HasPrefix(name, "127.")
}

// noDowngrade refuses redirects from https to http. The library makes sure that the login does not follow to another host.
func noDowngrade(request *http.Request, via []*http.Request) error {
	const most = 10
	if len(via) >= most {
		return fmt.Errorf("more than %d redirects", most)
	}
	if via[len(via)-1].URL.Scheme == "https" && request.URL.Scheme != "https" {
		return errors.New("a redirect from https to an unencrypted address")
	}
	return nil
}

// CloseIdleConnections closes the connections that no request uses.
func (r *Registry) CloseIdleConnections() { r.guard.CloseIdleConnections() }

// Tags implements Source. A repository that does not exist yet has none.
func (r *Registry) Tags(ctx context.Context) ([]string, error) {
	tags, err := registry.Tags(ctx, r.repository)
	if err = r.explain(ctx, err); errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return tags, err
}

// FetchManifest implements Source.
func (r *Registry) FetchManifest(ctx context.Context, tag string) ([]byte, error) {
	if err := checkTag(tag); err != nil {
		return nil, err
	}
	descriptor, err := r.repository.Manifests().Resolve(ctx, tag)
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	blob, err := blobOf(descriptor)
	if err != nil {
		return nil, err
	}
	return readSmall(ctx, r, blob)
}

// PushManifest implements Place. A registry cannot be asked to take a tag only if it is free: if two publish the same version at the same time, the later
// one wins.
func (r *Registry) PushManifest(ctx context.Context, tag string, manifest []byte) (store.Blob, error) {
	blob := store.Blob{Digest: digest.FromBytes(manifest), Size: int64(len(manifest)), MediaType: ocispec.MediaTypeImageManifest}
	there, err := r.FetchManifest(ctx, tag)
	switch {
	case err == nil && digest.FromBytes(there) != blob.Digest:
		return store.Blob{}, taken(r.source, tag, digest.FromBytes(there), blob.Digest)
	case err == nil:
		return blob, nil
	case !errors.Is(err, store.ErrNotFound):
		return store.Blob{}, err
	}
	err = r.repository.Manifests().PushReference(ctx, descriptorOf(blob), strings.NewReader(string(manifest)), tag)
	return blob, r.explain(ctx, err)
}

// Push implements store.Pusher. A blob whose digest or size is unknown goes through a temporary file, because registries require both beforehand.
func (r *Registry) Push(ctx context.Context, blob store.Blob, content io.Reader) (store.Blob, error) {
	if err := blob.Validate(); err != nil {
		return store.Blob{}, err
	}
	if blob.Digest == "" || blob.Size < 0 {
		return r.pushUnknown(ctx, blob, content)
	}
	if _, err := r.Stat(ctx, blob); err == nil {
		return blob, nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return store.Blob{}, err
	}
	verified := &errorRecorder{from: &holdbackReader{from: store.NewVerifier(content, blob, "")}}
	err := r.repository.Push(ctx, descriptorOf(blob), verified)
	if verified.err != nil && !errors.Is(verified.err, io.EOF) {
		return store.Blob{}, verified.err // the registry's error is only a consequence of this one
	}
	return blob, r.explain(ctx, err)
}

// holdbackReader returns the last byte only after the end was reached without an error. So a registry that gets all the bytes that were announced gets
// verified ones.
type holdbackReader struct {
	from io.Reader
	last byte
	held bool
}

func (h *holdbackReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := h.from.Read(p)
	for n == 0 && err == nil {
		n, err = h.from.Read(p)
	}
	if n > 0 {
		newest := p[n-1]
		if h.held {
			copy(p[1:n], p)
			p[0] = h.last
		} else {
			n-- // the first byte is held, and there is no earlier one to return
		}
		h.last, h.held = newest, true
	}
	if n == 0 && errors.Is(err, io.EOF) && h.held {
		p[0], h.held = h.last, false
		return 1, nil
	}
	if errors.Is(err, io.EOF) && h.held {
		err = nil // the next call returns the last byte
	}
	return n, err
}

// errorRecorder keeps the error with which reading ended.
type errorRecorder struct {
	from io.Reader
	err  error
}

func (m *errorRecorder) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	if err != nil {
		m.err = err
	}
	return n, err
}

// pushUnknown pushes a blob whose digest or size is unknown.
func (r *Registry) pushUnknown(ctx context.Context, blob store.Blob, content io.Reader) (store.Blob, error) {
	file, err := disk.CreatePartial(filepath.Join(os.TempDir(), "push"))
	if err != nil {
		return store.Blob{}, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	verifier := store.NewVerifier(content, blob, "")
	if _, err := io.Copy(file, verifier); err != nil {
		return store.Blob{}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return store.Blob{}, err
	}
	return r.Push(ctx, verifier.Blob(), file)
}
