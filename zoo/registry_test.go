package zoo_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
)

// startRegistry runs a registry of another project in memory, and returns the address of a repository in it.
func startRegistry(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/team/zoo"
}

func repository(t testing.TB, address string) *place.Repository {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	target, err := place.OpenRepository(address, ocistore.RegistryOptions{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// TestRegistry publishes to a registry, pulls from it, mirrors it to a folder and back, and looks at it with another project's client.
func TestRegistry(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	address := startRegistry(t)
	target := repository(t, address)
	published := publish(t, target, p.publication("1.0.0"))
	if again := publish(t, target, p.publication("1.0.0")); !again.Unchanged || again.Artifact != published.Artifact {
		t.Errorf("the second time: %+v", again)
	}
	publish(t, target, p.publication("1.1.0"))
	z := open(t, reader(t, p, target))
	pulled := pull(t, z, resolve(t, z, "digits_p16_64@1.0.0"), zoo.PullOptions{})
	if digest.FromBytes(read(t, pulled.Path)) != digest.FromBytes(canonicalDigits(t)) {
		t.Error("the pulled bytes are not the published ones")
	}
	folder, _ := folderPlace(t)
	if _, err := open(t, reader(t, p)).Mirror(t.Context(), target, folder, zoo.MirrorOptions{}); err != nil {
		t.Fatal(err)
	}
	second := repository(t, startRegistry(t))
	if _, err := open(t, reader(t, p)).Mirror(t.Context(), folder, second, zoo.MirrorOptions{}); err != nil {
		t.Fatal(err)
	}
	z = open(t, reader(t, p, second))
	if found := resolve(t, z, "digits_p16_64"); found.Version != "1.1.0" {
		t.Errorf("the mirror's latest is %s", found.Version)
	}
	lookWithAnotherClient(t, address, published)
}

// lookWithAnotherClient asks the registry as the OCI distribution specification says, without any of our code.
func lookWithAnotherClient(t *testing.T, address string, published *zoo.PublishResult) {
	t.Helper()
	host, repository, _ := strings.Cut(address, "/")
	get := func(path string) []byte {
		response, err := http.Get("http://" + host + "/v2/" + repository + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		content, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d, error %v", path, response.StatusCode, err)
		}
		return content
	}
	var list struct{ Tags []string }
	decode(t, get("/tags/list"), &list)
	if diff := cmp.Diff([]string{"digits_p16_64-1.0.0", "digits_p16_64-1.1.0", "zoo-index-1", "zoo-index-2"}, list.Tags); diff != "" {
		t.Error(diff)
	}
	if digest.FromBytes(get("/manifests/digits_p16_64-1.0.0")) != published.Artifact {
		t.Error("the artifact does not have the reported digest")
	}
	weights := get("/blobs/" + string(published.Weights.Digest))
	if digest.FromBytes(weights) != published.Weights.Digest {
		t.Error("the registry sends other weights")
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestPublishersAtTheSameTime lets three publish different entries at once; those who come too late try again.
func TestPublishersAtTheSameTime(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, _ := folderPlace(t)
	publish(t, target, p.publication("1.0.0"))
	results := make(chan error)
	for _, id := range []string{"one", "two", "three"} {
		go func() {
			publication := p.publication("1.0.0")
			publication.Name, publication.Recordings = id, nil
			for {
				_, err := open(t, folders(t)).Publish(t.Context(), target, publication)
				var race *place.RaceError
				if !errors.As(err, &race) {
					results <- err
					return
				}
			}
		}()
	}
	for range 3 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	all, _, err := open(t, reader(t, p, target)).List(t.Context())
	if err != nil || len(all) != 4 {
		t.Errorf("%d entries are listed, error %v", len(all), err)
	}
}

// overtaken is a place where somebody else's index always replaces one's own.
type overtaken struct{ place.Destination }

func (o overtaken) SetIndex(context.Context, *manifest.IndexDocument, []byte) error { return nil }

func TestPublishNoticesThatItWasOvertaken(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, _ := folderPlace(t)
	publish(t, target, p.publication("1.0.0"))
	_, err := open(t, folders(t)).Publish(t.Context(), overtaken{target}, p.publication("1.1.0"))
	var race *place.RaceError
	if !errors.As(err, &race) {
		t.Errorf("error is %v", err)
	}
}

// slow is a registry in which somebody else, who looked before an index was there, replaces it a moment later.
type slow struct {
	*place.Repository
	index, signature []byte
	written          time.Time
}

func (s *slow) SetIndex(ctx context.Context, index *manifest.IndexDocument, signature []byte) error {
	time.Sleep(50 * time.Millisecond)
	s.written = time.Now()
	return s.Repository.SetIndex(ctx, index, signature)
}

func (s *slow) Index(ctx context.Context) (index, signature []byte, err error) {
	if !s.written.IsZero() && time.Since(s.written) > 25*time.Millisecond {
		return s.index, s.signature, nil
	}
	return s.Repository.Index(ctx)
}

// TestRenewNoticesThatItWasReplaced loses a race of which a look right after the writing shows nothing.
func TestRenewNoticesThatItWasReplaced(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target := repository(t, startRegistry(t))
	publish(t, target, p.quick("1.0.0"))
	other := forge(t, p, target, func(*manifest.Entry) {})
	_, err := open(t, folders(t)).Renew(t.Context(), &slow{target, other.index, other.signature, time.Time{}}, zoo.Renewal{Key: p.key})
	var race *place.RaceError
	if !errors.As(err, &race) {
		t.Errorf("error is %v", err)
	}
}
