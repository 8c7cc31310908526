package refusal

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/internal/transport"
)

// trouble is what may be wrong with a connection.
type trouble struct {
	matches   func(error) bool
	temporary bool
	// says takes the place of the system's words, if it is not nil.
	says   error
	advice string
}

// The numbers of Windows for the errors of connections; package syscall does not compare them with the names.
const (
	windowsUnreachableNetwork = syscall.Errno(10051)
	windowsReset              = syscall.Errno(10054)
	windowsRefused            = syscall.Errno(10061)
	windowsUnreachableHost    = syscall.Errno(10065)
)

var (
	errCut        = errdef.New(errdef.ErrNetwork, "the connection was cut")
	errProxyLogin = errdef.New(errdef.ErrNetwork, "the proxy wants a login")
)

// troubles are tried in this order.
var troubles = []trouble{
	{is(http.ErrSchemeMismatch), false, store.ErrUnencrypted, "the server speaks http without encryption: use it only in a network that you trust"},
	{proxyWantsLogin, false, errProxyLogin, "set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT"},
	{proxyFails, false, nil, "the proxy does not answer: check HTTPS_PROXY and HTTP_PROXY, or add the host to NO_PROXY"},
	{isA[x509.HostnameError](nil), false, nil, "the certificate is for another host: check the address"},
	{
		isA(func(e x509.CertificateInvalidError) bool { return e.Reason == x509.Expired }), false, nil,
		"the certificate has expired, or the clock of this machine is wrong",
	},
	{isA[x509.UnknownAuthorityError](nil), false, nil, certificate},
	{isA[*tls.CertificateVerificationError](nil), false, nil, certificate},
	{isA[tls.AlertError](nil), false, nil, "the server refuses this kind of encryption, or wants a certificate of yours: ask its operator"},
	{isA[tls.RecordHeaderError](nil), false, nil, "the server does not speak https there: check the address and the port"},
	{isA(func(e *net.DNSError) bool { return e.IsNotFound }), false, nil, "check the address and this machine's network; behind a proxy, set HTTPS_PROXY"},
	{isA[*net.DNSError](nil), true, nil, "the name server does not answer: check this machine's network"},
	{is(syscall.ECONNREFUSED, windowsRefused), false, nil, "nothing listens there: check host and port, and whether the server runs"},
	{
		is(syscall.ENETUNREACH, syscall.EHOSTUNREACH, windowsUnreachableNetwork, windowsUnreachableHost), false, nil,
		"this machine has no way to that host: check its network, or the VPN",
	},
	{is(io.ErrUnexpectedEOF, io.EOF, syscall.ECONNRESET, windowsReset, syscall.EPIPE), true, errCut, "try again: what arrived is kept"},
	{isA[*transport.StallError](nil), true, nil, silent},
	{isA(func(e net.Error) bool { return e.Timeout() }), true, nil, silent},
}

const (
	certificate = "if a proxy or the server has a certificate of its own, set SSL_CERT_FILE to a file with that certificate"
	silent      = "the server does not answer: check the address, a firewall or proxy between, or try again later"
)

// Connection returns the error for a request that got no answer, or not all of it. It leaves out addresses, which may be signed.
func Connection(source string, err error) error {
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	result := &store.SourceError{Source: source, Kind: store.ErrUnreachable, Err: err, Temporary: true, Advice: "try again: what arrived is kept"}
	for _, t := range troubles {
		if t.matches(err) {
			result.Temporary, result.Advice = t.temporary, t.advice
			if t.says != nil {
				result.Err = t.says
			}
			break
		}
	}
	return result
}

// IsConnection reports whether an error is about a connection that this package knows.
func IsConnection(err error) bool {
	return slices.ContainsFunc(troubles, func(t trouble) bool { return t.matches(err) })
}

// proxyFails reports whether the proxy itself could not be reached.
func proxyFails(err error) bool {
	var operation *net.OpError
	return errors.As(err, &operation) && operation.Op == "proxyconnect"
}

// proxyWantsLogin reports whether a proxy refused to pass on an encrypted connection. Package net/http has only the text for that.
func proxyWantsLogin(err error) bool {
	return strings.Contains(err.Error(), http.StatusText(http.StatusProxyAuthRequired))
}

// is returns a function that reports whether an error is one of some.
func is(targets ...error) func(error) bool {
	return func(err error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
}

// isA returns a function that reports whether an error is an E for which more, if it is not nil, is true.
func isA[E error](more func(E) bool) func(error) bool {
	return func(err error) bool {
		var target E
		return errors.As(err, &target) && (more == nil || more(target))
	}
}
