package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

const chunkSize = 16 << 10

// interrupt copies the first chunks of a blob and cancels the copy.
func interrupt(t *testing.T, from *storetest.Memory, c *cache.Cache, blob store.Blob, chunks int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := store.Copy(ctx, from, c, blob, store.Options{Streams: 1, Progress: func(done, _ int64) {
		if done >= chunks*chunkSize {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the copy was not interrupted: %v", err)
	}
}

// partialFiles returns the files of partial blobs whose names end in suffix.
func partialFiles(t *testing.T, c *cache.Cache, suffix string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(c.Dir(), "partial"))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), suffix) {
			paths = append(paths, filepath.Join(c.Dir(), "partial", entry.Name()))
		}
	}
	return paths
}

// TestResumeTrustsNothing spoils what an interrupted copy left, as power cuts, other machines and attackers do.
func TestResumeTrustsNothing(t *testing.T) {
	content := storetest.Random(20*chunkSize+99, 1)
	edit := func(suffix string, change func([]byte) []byte) func(*testing.T, *cache.Cache) {
		return func(t *testing.T, c *cache.Cache) {
			for _, path := range partialFiles(t, c, suffix) {
				old, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, change(old), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	rename := func(from, to string) func(*testing.T, *cache.Cache) {
		return func(t *testing.T, c *cache.Cache) {
			for _, path := range append(partialFiles(t, c, ".part"), partialFiles(t, c, ".journal")...) {
				if err := os.Rename(path, strings.Replace(path, "."+from+".", "."+to+".", 1)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	tests := []struct {
		name  string
		spoil func(t *testing.T, c *cache.Cache)
		// refetched is how many of the 10 chunks that had arrived may be fetched again.
		refetched int64
	}{
		{"nothing", func(*testing.T, *cache.Cache) {}, 0},
		{"zeros in one chunk", edit(".part", func(b []byte) []byte { clear(b[3*chunkSize : 3*chunkSize+10]); return b }), 1},
		{"all zeros", edit(".part", func(b []byte) []byte { clear(b); return b }), 10},
		{"data lost", edit(".part", func([]byte) []byte { return nil }), 10},
		{"data cut", edit(".part", func(b []byte) []byte { return b[:5*chunkSize] }), 5},
		{"journal lost", edit(".journal", func([]byte) []byte { return nil }), 10},
		{"journal cut in a line", edit(".journal", func(b []byte) []byte { return b[:len(b)-20] }), 1},
		{"journal of something else", edit(".journal", func([]byte) []byte { return []byte("PK\x03\x04 hello\n") }), 10},
		{"journal full of lies", edit(".journal", func(b []byte) []byte {
			lie := "bytes 0 99999999999 sha256:" + strings.Repeat("0", 64) + "\nbytes -5 3 x\nbytes 16384 16384 sha256:" + strings.Repeat("0", 64) + "\n"
			return append(b, lie...)
		}), 2},
		{"a whole chunk of another blob", func(t *testing.T, c *cache.Cache) {
			alien := storetest.Random(chunkSize, 9)
			edit(".part", func(b []byte) []byte { copy(b[2*chunkSize:], alien); return b })(t, c)
			edit(".journal", func(b []byte) []byte {
				return append(b, fmt.Sprintf("bytes %d %d %s\n", 2*chunkSize, chunkSize, digest.FromBytes(alien))...)
			})(t, c)
		}, 1},
		{"journal with a line without end", edit(".journal", func(b []byte) []byte { return append(b, bytes.Repeat([]byte("x"), 1<<20)...) }), 0},
		{"left by a process on a network file system", rename("local", "shared"), 0},
		{"left by a process without a lock", rename("local", "nolock"), 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var from storetest.Memory
			blob := from.Put(content, chunkSize)
			c := open(t, cache.Options{})
			interrupt(t, &from, c, blob, 10)
			test.spoil(t, c)
			before := from.Served.Load()
			if _, err := store.Copy(t.Context(), &from, c, blob, store.Options{Streams: 1}); err != nil {
				t.Fatal(err)
			}
			requireBlob(t, c, blob, content)
			missing := blob.Size - 10*chunkSize
			if again := from.Served.Load() - before - missing; again > test.refetched*chunkSize {
				t.Errorf("%d bytes were fetched again, at most %d chunks may be", again, test.refetched)
			}
		})
	}
}

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

// TestNothingIsLeft wants no files of partial blobs after a copy that succeeded.
func TestNothingIsLeft(t *testing.T) {
	for name, options := range map[string]cache.Options{"locks": {}, "no locks": {NoLocks: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var from storetest.Memory
			blob := from.Put(storetest.Random(10*chunkSize, 1), chunkSize)
			c := open(t, options)
			interrupt(t, &from, c, blob, 3)
			if _, err := store.Copy(t.Context(), &from, c, blob, store.Options{}); err != nil {
				t.Fatal(err)
			}
			if left := partialFiles(t, c, ""); name == "locks" && len(left) > 0 {
				t.Errorf("files of partial blobs are left: %v", left)
			}
		})
	}
}

// TestCommitChecks uses a Partial without Copy: it must make nothing visible that is not complete and right.
func TestCommitChecks(t *testing.T) {
	content := storetest.Random(1000, 1)
	blob := storetest.Describe(content, 0)
	flipped := bytes.Clone(content)
	flipped[0] ^= 1
	tests := []struct {
		name    string
		content []byte
		final   store.Span
		ok      bool
	}{
		{"whole", content, store.Span{Size: 1000}, true},
		{"not all final", content, store.Span{Size: 999}, false},
		{"a hole", content, store.Span{Offset: 1, Size: 999}, false},
		{"wrong bytes", flipped, store.Span{Size: 1000}, false},
		{"beyond the end", append(bytes.Clone(content), 1), store.Span{Size: 1001}, false},
		{"unwritten", nil, store.Span{Size: 1000}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := open(t, cache.Options{})
			partial, err := c.Begin(t.Context(), blob)
			if err != nil {
				t.Fatal(err)
			}
			defer partial.Close()
			if err := partial.Reserve(blob.Size); err != nil {
				t.Fatal(err)
			}
			if _, err := partial.WriteAt(test.content, 0); err != nil {
				t.Fatal(err)
			}
			if err := partial.Record(store.Record{Span: test.final, Sum: "x", Final: true}); err != nil {
				t.Fatal(err)
			}
			_, err = partial.Commit(t.Context(), blob)
			if (err == nil) != test.ok || err != nil && !errors.Is(err, store.ErrDigestMismatch) {
				t.Errorf("got %v", err)
			}
			if _, err := c.Stat(t.Context(), blob); (err == nil) != test.ok {
				t.Errorf("visible: %v", err)
			}
		})
	}
}

// TestBeginWaits wants Begin to wait for another copy of the same blob, and not for that of another blob.
func TestBeginWaits(t *testing.T) {
	t.Parallel()
	c := open(t, cache.Options{})
	blob, other := storetest.Describe([]byte("a"), 0), storetest.Describe([]byte("b"), 0)
	first, err := c.Begin(t.Context(), blob)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Begin(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 80*time.Millisecond)
	defer cancel()
	if _, err := c.Begin(ctx, blob); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	third, err := c.Begin(t.Context(), blob)
	if err != nil {
		t.Fatal(err)
	}
	third.Close()
}

// TestDamagedBlobIsReplaced cuts a whole blob short, as a broken disk may.
func TestDamagedBlobIsReplaced(t *testing.T) {
	t.Parallel()
	var from storetest.Memory
	content := storetest.Random(2*chunkSize, 1)
	blob := from.Put(content, chunkSize)
	c := open(t, cache.Options{})
	for range 2 {
		if _, err := store.Copy(t.Context(), &from, c, blob, store.Options{}); err != nil {
			t.Fatal(err)
		}
		requireBlob(t, c, blob, content)
		path, _ := c.Path(blob.Digest)
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 100); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMaintenance(t *testing.T) {
	t.Parallel()
	c := open(t, cache.Options{})
	if entries, err := c.List(); err != nil || len(entries) > 0 {
		t.Errorf("a cache that does not exist yet: %v, %v", entries, err)
	}
	var blobs []store.Blob
	for i := range 3 {
		blob, err := c.Push(t.Context(), store.Blob{Name: "x", Size: store.UnknownSize}, bytes.NewReader(storetest.Random(1000*(i+1), uint64(i))))
		if err != nil {
			t.Fatal(err)
		}
		blobs = append(blobs, blob)
		path, _ := c.Path(blob.Digest)
		used := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(path, used, used); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(c.Dir(), "blobs", "sha256", "README"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	entries, err := c.List()
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int64
	for _, entry := range entries {
		sizes = append(sizes, entry.Size)
	}
	if diff := cmp.Diff([]int64{3000, 2000, 1000}, sizes); diff != "" {
		t.Errorf("sizes, last used first (-want +got):\n%s", diff)
	}
	if err := c.Verify(t.Context(), entries, nil); err != nil {
		t.Errorf("verify: %v", err)
	}
	spoil(t, entries[1].Path)
	var wrong *store.DigestError
	if err := c.Verify(t.Context(), entries, nil); !errors.As(err, &wrong) || wrong.Want != entries[1].Digest {
		t.Errorf("verify of a spoilt blob: %v", err)
	}
	keep := func(e cache.Entry) bool { return e.Digest == blobs[0].Digest }
	dry, err := c.Prune(t.Context(), cache.PruneOptions{Keep: keep, DryRun: true})
	if err != nil || dry.Bytes != 5000 || len(dry.Blobs) != 2 {
		t.Errorf("dry run: %+v, %v", dry, err)
	}
	if pruned, err := c.Prune(t.Context(), cache.PruneOptions{Keep: keep}); err != nil || cmp.Diff(dry, pruned) != "" {
		t.Errorf("prune: %+v, %v", pruned, err)
	}
	if left, err := c.List(); err != nil || len(left) != 1 || left[0].Digest != blobs[0].Digest {
		t.Errorf("left: %v, %v", left, err)
	}
}

func spoil(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte{0, 0, 0, 0}, 0); err != nil {
		t.Fatal(err)
	}
}

// TestPrunePartials removes what was left long ago, and keeps what a process is working on.
func TestPrunePartials(t *testing.T) {
	t.Parallel()
	var from storetest.Memory
	old, busy := from.Put(storetest.Random(10*chunkSize, 1), chunkSize), from.Put(storetest.Random(10*chunkSize, 2), chunkSize)
	c := open(t, cache.Options{})
	interrupt(t, &from, c, old, 3)
	interrupt(t, &from, c, busy, 3)
	partial, err := c.Begin(t.Context(), busy)
	if err != nil {
		t.Fatal(err)
	}
	if pruned, err := c.Prune(t.Context(), cache.PruneOptions{}); err != nil || len(pruned.Partials) > 0 {
		t.Errorf("fresh partial blobs were pruned: %+v, %v", pruned, err)
	}
	pruned, err := c.Prune(t.Context(), cache.PruneOptions{PartialAge: time.Nanosecond})
	if err != nil || len(pruned.Partials) != 2 {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	for _, path := range partialFiles(t, c, "") {
		if !strings.Contains(path, busy.Digest.Encoded()) {
			t.Errorf("left: %s", path)
		}
	}
	if err := partial.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Copy(t.Context(), &from, c, busy, store.Options{}); err != nil {
		t.Error(err)
	}
}

func TestDefaultDir(t *testing.T) {
	home := t.TempDir()
	t.Setenv(cache.HomeVariable, home)
	c, err := cache.New("", cache.Options{})
	if err != nil || c.Dir() != filepath.Join(home, "cache") {
		t.Errorf("got %q, %v", c.Dir(), err)
	}
	if entries, _ := os.ReadDir(home); len(entries) > 0 {
		t.Error("New made something")
	}
	t.Setenv(cache.HomeVariable, "")
	t.Setenv("XDG_CACHE_HOME", home)
	t.Setenv("HOME", home)
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if dir, err := cache.DefaultDir(); err != nil || dir != filepath.Join(user, "beitzoo") {
		t.Errorf("got %q, %v", dir, err)
	}
}

// FuzzJournal writes anything into a journal: the next copy must end with the right bytes.
func FuzzJournal(f *testing.F) {
	f.Add([]byte("beitzoo journal 1\nversion \"chunks\"\nbytes 0 100 sha256:" + strings.Repeat("0", 64) + "\n"))
	f.Add([]byte("beitzoo journal 1\nversion \"chunks\"\nbytes 9223372036854775807 9223372036854775807 sha256:" + strings.Repeat("0", 64)))
	f.Add([]byte("beitzoo journal 1\nversion \"chunks\"\nbytes 0 100 crc32c:00000000\nbytes 0 16384 crc32c:00000000\n"))
	f.Add([]byte("beitzoo journal 1\nbytes 0 0 none\nbytes 0 16384 " + digest.FromBytes(make([]byte, 16384)).Encoded()))
	content := storetest.Random(3*chunkSize, 1)
	var from storetest.Memory
	blob := from.Put(content, chunkSize)
	f.Fuzz(func(t *testing.T, journal []byte) {
		c := open(t, cache.Options{})
		partial, err := c.Begin(t.Context(), blob)
		if err != nil {
			t.Fatal(err)
		}
		if err := partial.Record(store.Record{Span: store.Span{Size: 1}, Sum: "x"}); err != nil {
			t.Fatal(err)
		}
		partial.Close()
		for _, path := range partialFiles(t, c, ".journal") {
			if err := os.WriteFile(path, journal, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := store.Copy(t.Context(), &from, c, blob, store.Options{}); err != nil {
			t.Fatal(err)
		}
		requireBlob(t, c, blob, content)
	})
}

// TestPushedFilesAreReadOnly wants files that nobody may write to.
func TestPushedFilesAreReadOnly(t *testing.T) {
	t.Parallel()
	c := open(t, cache.Options{})
	blob, err := c.Push(t.Context(), store.Blob{Name: "x", Size: -1}, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	path, err := c.Path(blob.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o222 != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	reader, err := c.Fetch(t.Context(), blob)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if got, err := io.ReadAll(reader); err != nil || string(got) != "x" {
		t.Errorf("got %q, %v", got, err)
	}
}
