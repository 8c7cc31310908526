package store_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// chunkSize of the blobs in these tests.
const chunkSize = 16 << 10

// newCache makes a cache in a fresh folder.
func newCache(t testing.TB) *cache.Cache {
	t.Helper()
	c, err := cache.New(t.TempDir(), cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// source returns the store of the file at an address, which tries again after short waits.
func source(t testing.TB, address string) store.Fetcher {
	t.Helper()
	s, err := httpstore.New(address, httpstore.Options{Stall: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.CloseIdleConnections)
	return retry.New(s, retry.Options{Tries: 3, First: time.Millisecond, Longest: 2 * time.Second})
}

// requireBlob compares what the cache has.
func requireBlob(t *testing.T, c *cache.Cache, blob store.Blob, want []byte) {
	t.Helper()
	path, err := c.Path(blob.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the cache has %d other bytes, or %v", len(got), err)
	}
}

// TestCopyFromHostileServer pulls a file from a server with each fault, three times: with digests of chunks, with one digest, and with none.
func TestCopyFromHostileServer(t *testing.T) {
	content := storetest.Random(20*chunkSize+77, 1)
	other := storetest.Random(len(content), 2)
	chunked, plain := storetest.Describe(content, chunkSize), storetest.Describe(content, 0)
	unknown := store.Blob{Name: "weights", Size: store.UnknownSize}
	middle := 7*chunkSize + 5
	// ends are the errors that a fault leads to, for each of the three; nil means that the right bytes arrive.
	type ends struct{ chunked, plain, unknown error }
	right := ends{}
	tests := []struct {
		name   string
		faults []storetest.Fault
		want   ends
	}{
		{"sound", nil, right},
		{"no HEAD", faults(storetest.NoHead()), right},
		{"no ranges", faults(storetest.DenyRanges()), right},
		{"200 to a range", faults(storetest.IgnoreRanges()), right},
		{"no length", faults(storetest.Unsized()), right},
		{"cut once", faults(storetest.First(1, storetest.Cut(middle))), right},
		{"cut again and again", faults(storetest.Cut(3 * chunkSize)), right},
		{"cut at once, always", faults(storetest.From(0, storetest.Cut(0))), ends{store.ErrUnreachable, store.ErrUnreachable, store.ErrUnreachable}},
		{"stalls once", faults(storetest.First(1, storetest.Stall(middle))), right},
		{"stalls always", faults(storetest.From(0, storetest.Stall(0))), ends{store.ErrUnreachable, store.ErrUnreachable, store.ErrUnreachable}},
		{"lies in length", faults(storetest.LieLength(10)), ends{store.ErrDigestMismatch, store.ErrDigestMismatch, store.ErrUnreachable}},
		{"lies in length, too few", faults(storetest.LieLength(-10)), ends{store.ErrDigestMismatch, store.ErrDigestMismatch, store.ErrUnreachable}},
		{"flips a byte once", faults(storetest.First(1, storetest.Flip(middle))), ends{nil, nil, nil}},
		{"flips a byte always", faults(storetest.Flip(middle)), ends{store.ErrDigestMismatch, store.ErrDigestMismatch, nil}},
		{"429 at first", faults(storetest.First(2, storetest.Status(429, "Retry-After", "0"))), right},
		{"429 with a wait that is too long", faults(storetest.Status(429, "Retry-After", "3600")), ends{store.ErrUnreachable, store.ErrUnreachable, store.ErrUnreachable}},
		{"503 at first", faults(storetest.First(2, storetest.Status(503))), right},
		{"503 always", faults(storetest.Status(503)), ends{store.ErrUnreachable, store.ErrUnreachable, store.ErrUnreachable}},
		{"page", faults(storetest.Page()), ends{store.ErrNotWeights, store.ErrNotWeights, store.ErrNotWeights}},
		{"gone", faults(storetest.Status(404)), ends{store.ErrNotFound, store.ErrNotFound, store.ErrNotFound}},
		{"other file", faults(storetest.Change(other)), ends{store.ErrDigestMismatch, store.ErrDigestMismatch, nil}},
	}
	for _, test := range tests {
		for kind, pull := range map[string]struct {
			blob store.Blob
			want error
		}{"chunked": {chunked, test.want.chunked}, "plain": {plain, test.want.plain}, "unknown": {unknown, test.want.unknown}} {
			t.Run(test.name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				server := storetest.NewServer(t, test.faults...)
				c := newCache(t)
				got, err := store.Copy(t.Context(), source(t, server.Set("/weights", content)), c, pull.blob, store.Options{})
				if !errors.Is(err, pull.want) {
					t.Fatalf("got %v, want %v", err, pull.want)
				}
				if err != nil {
					requireEmpty(t, c)
					return
				}
				if kind != "unknown" && got.Digest != plain.Digest {
					t.Errorf("copied %v", got.Digest)
				}
				if got.Digest == plain.Digest {
					requireBlob(t, c, got, content)
				} else if kind != "unknown" {
					t.Error("the copied blob is another one")
				}
			})
		}
	}
}

func faults(f ...storetest.Fault) []storetest.Fault { return f }

func requireEmpty(t *testing.T, c *cache.Cache) {
	t.Helper()
	if entries, err := c.List(); err != nil || len(entries) > 0 {
		t.Errorf("after the failure the cache has %v, %v", entries, err)
	}
}

// TestCopyReturnsTheDigest copies a file of which only the name is known.
func TestCopyReturnsTheDigest(t *testing.T) {
	t.Parallel()
	content := storetest.Random(store.DefaultChunkSize+5, 1)
	server := storetest.NewServer(t)
	got, err := store.Copy(t.Context(), source(t, server.Set("/weights", content)), newCache(t), store.Blob{Name: "w", Size: store.UnknownSize}, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := storetest.Describe(content, 0)
	want.Name = "w"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("blob (-want +got):\n%s", diff)
	}
}

// TestCopyComparesWithDeclaredDigest declares a digest as Hugging Face does, which states that of the file behind its redirect.
func TestCopyComparesWithDeclaredDigest(t *testing.T) {
	content := storetest.Random(3*chunkSize, 1)
	declare := func(d digest.Digest) storetest.Fault {
		return func(_ http.ResponseWriter, x *storetest.Exchange) bool {
			x.Header.Set("X-Linked-Etag", `"`+d.Encoded()+`"`)
			return false
		}
	}
	right, wrong := digest.FromBytes(content), digest.FromBytes(nil)
	unknown := store.Blob{Name: "w", Size: store.UnknownSize}
	tests := []struct {
		name     string
		blob     store.Blob
		declared digest.Digest
		ok       bool
	}{
		{"unknown, declared right", unknown, right, true},
		{"unknown, declared wrong", unknown, wrong, false},
		{"known, declared right", storetest.Describe(content, 0), right, true},
		{"known, declared otherwise", storetest.Describe(content, 0), wrong, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := storetest.NewServer(t, declare(test.declared))
			_, err := store.Copy(t.Context(), source(t, server.Set("/w", content)), newCache(t), test.blob, store.Options{})
			if (err == nil) != test.ok || err != nil && !errors.Is(err, store.ErrDigestMismatch) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestCopyNeverMixesVersions changes the file after the first part of it was fetched.
func TestCopyNeverMixesVersions(t *testing.T) {
	content, other := storetest.Random(3*store.DefaultChunkSize, 1), storetest.Random(3*store.DefaultChunkSize, 2)
	unknown := store.Blob{Name: "weights", Size: store.UnknownSize}
	for name, changed := range map[string]storetest.Fault{
		"condition kept": storetest.From(1, storetest.Change(other)),
		"condition ignored": storetest.From(1, func(w http.ResponseWriter, x *storetest.Exchange) bool {
			x.Request.Header.Del("If-Range")
			return storetest.Change(other)(w, x)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := storetest.NewServer(t, changed, storetest.First(1, storetest.Cut(store.DefaultChunkSize+1000)))
			var problems []error
			c := newCache(t)
			got, err := store.Copy(t.Context(), source(t, server.Set("/weights", content)), c, unknown, store.Options{
				Streams: 1, Notice: func(problem error) { problems = append(problems, problem) },
			})
			if err != nil {
				t.Fatal(err)
			}
			requireBlob(t, c, got, other)
			if len(problems) != 1 || !errors.Is(problems[0], store.ErrChanged) {
				t.Errorf("notices are %v, want one about the change", problems)
			}
		})
	}
}

// TestCopyResumesUnknownOnlyIfUnchanged interrupts the copy of a file of unknown digest, and copies it again.
func TestCopyResumesUnknownOnlyIfUnchanged(t *testing.T) {
	content, other := storetest.Random(4*store.DefaultChunkSize, 1), storetest.Random(4*store.DefaultChunkSize, 2)
	unknown := store.Blob{Name: "weights", Size: store.UnknownSize}
	whole := int64(len(content))
	for name, test := range map[string]struct {
		now    []byte
		faults []storetest.Fault
		fresh  int64 // the second copy fetches at least so many bytes
	}{
		"unchanged":                    {content, nil, 0},
		"changed":                      {other, nil, whole},
		"unchanged, without a version": {content, faults(storetest.Tag("")), whole},
		"changed, without a version":   {other, faults(storetest.Tag("")), whole},
		"changed, with a weak version": {other, faults(storetest.Tag(`W/"a"`)), whole},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := storetest.NewServer(t, append(test.faults, storetest.Cut(2*store.DefaultChunkSize+1000))...)
			address := server.Set("/weights", content)
			c := newCache(t)
			inner, err := httpstore.New(address, httpstore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(inner.CloseIdleConnections)
			if _, err := store.Copy(t.Context(), inner, c, unknown, store.Options{Streams: 1}); !errors.Is(err, store.ErrUnreachable) {
				t.Fatalf("the first copy was not cut: %v", err)
			}
			before := server.Served()
			server.Misbehave(test.faults...)
			server.Set("/weights", test.now)
			got, err := store.Copy(t.Context(), inner, c, unknown, store.Options{Streams: 1})
			if err != nil {
				t.Fatal(err)
			}
			requireBlob(t, c, got, test.now)
			if fetched := server.Served() - before; fetched < test.fresh || test.fresh == 0 && fetched > 2*store.DefaultChunkSize {
				t.Errorf("%d bytes were fetched", fetched)
			}
		})
	}
}

// TestCopySwitchesServers makes the first server fail in the middle; the second only sends what is missing.
func TestCopySwitchesServers(t *testing.T) {
	t.Parallel()
	content := storetest.Random(40*chunkSize, 1)
	blob := storetest.Describe(content, chunkSize)
	first := storetest.NewServer(t, storetest.First(1, storetest.Cut(25*chunkSize+100)), storetest.From(1, storetest.Status(503)))
	second := storetest.NewServer(t)
	c := newCache(t)
	var problems []error
	mirrors := store.Mirrors{source(t, first.Set("/w", content)), source(t, second.Set("/w", content))}
	_, err := store.Copy(t.Context(), mirrors, c, blob, store.Options{Streams: 1, Notice: func(p error) { problems = append(problems, p) }})
	if err != nil {
		t.Fatal(err)
	}
	requireBlob(t, c, blob, content)
	if len(problems) != 1 || !errors.Is(problems[0], store.ErrUnreachable) {
		t.Errorf("notices are %v", problems)
	}
	if total := first.Served() + second.Served(); total > blob.Size+chunkSize {
		t.Errorf("%d bytes were fetched of %d", total, blob.Size)
	}
}

// TestCopyMendsOneChunk has two servers with one bad chunk each.
func TestCopyMendsOneChunk(t *testing.T) {
	t.Parallel()
	content := storetest.Random(40*chunkSize, 1)
	blob := storetest.Describe(content, chunkSize)
	first, second := storetest.NewServer(t, storetest.Flip(5*chunkSize)), storetest.NewServer(t, storetest.Flip(30*chunkSize))
	c := newCache(t)
	mirrors := store.Mirrors{source(t, first.Set("/w", content)), source(t, second.Set("/w", content))}
	if _, err := store.Copy(t.Context(), mirrors, c, blob, store.Options{Streams: 1}); err != nil {
		t.Fatal(err)
	}
	requireBlob(t, c, blob, content)
}

func TestCopyReportsAllMirrors(t *testing.T) {
	t.Parallel()
	content := storetest.Random(chunkSize, 1)
	gone, bad := storetest.NewServer(t), storetest.NewServer(t, storetest.Flip(0))
	mirrors := store.Mirrors{source(t, gone.URL+"/w"), source(t, bad.Set("/w", content))}
	_, err := store.Copy(t.Context(), mirrors, newCache(t), storetest.Describe(content, 0), store.Options{})
	if !errors.Is(err, store.ErrNotFound) || !errors.Is(err, store.ErrDigestMismatch) {
		t.Errorf("got %v, want both problems", err)
	}
	if _, err := store.Copy(t.Context(), store.Mirrors{}, newCache(t), storetest.Describe(content, 0), store.Options{}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no mirrors: got %v", err)
	}
}

// TestCopyDistrustsChunkLists copies chunks that all match their digests, but not the digest of the blob.
func TestCopyDistrustsChunkLists(t *testing.T) {
	t.Parallel()
	content := storetest.Random(3*chunkSize, 1)
	blob := storetest.Describe(content, chunkSize)
	blob.Digest = digest.FromBytes([]byte("something else"))
	server := storetest.NewServer(t)
	c := newCache(t)
	_, err := store.Copy(t.Context(), source(t, server.Set("/w", content)), c, blob, store.Options{})
	var wrong *store.DigestError
	if !errors.As(err, &wrong) || wrong.Want != blob.Digest {
		t.Errorf("got %v", err)
	}
	requireEmpty(t, c)
	if n := len(server.Requests()); n > 3 {
		t.Errorf("%d requests, though asking again cannot help", n)
	}
}

// TestCopyStopsAtMaxSize pulls a file without a length.
func TestCopyStopsAtMaxSize(t *testing.T) {
	t.Parallel()
	unknown := store.Blob{Name: "w", Size: store.UnknownSize}
	for name, faults := range map[string][]storetest.Fault{"declared": nil, "not declared": {storetest.Unsized()}} {
		t.Run(name, func(t *testing.T) {
			server := storetest.NewServer(t, faults...)
			src := source(t, server.Set("/w", storetest.Random(100_000, 1)))
			if _, err := store.Copy(t.Context(), src, newCache(t), unknown, store.Options{MaxSize: 99_999}); !errors.Is(err, store.ErrDigestMismatch) {
				t.Errorf("got %v", err)
			}
			if name == "declared" && server.Served() > 0 {
				t.Errorf("%d bytes were fetched though the size was known to be too large", server.Served())
			}
			if _, err := store.Copy(t.Context(), src, newCache(t), unknown, store.Options{MaxSize: 100_000}); err != nil {
				t.Errorf("exactly as long: %v", err)
			}
		})
	}
}

func TestCopyCancelled(t *testing.T) {
	t.Parallel()
	server := storetest.NewServer(t, storetest.Stall(chunkSize))
	content := storetest.Random(10*chunkSize, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := store.Copy(ctx, source(t, server.Set("/w", content)), newCache(t), storetest.Describe(content, chunkSize), store.Options{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestCopyReportsProgress wants progress up to the end, also for a blob that the destination has already.
func TestCopyReportsProgress(t *testing.T) {
	t.Parallel()
	content := storetest.Random(10*chunkSize, 1)
	blob := storetest.Describe(content, chunkSize)
	server := storetest.NewServer(t)
	c := newCache(t)
	for _, name := range []string{"fresh", "again"} {
		var last, calls int64
		_, err := store.Copy(t.Context(), source(t, server.Set("/w", content)), c, blob, store.Options{Progress: func(done, total int64) {
			if total != blob.Size || done < last || done > total {
				t.Errorf("%s: %d of %d after %d", name, done, total, last)
			}
			last = done
			calls++
		}})
		if err != nil || last != blob.Size || calls == 0 {
			t.Errorf("%s: ended at %d after %d calls, %v", name, last, calls, err)
		}
	}
}

// TestCopyIntoReadOnlyCache wants an error before anything is fetched.
func TestCopyIntoReadOnlyCache(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A file where the folder should be: nobody can write below it, not even root.
	c, err := cache.New(filepath.Join(file, "cache"), cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	content := storetest.Random(10, 1)
	server := storetest.NewServer(t)
	if _, err := store.Copy(t.Context(), source(t, server.Set("/w", content)), c, storetest.Describe(content, 0), store.Options{}); err == nil {
		t.Error("no error")
	}
	if server.Served() > 0 {
		t.Error("bytes were fetched that cannot be stored")
	}
}
