package httpstore_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"go.uber.org/goleak"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

func TestMain(m *testing.M) {
	if child() {
		return
	}
	goleak.VerifyTestMain(m)
}

// file returns a store of one file, whose connections are closed when the test ends.
func file(t testing.TB, address string, options httpstore.Options) *httpstore.Store {
	t.Helper()
	s, err := httpstore.New(address, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.CloseIdleConnections)
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		server := storetest.NewServer(t)
		tree, err := httpstore.NewTree(server.URL, httpstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(tree.CloseIdleConnections)
		return storetest.Subject{Fetcher: tree, Put: server.SetBlob}
	})
}

// unknown is a blob of which only the address is known.
var unknown = store.Blob{Name: "weights", Size: store.UnknownSize}

func TestStat(t *testing.T) {
	content := storetest.Random(5000, 1)
	etag := `"` + digest.FromBytes(content).Encoded()[:16] + `"`
	digest := digest.FromBytes(content)
	tests := []struct {
		name   string
		faults []storetest.Fault
		want   store.Info
	}{
		{"plain", nil, store.Info{Size: 5000, Version: etag, Ranges: true}},
		{"no HEAD", []storetest.Fault{storetest.NoHead()}, store.Info{Size: 5000, Version: etag, Ranges: true}},
		{"no ranges", []storetest.Fault{storetest.DenyRanges()}, store.Info{Size: 5000}},
		{"no HEAD and no ranges", []storetest.Fault{storetest.NoHead(), storetest.IgnoreRanges()}, store.Info{Size: 5000, Version: etag}},
		{"no length", []storetest.Fault{storetest.Unsized()}, store.Info{Size: store.UnknownSize}},
		{"weak tag", []storetest.Fault{storetest.Tag(`W/"x"`)}, store.Info{Size: 5000, Ranges: true}},
		{
			"linked",
			[]storetest.Fault{header("X-Linked-Etag", `"`+digest.Encoded()+`"`), header("X-Linked-Size", "4711")},
			store.Info{Size: 4711, Digest: digest, Version: etag, Ranges: true},
		},
		{
			"linked to something else",
			[]storetest.Fault{header("X-Linked-Etag", `"abc"`), header("X-Linked-Size", "-5")},
			store.Info{Size: 5000, Version: etag, Ranges: true},
		},
		{
			"empty file without HEAD",
			[]storetest.Fault{storetest.NoHead(), storetest.Change(nil)},
			store.Info{Size: 0, Version: `"e3b0c44298fc1c14"`},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := storetest.NewServer(t, test.faults...)
			s := file(t, server.Set("/weights", content), httpstore.Options{})
			got, err := s.Stat(t.Context(), unknown)
			if err != nil {
				t.Fatal(err)
			}
			test.want.Source = server.URL + "/weights"
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("info (-want +got):\n%s", diff)
			}
		})
	}
}

// header adds a header to the answers.
func header(name, value string) storetest.Fault {
	return func(_ http.ResponseWriter, x *storetest.Exchange) bool { x.Header.Set(name, value); return false }
}

