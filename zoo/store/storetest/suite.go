package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Subject is a store to be tested.
type Subject struct {
	// Fetcher is the store.
	Fetcher store.Fetcher
	// Pusher is the store if it can be written to, else nil.
	Pusher store.Pusher
	// Put puts content into the store if Pusher is nil; else it is not called.
	Put func(content []byte)
}

func (s Subject) put(t *testing.T, content []byte) store.Blob {
	t.Helper()
	blob := Describe(content, 0)
	if s.Pusher == nil {
		s.Put(content)
		return blob
	}
	pushed, err := s.Pusher.Push(t.Context(), blob, bytes.NewReader(content))
	if err != nil {
		t.Fatalf("push: %v", err)
	}
	if diff := cmp.Diff(blob, pushed); diff != "" {
		t.Errorf("pushed blob (-want +got):\n%s", diff)
	}
	return blob
}

// Run tests the stores that open makes, a fresh one for each test. It finds out by type assertion whether a store has ranges and can resume, and tests
// that too.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	tests := []struct {
		name string
		test func(t *testing.T, s Subject)
	}{
		{"fetch", testFetch},
		{"stat", testStat},
		{"absent", testAbsent},
		{"invalid digests", testInvalid},
		{"ranges", testRanges},
		{"concurrent fetches", testConcurrentFetches},
		{"cancelled fetch", testCancelledFetch},
		{"copy out", testCopyOut},
		{"push again", testPushAgain},
		{"push of unknown digest", testPushUnknown},
		{"push of wrong bytes", testPushWrong},
		{"push of a failing reader", testPushFailing},
		{"concurrent pushes", testConcurrentPushes},
		{"cancelled push", testCancelledPush},
		{"copy in", testCopyIn},
		{"resume", testResume},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.test(t, open(t)) })
	}
}

// sizes are the sizes of blobs, among them those at which off-by-one errors show.
var sizes = []int{0, 1, 511, 512, 513, 4096, 100_000}

func testFetch(t *testing.T, s Subject) {
	for i, size := range sizes {
		content := Random(size, uint64(i))
		blob := s.put(t, content)
		got, err := fetch(t.Context(), s.Fetcher, blob)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: got %d others, or %v", size, len(got), err)
		}
	}
}

func fetch(ctx context.Context, f store.Fetcher, blob store.Blob) ([]byte, error) {
	content, err := f.Fetch(ctx, blob)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(content)
}

func testStat(t *testing.T, s Subject) {
	blob := s.put(t, Random(1234, 1))
	info, err := s.Fetcher.Stat(t.Context(), blob)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size != 1234 || info.Digest != "" && info.Digest != blob.Digest || info.Source == "" {
		t.Errorf("got %+v", info)
	}
	unsized := store.Blob{Digest: blob.Digest, Size: store.UnknownSize}
	if info, err = s.Fetcher.Stat(t.Context(), unsized); err != nil || info.Size != 1234 {
		t.Errorf("without a size: got %+v and %v", info, err)
	}
}

func testAbsent(t *testing.T, s Subject) {
	s.put(t, Random(10, 1))
	absent := Describe(Random(10, 2), 0)
	if _, err := s.Fetcher.Stat(t.Context(), absent); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("stat: got %v, want ErrNotFound", err)
	}
	if _, err := s.Fetcher.Fetch(t.Context(), absent); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("fetch: got %v, want ErrNotFound", err)
	}
	if ranged, ok := s.Fetcher.(store.RangeFetcher); ok {
		if _, err := ranged.FetchRange(t.Context(), absent, "", store.Span{Offset: 2, Size: 3}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("range: got %v, want ErrNotFound", err)
		}
	}
}

func testInvalid(t *testing.T, s Subject) {
	for _, wrong := range []digest.Digest{
		"sha256:../../../etc/passwd", digest.Digest("sha256:" + strings.Repeat("A", 64)), "md5:00", "x",
		digest.Digest("sha256:" + strings.Repeat("0", 63) + "/"), digest.Digest(strings.Repeat("0", 64)),
	} {
		blob := store.Blob{Digest: wrong, Size: 3}
		if _, err := s.Fetcher.Fetch(t.Context(), blob); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("fetch of %q: got %v, want ErrInvalid", wrong, err)
		}
		if _, err := s.Fetcher.Stat(t.Context(), blob); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("stat of %q: got %v, want ErrInvalid", wrong, err)
		}
		if s.Pusher == nil {
			continue
		}
		if _, err := s.Pusher.Push(t.Context(), blob, strings.NewReader("abc")); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("push of %q: got %v, want ErrInvalid", wrong, err)
		}
	}
}

