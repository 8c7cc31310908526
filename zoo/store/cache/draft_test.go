package cache_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// copyToDraft copies a blob into a draft, which must then hold its bytes.
func copyToDraft(t *testing.T, from store.Fetcher, c *cache.Cache, blob store.Blob, want []byte) *cache.Draft {
	t.Helper()
	draft := c.Draft()
	t.Cleanup(func() { draft.Close() })
	got, err := store.Copy(t.Context(), from, draft, blob, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path, err := draft.Path(got.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(path); err != nil || !bytes.Equal(raw, want) {
		t.Fatalf("the draft has %d other bytes, %v", len(raw), err)
	}
	return draft
}

// requireDrafts wants so many blobs and so many files of partial blobs.
func requireDrafts(t *testing.T, c *cache.Cache, blobs, partials int) {
	t.Helper()
	entries, err := c.List()
	if err != nil || len(entries) != blobs {
		t.Errorf("the cache has %d blobs, want %d; %v", len(entries), blobs, err)
	}
	if left := partialFiles(t, c, ""); len(left) != partials {
		t.Errorf("the files of partial blobs are %q, want %d", left, partials)
	}
}

func TestDraft(t *testing.T) {
	content := storetest.Random(2*store.DefaultChunkSize+77, 1)
	var from storetest.Memory
	blob := from.Put(content, 0)
	for _, test := range []struct {
		name string
		end  func(*cache.Draft) error
		// blobs and partials are how many files the cache has afterwards; served is how many bytes the next copy fetches.
		blobs, partials int
		served          int64
	}{
		{"discard", (*cache.Draft).Discard, 0, 0, blob.Size},
		{"keep", (*cache.Draft).Keep, 1, 0, 0},
		{"close", (*cache.Draft).Close, 0, 2, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := open(t, cache.Options{})
			draft := copyToDraft(t, &from, c, blob, content)
			requireDrafts(t, c, 0, 2)
			if err := test.end(draft); err != nil {
				t.Fatal(err)
			}
			requireDrafts(t, c, test.blobs, test.partials)
			before := from.Served.Load()
			copyToDraft(t, &from, c, blob, content)
			if served := from.Served.Load() - before; served != test.served {
				t.Errorf("the next copy fetched %d bytes, want %d", served, test.served)
			}
		})
	}
}

// TestDraftAfterPowerCut loses bytes of a draft, as a power cut can, because a draft is not synced: they are fetched again.
func TestDraftAfterPowerCut(t *testing.T) {
	content := storetest.Random(3*store.DefaultChunkSize, 1)
	var from storetest.Memory
	blob := from.Put(content, 0)
	c := open(t, cache.Options{})
	if err := copyToDraft(t, &from, c, blob, content).Close(); err != nil {
		t.Fatal(err)
	}
	lost := bytes.Clone(content)
	clear(lost[store.DefaultChunkSize+5000 : store.DefaultChunkSize+9000])
	if err := os.WriteFile(partialFiles(t, c, ".part")[0], lost, 0o600); err != nil {
		t.Fatal(err)
	}
	before := from.Served.Load()
	copyToDraft(t, &from, c, blob, content)
	if served := from.Served.Load() - before; served != store.DefaultChunkSize {
		t.Errorf("%d bytes were fetched again, the chunk has %d", served, store.DefaultChunkSize)
	}
}

// lying is a store that sends wrong bytes.
type lying struct{ content []byte }

func (l lying) Stat(_ context.Context, blob store.Blob) (store.Info, error) {
	return store.Info{Size: blob.Size}, nil
}

func (l lying) Fetch(context.Context, store.Blob) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.content)), nil
}

// TestDraftIsVerified copies wrong bytes into a draft.
func TestDraftIsVerified(t *testing.T) {
	content := storetest.Random(1000, 1)
	blob := storetest.Describe(content, 0)
	content[500] ^= 1
	c := open(t, cache.Options{})
	draft := c.Draft()
	defer draft.Close()
	if _, err := store.Copy(t.Context(), lying{content}, draft, blob, store.Options{}); !errors.Is(err, store.ErrDigestMismatch) {
		t.Errorf("got %v", err)
	}
	if path, err := draft.Path(blob.Digest); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the draft has %q, %v", path, err)
	}
	if err := draft.Discard(); err != nil {
		t.Error(err)
	}
	requireDrafts(t, c, 0, 0)
}