func TestRefusals(t *testing.T) {
	content := storetest.Random(5000, 1)
	known := storetest.Describe(content, 0)
	tests := []struct {
		name      string
		fault     storetest.Fault
		want      error
		temporary bool
		after     time.Duration
	}{
		{"not found", storetest.Status(404), store.ErrNotFound, false, 0},
		{"gone", storetest.Status(410), store.ErrNotFound, false, 0},
		{"unauthorised", storetest.Status(401), store.ErrUnauthorized, false, 0},
		{"forbidden", storetest.Status(403), store.ErrUnauthorized, false, 0},
		{"teapot", storetest.Status(418), store.ErrUnreachable, false, 0},
		{"too many requests", storetest.Status(429, "Retry-After", "7"), store.ErrUnreachable, true, 7 * time.Second},
		{"unavailable", storetest.Status(503), store.ErrUnreachable, true, 0},
		{"broken", storetest.Status(500), store.ErrUnreachable, true, 0},
		{"not implemented", storetest.Status(501), store.ErrUnreachable, false, 0},
		{"redirect to nowhere", storetest.Status(302), store.ErrUnreachable, false, 0},
		{"redirect to a file", storetest.Status(302, "Location", "file:///etc/passwd"), store.ErrUnreachable, false, 0},
		{"redirect to itself", storetest.Status(302, "Location", "/weights"), store.ErrUnreachable, false, 0},
		{"partial answer to no range", storetest.Status(206), store.ErrUnreachable, false, 0},
		{"no content", storetest.Status(204), store.ErrUnreachable, false, 0},
		{"page", storetest.Page(), store.ErrNotWeights, false, 0},
		{"LFS pointer", storetest.Change([]byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5000\n")), store.ErrNotWeights, false, 0},
		{"message of Azure", storetest.Change([]byte("\xef\xbb\xbf<?xml version=\"1.0\"?><Error><Message>no</Message></Error>")), store.ErrNotWeights, false, 0},
		{"compressed", header("Content-Encoding", "gzip"), store.ErrUnreachable, false, 0},
		{"other size", storetest.Change(content[:4999]), store.ErrDigestMismatch, false, 0},
		{"length that is a lie", storetest.LieLength(10), store.ErrDigestMismatch, false, 0},
		{"cut", storetest.Cut(1000), store.ErrUnreachable, true, 0},
		{"cut at once", storetest.Cut(0), store.ErrUnreachable, true, 0},
		{"stalled", storetest.Stall(1000), store.ErrUnreachable, true, 0},
		{"stalled before the headers", storetest.Slow(time.Minute), store.ErrUnreachable, true, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := storetest.NewServer(t, test.fault)
			s := file(t, server.Set("/weights", content), httpstore.Options{Stall: time.Second})
			_, err := read(t.Context(), s, known)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if errdef.Hint(err) == "" {
				t.Errorf("no hint: %v", err)
			}
			if after, temporary := store.Temporary(err); temporary != test.temporary || after != test.after {
				t.Errorf("temporary %v after %v, want %v after %v: %v", temporary, after, test.temporary, test.after, err)
			}
		})
	}
}

func read(ctx context.Context, s store.Fetcher, blob store.Blob) ([]byte, error) {
	content, err := s.Fetch(ctx, blob)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(content)
}

// TestUnknownIsSniffed fetches what servers send instead of a file whose digest and size are unknown.
func TestUnknownIsSniffed(t *testing.T) {
	tests := []struct {
		name    string
		content string
		want    error
	}{
		{"page", "<!doctype HTML><p>hello", store.ErrNotWeights},
		{"page behind a byte order mark", "\xef\xbb\xbf\r\n <HTML lang=en>", store.ErrNotWeights},
		{"LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n", store.ErrNotWeights},
		{"weights", "\x80\x02}q\x00.", nil},
		{"short", "<", nil},
		{"empty", "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := storetest.NewServer(t)
			s := file(t, server.Set("/weights", []byte(test.content)), httpstore.Options{})
			got, err := read(t.Context(), s, unknown)
			if !errors.Is(err, test.want) || err == nil && string(got) != test.content {
				t.Errorf("got %q and %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestRangeOfChangedFile(t *testing.T) {
	content, other := storetest.Random(5000, 1), storetest.Random(5000, 2)
	tests := []struct {
		name  string
		fault storetest.Fault
		want  error
	}{
		{"changed", storetest.Change(other), store.ErrChanged},
		{"changed, and the condition ignored", func(w http.ResponseWriter, x *storetest.Exchange) bool {
			x.Request.Header.Del("If-Range")
			return storetest.Change(other)(w, x)
		}, store.ErrChanged},
		{"shorter", storetest.Change(content[:100]), store.ErrChanged},
		{"shorter, and the condition ignored", func(w http.ResponseWriter, x *storetest.Exchange) bool {
			x.Request.Header.Del("If-Range")
			return storetest.Change(content[:100])(w, x)
		}, store.ErrChanged},
		{"whole instead", storetest.IgnoreRanges(), store.ErrNoRanges},
		{"other range", func(w http.ResponseWriter, x *storetest.Exchange) bool {
			x.Request.Header.Set("Range", "bytes=0-99")
			return false
		}, store.ErrUnreachable},
		{"other total", storetest.Status(206, "Content-Range", "bytes 1000-1099/6000"), store.ErrDigestMismatch},
		{"absurd range", storetest.Status(206, "Content-Range", "bytes 1000-10/5000"), store.ErrUnreachable},
		{"no range", storetest.Status(206), store.ErrUnreachable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := storetest.NewServer(t)
			s := file(t, server.Set("/weights", content), httpstore.Options{})
			info, err := s.Stat(t.Context(), unknown)
			if err != nil {
				t.Fatal(err)
			}
			server.Misbehave(test.fault)
			body, err := s.FetchRange(t.Context(), store.Blob{Name: "weights", Size: 5000}, info.Version, store.Span{Offset: 1000, Size: 100})
			if err == nil {
				body.Close()
			}
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestStallNamesTheTime(t *testing.T) {
	t.Parallel()
	server := storetest.NewServer(t, storetest.Stall(10))
	s := file(t, server.Set("/weights", storetest.Random(50_000, 1)), httpstore.Options{Stall: 150 * time.Millisecond})
	_, err := read(t.Context(), s, unknown)
	if err == nil || !strings.Contains(err.Error(), "nothing arrived for 150ms") {
		t.Errorf("got %v", err)
	}
}

// TestSlowReaderDoesNotStall reads with pauses longer than the limit: only waiting for the server counts.
func TestSlowReaderDoesNotStall(t *testing.T) {
	t.Parallel()
	content := storetest.Random(300, 1)
	server := storetest.NewServer(t)
	s := file(t, server.Set("/weights", content), httpstore.Options{Stall: time.Second})
	body, err := s.Fetch(t.Context(), unknown)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	time.Sleep(1300 * time.Millisecond)
	if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %d bytes and %v", len(got), err)
	}
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	server := storetest.NewServer(t)
	content := storetest.Random(60_000, 1)
	s := file(t, server.Set("/weights", content), httpstore.Options{Limiter: store.NewLimiter(150_000)})
	start := time.Now()
	if _, err := read(t.Context(), s, unknown); err != nil {
		t.Fatal(err)
	}
	// 0.4 s, less the 0.1 s whose bytes may arrive at once.
	if took := time.Since(start); took < 250*time.Millisecond {
		t.Errorf("60,000 bytes at 150,000 a second took %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := read(ctx, s, unknown); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a limited read that is cancelled: got %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://host/a": true, "http://host:80/a?b": true, "ftp://host/a": false, "/a": false, "host/a": false, "https:///a": false,
		"http://ho st/": false, "": false,
	} {
		_, err := httpstore.New(address, httpstore.Options{})
		if (err == nil) != ok || err != nil && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q: got %v", address, err)
		}
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	address := server.URL
	server.Close()
	s := file(t, address+"/weights", httpstore.Options{})
	_, err := s.Stat(t.Context(), unknown)
	if _, temporary := store.Temporary(err); !errors.Is(err, store.ErrUnreachable) || temporary || !strings.Contains(errdef.Hint(err), "nothing listens there") {
		t.Errorf("got %v; hint: %s", err, errdef.Hint(err))
	}
}

// TestDeadlineNamesTheSource: a program that sets a deadline is told what it was waiting for.
func TestDeadlineNamesTheSource(t *testing.T) {
	t.Parallel()
	server := storetest.NewServer(t, storetest.Slow(time.Minute))
	s := file(t, server.Set("/weights", []byte("x")), httpstore.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Stat(ctx, unknown)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), server.URL+"/weights") {
		t.Errorf("got %v", err)
	}
}

// TestEveryStatusSaysWhatToDo asks a real server for each status of errors, with words of its own.
func TestEveryStatusSaysWhatToDo(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><title>The \x1b[2Jcat has it</title>")
	}))
	defer server.Close()
	for status := 400; status < 600; status++ {
		address := server.URL + "/" + strconv.Itoa(status)
		_, err := read(t.Context(), file(t, address, httpstore.Options{}), unknown)
		var source *store.SourceError
		if !errors.As(err, &source) || source.Status != status || source.After != 3*time.Second || !errors.Is(errdef.Kind(err), errdef.ErrNetwork) {
			t.Errorf("%d: got %v", status, err)
			continue
		}
		if text := err.Error(); !strings.Contains(text, `the server says "The \\x1b[2Jcat has it"`) || !strings.Contains(text, address) || errdef.Hint(err) == "" {
			t.Errorf("%d: got %s; hint: %s", status, text, errdef.Hint(err))
		}
	}
}