func testRanges(t *testing.T, s Subject) {
	ranged, ok := s.Fetcher.(store.RangeFetcher)
	if !ok {
		t.Skip("this store sends whole blobs only")
	}
	content := Random(10_000, 1)
	blob := s.put(t, content)
	info, err := ranged.Stat(t.Context(), blob)
	if err != nil || !info.Ranges {
		t.Fatalf("no ranges declared: %+v, %v", info, err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	spans := []store.Span{{Offset: 0, Size: 1}, {Offset: 0, Size: 10_000}, {Offset: 9_999, Size: 1}}
	for range 20 {
		offset := random.Int64N(10_000)
		spans = append(spans, store.Span{Offset: offset, Size: 1 + random.Int64N(10_000-offset)})
	}
	for _, span := range spans {
		part, err := ranged.FetchRange(t.Context(), blob, info.Version, span)
		if err != nil {
			t.Fatalf("range %v: %v", span, err)
		}
		got, err := io.ReadAll(part)
		if err != nil || !bytes.Equal(got, content[span.Offset:span.End()]) {
			t.Errorf("range %v: other bytes, or %v", span, err)
		}
		part.Close()
	}
}

func testConcurrentFetches(t *testing.T, s Subject) {
	content := Random(50_000, 1)
	blob := s.put(t, content)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got, err := fetch(t.Context(), s.Fetcher, blob); err != nil || !bytes.Equal(got, content) {
				t.Errorf("other bytes, or %v", err)
			}
		})
	}
	group.Wait()
}

func testCancelledFetch(t *testing.T, s Subject) {
	blob := s.put(t, Random(10, 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := fetch(ctx, s.Fetcher, blob)
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if err == nil && len(got) != 10 {
		t.Errorf("no error, and %d of 10 bytes", len(got))
	}
}

func testCopyOut(t *testing.T, s Subject) {
	content := Random(100_000, 1)
	s.put(t, content)
	blob := Describe(content, 10_000)
	var to Memory
	if _, err := store.Copy(t.Context(), s.Fetcher, &to, blob, store.Options{}); err != nil {
		t.Fatal(err)
	}
	if got, err := to.Get(blob); err != nil || !bytes.Equal(got, content) {
		t.Errorf("other bytes, or %v", err)
	}
}

// writable returns the Pusher of s, or skips the test if s cannot be written to.
func writable(t *testing.T, s Subject) store.Pusher {
	if s.Pusher == nil {
		t.Skip("this store is read-only")
	}
	return s.Pusher
}

func testPushAgain(t *testing.T, s Subject) {
	pusher := writable(t, s)
	content := Random(5000, 1)
	blob := s.put(t, content)
	if _, err := pusher.Push(t.Context(), blob, bytes.NewReader(content)); err != nil {
		t.Errorf("again: %v", err)
	}
	if got, err := fetch(t.Context(), s.Fetcher, blob); err != nil || !bytes.Equal(got, content) {
		t.Errorf("other bytes, or %v", err)
	}
}

func testPushUnknown(t *testing.T, s Subject) {
	pusher := writable(t, s)
	content := Random(5000, 1)
	pushed, err := pusher.Push(t.Context(), store.Blob{Name: "something", Size: store.UnknownSize}, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	want := store.Blob{Name: "something", Digest: digest.FromBytes(content), Size: 5000}
	if diff := cmp.Diff(want, pushed); diff != "" {
		t.Errorf("pushed blob (-want +got):\n%s", diff)
	}
	if got, err := fetch(t.Context(), s.Fetcher, pushed); err != nil || !bytes.Equal(got, content) {
		t.Errorf("other bytes, or %v", err)
	}
}

func testPushWrong(t *testing.T, s Subject) {
	pusher := writable(t, s)
	content := Random(5000, 1)
	flipped := bytes.Clone(content)
	flipped[4999] ^= 1
	for name, wrong := range map[string][]byte{
		"flipped": flipped, "short": content[:4999], "long": append(bytes.Clone(content), 0), "empty": nil,
	} {
		blob := Describe(content, 0)
		if _, err := pusher.Push(t.Context(), blob, bytes.NewReader(wrong)); !errors.Is(err, store.ErrDigestMismatch) {
			t.Errorf("%s: got %v, want ErrDigestMismatch", name, err)
		}
		for _, hidden := range [][]byte{content, wrong} {
			if _, err := s.Fetcher.Stat(t.Context(), Describe(hidden, 0)); len(hidden) > 0 && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %d bytes are visible: %v", name, len(hidden), err)
			}
		}
	}
}

func testPushFailing(t *testing.T, s Subject) {
	pusher := writable(t, s)
	content := Random(5000, 1)
	blob := Describe(content, 0)
	broken := errors.New("broken reader")
	failing := io.MultiReader(bytes.NewReader(content[:3000]), iotest.ErrReader(broken))
	if _, err := pusher.Push(t.Context(), blob, failing); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
	if _, err := s.Fetcher.Stat(t.Context(), blob); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("half a blob is visible: %v", err)
	}
}

func testConcurrentPushes(t *testing.T, s Subject) {
	pusher := writable(t, s)
	content := Random(50_000, 1)
	blob := Describe(content, 0)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := pusher.Push(t.Context(), blob, bytes.NewReader(content)); err != nil {
				t.Errorf("push: %v", err)
			}
		})
	}
	group.Wait()
	if got, err := fetch(t.Context(), s.Fetcher, blob); err != nil || !bytes.Equal(got, content) {
		t.Errorf("other bytes, or %v", err)
	}
}

