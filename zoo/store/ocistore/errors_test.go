package ocistore_test

import (
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// unresolved is a transport that cannot look up any host.
type unresolved struct{ lookup *net.DNSError }

func (u unresolved) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Err: u.lookup}
}

// TestUnknownHostIsFinal wants a host that does not exist to be a permanent error, and a resolver that fails a temporary one.
func TestUnknownHostIsFinal(t *testing.T) {
	blob := storetest.Describe([]byte("x"), 0)
	for _, test := range []struct {
		lookup net.DNSError
		want   bool
	}{{net.DNSError{IsNotFound: true}, false}, {net.DNSError{Err: "server misbehaving"}, true}} {
		r := newRegistry(t, "registry.example.org/zoo", ocistore.RegistryOptions{Transport: unresolved{&test.lookup}})
		_, err := r.Stat(t.Context(), blob)
		if _, temporary := store.Temporary(err); temporary != test.want || !errors.Is(err, store.ErrUnreachable) {
			t.Errorf("%+v: temporary is %t, error %v", test.lookup, temporary, err)
		}
	}
}
