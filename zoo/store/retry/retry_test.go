package retry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Subject {
		m := new(storetest.Memory)
		return storetest.Subject{Fetcher: retry.New(m, retry.Options{}), Pusher: m}
	})
}

// failing is a store whose first calls fail, and whose bodies are cut.
type failing struct {
	*storetest.Memory
	failures []error
	// cuts are the lengths of the first bodies.
	cuts  []int
	spans []store.Span
}

func (f *failing) fail() error {
	if len(f.failures) == 0 {
		return nil
	}
	err := f.failures[0]
	f.failures = f.failures[1:]
	return err
}

func (f *failing) Stat(ctx context.Context, blob store.Blob) (store.Info, error) {
	if err := f.fail(); err != nil {
		return store.Info{}, err
	}
	return f.Memory.Stat(ctx, blob)
}

func (f *failing) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	return f.FetchRange(ctx, blob, "", store.Span{Size: blob.Size})
}

func (f *failing) FetchRange(ctx context.Context, blob store.Blob, version string, span store.Span) (io.ReadCloser, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	f.spans = append(f.spans, span)
	body, err := f.Memory.FetchRange(ctx, blob, version, span)
	if err == nil && len(f.cuts) > 0 {
		body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(body, int64(f.cuts[0])), body}
		f.cuts = f.cuts[1:]
	}
	return body, err
}

func temporary(after time.Duration) error {
	return &store.SourceError{Source: "s", Kind: store.ErrUnreachable, Temporary: true, After: after}
}

func TestPatience(t *testing.T) {
	gone := &store.SourceError{Source: "s", Kind: store.ErrNotFound}
	tests := []struct {
		name     string
		failures []error
		want     error
		// tries is how many failures are used up; waited and atMost bound the time.
		tries          int
		waited, atMost time.Duration
	}{
		{"none", nil, nil, 0, 0, 0},
		{"two", []error{temporary(0), temporary(0)}, nil, 2, 750 * time.Millisecond, 2300 * time.Millisecond},
		{"too many", []error{temporary(0), temporary(0), temporary(0), temporary(0)}, store.ErrUnreachable, 3, 750 * time.Millisecond, 2300 * time.Millisecond},
		{"permanent", []error{gone, temporary(0)}, store.ErrNotFound, 1, 0, 0},
		{"asked to wait", []error{temporary(40 * time.Second)}, nil, 1, 40 * time.Second, 40 * time.Second},
		{"asked to wait too long", []error{temporary(61 * time.Second)}, store.ErrUnreachable, 1, 0, 0},
		{"of no kind", []error{io.ErrClosedPipe}, io.ErrClosedPipe, 1, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := &failing{Memory: new(storetest.Memory), failures: test.failures}
				blob := inner.Put([]byte("content"), 0)
				var told []error
				patient := retry.New(inner, retry.Options{Tries: 3, Longest: time.Minute, Notice: func(problem error, _ time.Duration) {
					told = append(told, problem)
				}})
				start := time.Now()
				_, err := patient.Stat(t.Context(), blob)
				if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
					t.Errorf("got %v, want %v", err, test.want)
				}
				if used := len(test.failures) - len(inner.failures); used != test.tries {
					t.Errorf("%d failures used up, want %d", used, test.tries)
				}
				if waited := time.Since(start); waited < test.waited || waited > test.atMost {
					t.Errorf("waited %v, want %v to %v", waited, test.waited, test.atMost)
				}
				for _, problem := range told {
					if !errors.Is(problem, store.ErrUnreachable) || problem.Error() != temporary(0).Error() {
						t.Errorf("told of %v", problem)
					}
				}
			})
		})
	}
}

// TestCutsAreMended requests the rest when a body ends early, even more often than there are tries, as long as bytes arrive.
func TestCutsAreMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content := storetest.Random(1000, 1)
		inner := &failing{Memory: new(storetest.Memory), cuts: []int{100, 50, 50, 50, 50, 50, 150}}
		blob := inner.Put(content, 0)
		patient := retry.New(inner, retry.Options{Tries: 2})
		body, err := patient.Fetch(t.Context(), blob)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		body.Close()
		want := []store.Span{span(0, 1000), span(100, 900), span(150, 850), span(200, 800), span(250, 750), span(300, 700), span(350, 650), span(500, 500)}
		if diff := cmp.Diff(want, inner.spans); diff != "" {
			t.Errorf("spans (-want +got):\n%s", diff)
		}
	})
}

func span(offset, size int64) store.Span { return store.Span{Offset: offset, Size: size} }

// TestCutsEnd wants an error when nothing arrives any more.
func TestCutsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &failing{Memory: new(storetest.Memory), cuts: []int{100, 0, 0, 0, 0, 0}}
		blob := inner.Put(storetest.Random(1000, 1), 0)
		patient := retry.New(inner, retry.Options{Tries: 3})
		body, err := patient.Fetch(t.Context(), blob)
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		if got, err := io.ReadAll(body); len(got) != 100 || !errors.Is(err, store.ErrUnreachable) {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	})
}

// TestUnknownBytesAreNotMended cuts a body without digest and version, whose rest might be of another file.
func TestUnknownBytesAreNotMended(t *testing.T) {
	inner := &failing{Memory: new(storetest.Memory), cuts: []int{100}}
	blob := inner.Put(storetest.Random(1000, 1), 0)
	ranged, ok := retry.New(&unnamed{inner, blob}, retry.Options{}).(store.RangeFetcher)
	if !ok {
		t.Fatal("no ranges")
	}
	unknown := store.Blob{Name: "x", Size: 1000}
	body, err := ranged.FetchRange(t.Context(), unknown, "", store.Span{Size: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || len(got) != 100 {
		t.Errorf("got %d bytes, %v: the rest was fetched", len(got), err)
	}
}

// unnamed sends one blob, whichever is asked for.
type unnamed struct {
	*failing
	blob store.Blob
}

func (u *unnamed) FetchRange(ctx context.Context, _ store.Blob, version string, span store.Span) (io.ReadCloser, error) {
	return u.failing.FetchRange(ctx, u.blob, version, span)
}

func TestCancelledWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &failing{Memory: new(storetest.Memory), failures: []error{temporary(time.Minute)}}
		blob := inner.Put([]byte("x"), 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := retry.New(inner, retry.Options{}).Stat(ctx, blob); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}
