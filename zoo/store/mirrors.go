package store

import (
	"context"
	"errors"
	"io"
)

// Mirrors are stores that have the same blobs. Copy tries them in order, and if one fails in the middle it continues with the next.
type Mirrors []Fetcher

// Stat asks the mirrors in order and returns the first answer.
func (m Mirrors) Stat(ctx context.Context, blob Blob) (Info, error) {
	return firstOf(ctx, m, func(f Fetcher) (Info, error) { return f.Stat(ctx, blob) })
}

// Fetch opens the blob in the first mirror that has it.
func (m Mirrors) Fetch(ctx context.Context, blob Blob) (io.ReadCloser, error) {
	return firstOf(ctx, m, func(f Fetcher) (io.ReadCloser, error) { return f.Fetch(ctx, blob) })
}

// firstOf returns the first success, or the errors of all mirrors.
func firstOf[T any](ctx context.Context, mirrors Mirrors, try func(Fetcher) (T, error)) (T, error) {
	var problems []error
	for _, mirror := range mirrors {
		value, err := try(mirror)
		if err == nil {
			return value, nil
		}
		problems = append(problems, err)
		if ctx.Err() != nil {
			break
		}
	}
	if len(problems) == 0 {
		problems = append(problems, ErrNotFound)
	}
	var none T
	return none, errors.Join(problems...)
}

var _ Fetcher = Mirrors(nil)
