package httpstore

import (
	"errors"
	"net"
	"net/url"
	"testing"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// TestUnknownHostIsFinal wants a host that does not exist to be a permanent error, and a resolver that does not answer a temporary one.
func TestUnknownHostIsFinal(t *testing.T) {
	for _, test := range []struct {
		lookup net.DNSError
		want   bool
	}{{net.DNSError{IsNotFound: true}, false}, {net.DNSError{IsTimeout: true}, true}} {
		err := unreachable("https://host", &url.Error{Op: "Get", URL: "https://host", Err: &net.OpError{Op: "dial", Err: &test.lookup}})
		_, temporary := store.Temporary(err)
		if temporary != test.want || !errors.Is(err, store.ErrUnreachable) {
			t.Errorf("%+v: temporary is %t", test.lookup, temporary)
		}
	}
}
