package zoo_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"go.uber.org/goleak"

	"github.com/beitzoo/beitzoo/manifests"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(pullVariable); text != "" {
		var pull mortal
		if err := json.Unmarshal([]byte(text), &pull); err != nil {
			panic(err)
		}
		pull.run()
	}
	goleak.VerifyTestMain(m)
}

// folders returns the options of a user with an empty cache in a temporary folder.
func folders(t testing.TB) zoo.Options {
	t.Helper()
	folder := t.TempDir()
	local, err := cache.New(filepath.Join(folder, "cache"), cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return zoo.Options{
		Manifests: manifests.Files, Embedded: embedded.Files, Cache: local, State: filepath.Join(folder, "state"),
		HTTP:  httpstore.Options{Transport: transport},
		Retry: retry.Options{Tries: 2, First: time.Millisecond},
	}
}

func open(t testing.TB, options zoo.Options) *zoo.Zoo {
	t.Helper()
	z, err := zoo.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func resolve(t testing.TB, z *zoo.Zoo, reference string) *zoo.Match {
	t.Helper()
	found, err := z.Resolve(t.Context(), reference)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// server serves files by name, and counts the bytes of their bodies.
type server struct {
	*httptest.Server
	files map[string][]byte
	sent  atomic.Int64
}

func serve(t testing.TB, files map[string][]byte) *server {
	t.Helper()
	s := &server{files: files}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, found := s.files[strings.TrimPrefix(r.URL.Path, "/")]
		if !found {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", `"`+digest.FromBytes(content).Encoded()[:16]+`"`)
		counted := &countingWriter{ResponseWriter: w, sent: &s.sent, count: r.Method == http.MethodGet}
		http.ServeContent(counted, r, r.URL.Path, time.Time{}, bytes.NewReader(content))
	}))
	t.Cleanup(s.Close)
	return s
}

type countingWriter struct {
	http.ResponseWriter
	sent  *atomic.Int64
	count bool
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	if w.count {
		w.sent.Add(int64(n))
	}
	return n, err
}

// shipped returns a file inside the program.
func shipped(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := fs.ReadFile(embedded.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// given returns the digits manifest with changes, which are pairs of an old and a new text.
func given(t testing.TB, changes ...string) *zoo.Match {
	t.Helper()
	raw, err := fs.ReadFile(manifests.Files, "digits_p16_64.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("the manifest does not hold %q", changes[i])
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	document, err := zoo.ReadManifest("digits.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return zoo.MatchOf(document)
}

// upstream returns the digits manifest with another source, without digest and size.
func upstream(t testing.TB, address string) *zoo.Match {
	t.Helper()
	checkpoint := shipped(t, embedded.Checkpoint)
	return given(t,
		"address: embedded:digits_p16_64.pdparams", "address: "+address,
		"    digest: "+string(digest.FromBytes(checkpoint))+"\n", "",
		"    size: 504172\n", "")
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func pull(t testing.TB, z *zoo.Zoo, found *zoo.Match, options zoo.PullOptions) *zoo.PullResult {
	t.Helper()
	pulled, err := z.Pull(t.Context(), found, options)
	if err != nil {
		t.Fatal(err)
	}
	return pulled
}

// leftovers lists the partial files of a cache.
func leftovers(t testing.TB, options zoo.Options) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(options.Cache.Dir(), "partial", "*.part*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func blobs(t testing.TB, options zoo.Options) int {
	t.Helper()
	entries, err := options.Cache.List()
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
