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
		{errors.Join(&manifest.NotFoundError{Nearest: "beit"}, &zoo.EmptyPlaceError{}), "did you mean beit?"},
		{
			&zoo.UnreachablePlaceError{Err: &store.SourceError{Source: "https://h:1/zoo", Kind: store.ErrUnauthorized, Status: 401, Advice: "log in"}},
			"log in; for a token, set BEITZOO_TOKEN and add --token-for h:1",
		},
		{&store.SourceError{Source: "h:1/zoo", Kind: store.ErrUnauthorized, Status: 401, Advice: "docker login"}, "docker login"},
		{&store.SourceError{Source: "h:1/zoo", Kind: store.ErrUnreachable, Err: store.ErrUnencrypted, Advice: "http"}, "http, with --plain-http"},
		{&store.SourceError{Source: "https://h/zoo", Kind: store.ErrUnreachable, Err: store.ErrUnencrypted}, "begins with http://"},
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
