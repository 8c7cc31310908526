package errdef_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/beitzoo/beitzoo/errdef"
)

type hinted struct{ error }

func (hinted) Hint() string { return "do this" }

func TestKind(t *testing.T) {
	t.Parallel()
	digest := errdef.New(errdef.ErrIntegrity, "wrong digest")
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"nothing", nil, nil},
		{"wrapped", fmt.Errorf("reading: %w", digest), errdef.ErrIntegrity},
		{"unclassified", fs.ErrPermission, errdef.ErrInput},
		{"precedence", errors.Join(errdef.New(errdef.ErrNetwork, "gone"), digest), errdef.ErrIntegrity},
		{"out of time", fmt.Errorf("loading: %w", context.DeadlineExceeded), context.DeadlineExceeded},
		{"interrupted", errors.Join(digest, context.Canceled), context.Canceled},
	} {
		if got := errdef.Kind(c.err); !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if !errors.Is(fmt.Errorf("reading: %w", digest), digest) {
		t.Error("errors.Is does not find a wrapped sentinel")
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	if got := errdef.Hint(fmt.Errorf("reading: %w", hinted{fs.ErrNotExist})); got != "do this" {
		t.Errorf("hint %q", got)
	}
	if got := errdef.Hint(fs.ErrNotExist); got != "" {
		t.Errorf("hint %q of an error without one", got)
	}
}
