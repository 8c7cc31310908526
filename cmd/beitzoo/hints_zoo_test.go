package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

func TestZooHint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{&manifest.NotFoundError{}, "beitzoo list"},
		{&manifest.NotFoundError{Nearest: "beit"}, "did you mean beit? `beitzoo list` shows all names"},
		{&manifest.NotFoundError{Versions: []string{"1.0.0"}}, "versions of it: 1.0.0"},
		{errors.Join(store.ErrUnreachable, &manifest.NotFoundError{Nearest: "beit"}), "the place that did not answer"},
		{&manifest.IndexError{Kind: manifest.ErrFreeze}, "beitzoo manifest renew"},
		{&manifest.IndexError{Kind: manifest.ErrRollback, Place: "oci://x/y"}, "beitzoo trust forget oci://x/y"},
		{&trust.SignatureError{Err: trust.ErrUnknownKey}, "--trust KEY"},
		{&trust.SignatureError{Err: trust.ErrBadSignature}, "fetch it again"},
		{&zoo.ChangedError{Err: manifest.ErrFreeze}, "--repin"},
		{&zoo.OfflineError{}, "--offline"},
		{&zoo.NotVerifiedError{}, "beitzoo verify"},
	} {
		if hint := hintOf(fmt.Errorf("pull: %w", c.err)); !strings.Contains(hint, c.want) {
			t.Errorf("%T: hint %q lacks %q", c.err, hint, c.want)
		}
	}
}