func testCancelledPush(t *testing.T, s Subject) {
	pusher := writable(t, s)
	content := Random(50_000, 1)
	blob := Describe(content, 0)
	ctx, cancel := context.WithCancel(t.Context())
	// The context ends while the content is read.
	from := io.MultiReader(bytes.NewReader(content[:20_000]), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0, context.Cause(ctx)
	}))
	if _, err := pusher.Push(ctx, blob, from); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if _, err := s.Fetcher.Stat(t.Context(), blob); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("half a blob is visible: %v", err)
	}
}

func testCopyIn(t *testing.T, s Subject) {
	pusher := writable(t, s)
	var from Memory
	blob := from.Put(Random(100_000, 1), 10_000)
	var last [2]int64
	options := store.Options{Progress: func(done, total int64) { last = [2]int64{done, total} }}
	copied, err := store.Copy(t.Context(), &from, pusher, blob, options)
	if err != nil {
		t.Fatal(err)
	}
	if copied.Digest != blob.Digest || copied.Size != blob.Size || last != [2]int64{100_000, 100_000} {
		t.Errorf("got %v of %d bytes, and progress %v", copied.Digest, copied.Size, last)
	}
	served := from.Served.Load()
	if _, err := store.Copy(t.Context(), &from, pusher, blob, options); err != nil || from.Served.Load() != served {
		t.Errorf("the second copy read %d bytes, or failed with %v", from.Served.Load()-served, err)
	}
}

// testResume interrupts a copy again and again. At most a chunk may be fetched twice for each interruption.
func testResume(t *testing.T, s Subject) {
	resumer, ok := s.Pusher.(store.Resumer)
	if !ok {
		t.Skip("this store does not keep what an interrupted copy left")
	}
	const chunk = 16_384
	var from Memory
	content := Random(20*chunk+100, 1)
	blob := from.Put(content, chunk)
	interrupted := 0
	for ctx := t.Context(); ; interrupted++ {
		if interrupted > 20 {
			t.Fatal("the copy does not end")
		}
		inner, cancel := context.WithCancel(ctx)
		stop := from.Served.Load() + 3*chunk
		_, err := store.Copy(inner, &from, resumer, blob, store.Options{Progress: func(int64, int64) {
			if from.Served.Load() > stop {
				cancel()
			}
		}})
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if interrupted < 3 {
		t.Errorf("the copy was interrupted only %d times", interrupted)
	}
	if twice := from.Served.Load() - blob.Size; twice > int64(interrupted)*chunk {
		t.Errorf("%d bytes were fetched twice, in %d interruptions", twice, interrupted)
	}
	if got, err := fetch(t.Context(), s.Fetcher, blob); err != nil || !bytes.Equal(got, content) {
		t.Errorf("other bytes, or %v", err)
	}
}
