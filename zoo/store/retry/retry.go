package retry

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Options say how often and how long to try. The zero value tries 6 times, with about 15 seconds of waiting in all. When bytes arrive, the count
// starts again.
type Options struct {
	// Tries is how often something is tried in all; 0 is 6.
	Tries uint
	// First is how long to wait before the second try; each wait is twice as long as the one before, give or take half. 0 is half a second.
	First time.Duration
	// Longest is the longest wait; 0 is two minutes. If the server asks for a longer one, its error is returned.
	Longest time.Duration
	// Notice, which may be nil, is told of each failure and of the wait before the next try. It may be called from several goroutines at once.
	Notice func(problem error, wait time.Duration)
}

func (o Options) withDefaults() Options {
	if o.Tries == 0 {
		o.Tries = 6
	}
	if o.First == 0 {
		o.First = 500 * time.Millisecond
	}
	if o.Longest == 0 {
		o.Longest = 2 * time.Minute
	}
	return o
}

// New returns a store that repeats what inner fails at. It is a store.RangeFetcher if inner is one.
func New(inner store.Fetcher, options Options) store.Fetcher {
	patient := &fetcher{inner: inner, options: options.withDefaults()}
	if ranged, ok := inner.(store.RangeFetcher); ok {
		patient.ranged = ranged
		return &rangeFetcher{patient}
	}
	return patient
}

type fetcher struct {
	inner   store.Fetcher
	ranged  store.RangeFetcher // nil if inner is not one
	options Options
}

type rangeFetcher struct{ *fetcher }

var _ store.RangeFetcher = (*rangeFetcher)(nil)

// Stat implements store.Stater.
func (f *fetcher) Stat(ctx context.Context, blob store.Blob) (store.Info, error) {
	return try(ctx, f.options, func() (store.Info, error) { return f.inner.Stat(ctx, blob) })
}

// Fetch implements store.Fetcher. An answer that was cut is continued with a range if digest and size are known, because then the caller, who verifies
// the bytes, notices if the file changed.
func (f *fetcher) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	from, err := try(ctx, f.options, func() (io.ReadCloser, error) { return f.inner.Fetch(ctx, blob) })
	if err != nil || f.ranged == nil || blob.Size < 0 || blob.Digest == "" {
		return from, err
	}
	return &body{ctx: ctx, fetcher: f, blob: blob, left: store.Span{Size: blob.Size}, from: from}, nil
}

// FetchRange implements store.RangeFetcher.
func (f *rangeFetcher) FetchRange(ctx context.Context, blob store.Blob, version string, span store.Span) (io.ReadCloser, error) {
	from, err := f.open(ctx, blob, version, span)
	if err != nil || version == "" && blob.Digest == "" {
		return from, err
	}
	return &body{ctx: ctx, fetcher: f.fetcher, blob: blob, version: version, left: span, from: from}, nil
}

func (f *fetcher) open(ctx context.Context, blob store.Blob, version string, span store.Span) (io.ReadCloser, error) {
	return try(ctx, f.options, func() (io.ReadCloser, error) { return f.ranged.FetchRange(ctx, blob, version, span) })
}

// body continues an answer that was cut.
type body struct {
	ctx     context.Context //nolint:containedctx // the context of the call that opened the body
	fetcher *fetcher
	blob    store.Blob
	version string
	// left is what has not been read yet; failures counts the cuts since a byte arrived.
	left     store.Span
	from     io.ReadCloser
	failures uint
}

func (b *body) Read(p []byte) (int, error) {
	for {
		n, err := b.from.Read(p)
		b.left.Offset += int64(n)
		b.left.Size -= int64(n)
		if n > 0 {
			b.failures = 0
		}
		if err == nil || b.left.Size <= 0 {
			return n, err
		}
		err = b.again(err)
		if err != nil || n > 0 {
			return n, err
		}
	}
}

// again requests the rest after a cut. An answer that ends early without an error counts as cut.
func (b *body) again(problem error) error {
	if errors.Is(problem, io.EOF) {
		problem = &store.SourceError{Source: "the source", Kind: store.ErrUnreachable, Temporary: true, Err: errors.New("the answer ended early")}
	}
	if b.failures++; b.failures >= b.fetcher.options.Tries {
		return problem
	}
	if _, ok := store.Temporary(problem); !ok {
		return problem
	}
	b.from.Close()
	first := true
	from, err := try(b.ctx, b.fetcher.options, func() (io.ReadCloser, error) {
		if first {
			first = false
			return nil, problem // the wait and the notice are those of any failure
		}
		return b.fetcher.ranged.FetchRange(b.ctx, b.blob, b.version, b.left)
	})
	if err != nil {
		b.from = endedBody{err}
		return err
	}
	b.from = from
	return nil
}

func (b *body) Close() error { return b.from.Close() }

// endedBody is a body that failed for good.
type endedBody struct{ err error }

func (e endedBody) Read([]byte) (int, error) { return 0, e.err }
func (e endedBody) Close() error             { return nil }

// try calls operation until it succeeds, fails for good, or was tried as often as options allow. With a context of store.Once it calls it once.
func try[T any](ctx context.Context, options Options, operation func() (T, error)) (T, error) {
	if store.IsOnce(ctx) {
		return operation()
	}
	var last error
	policy := &backoff.ExponentialBackOff{
		InitialInterval: options.First, RandomizationFactor: backoff.DefaultRandomizationFactor, Multiplier: 2, MaxInterval: options.Longest,
	}
	patience := []backoff.RetryOption{backoff.WithBackOff(policy), backoff.WithMaxTries(options.Tries), backoff.WithMaxElapsedTime(0)}
	if options.Notice != nil {
		patience = append(patience, backoff.WithNotify(func(err error, wait time.Duration) { options.Notice(plain(err), wait) }))
	}
	value, err := backoff.Retry(ctx, func() (T, error) {
		value, err := operation()
		if err != nil {
			last = err
		}
		return value, classify(err, options.Longest)
	}, patience...)
	err = plain(err)
	if err != nil && last != nil && ctx.Err() != nil {
		err = store.Ended(ctx, "the source", last)
	}
	return value, err
}

// delayedError is a failure after which the server asked for a wait.
type delayedError struct {
	*backoff.RetryAfterError
	problem error
}

func (d *delayedError) Unwrap() []error { return []error{d.RetryAfterError, d.problem} }

// classify marks an error for the loop: as permanent, or with the wait that the server asked for.
func classify(err error, longest time.Duration) error {
	if err == nil {
		return nil
	}
	after, temporary := store.Temporary(err)
	switch {
	case !temporary || after > longest:
		return backoff.Permanent(err)
	case after > 0:
		return &delayedError{&backoff.RetryAfterError{Duration: after}, err}
	}
	return err
}

// plain removes what classify put around an error.
func plain(err error) error {
	var asked *delayedError
	if errors.As(err, &asked) {
		return asked.problem
	}
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) {
		return permanent.Err
	}
	return err
}
