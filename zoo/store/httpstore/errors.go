package httpstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// unreachable returns the error for a failure of the network. It is temporary unless it is about certificates or a host that does not exist.
func unreachable(source string, err error) error {
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err // without the address, which may be signed
	}
	result := &store.SourceError{Source: source, Kind: store.ErrUnreachable, Err: err, Temporary: true}
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	if errors.As(err, &verification) || errors.As(err, &authority) {
		result.Temporary = false
		result.Advice = "if a proxy signs with a certificate of its own, set SSL_CERT_FILE to a file with that certificate"
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) && lookup.IsNotFound {
		result.Temporary = false
		result.Advice = "check the address and this machine's network; behind a proxy, set HTTPS_PROXY"
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		result.Err = errors.New("the connection was cut")
	}
	return result
}

// refused returns the error for an answer that cannot be used. Trying again will not help.
func refused(source string, err error) error {
	return &store.SourceError{Source: source, Kind: store.ErrUnreachable, Err: err}
}

// statusError returns the error for the status of an answer, and closes the body if there is one.
func statusError(response *response) error {
	if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusPartialContent {
		return nil
	}
	response.Body.Close()
	result := &store.SourceError{Source: response.public, Status: response.StatusCode, Kind: store.ErrUnreachable}
	switch status := response.StatusCode; status {
	case http.StatusNotFound, http.StatusGone:
		result.Kind = store.ErrNotFound
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		result.Kind = store.ErrUnauthorized
		result.Advice = "put a login for this host into ~/.netrc, or set a token; for some models you must first request access on their page"
	case http.StatusRequestedRangeNotSatisfiable:
		result.Kind = store.ErrChanged
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		result.Temporary = true
	default:
		result.Temporary = status >= 500 && status != http.StatusNotImplemented
	}
	result.After = retryAfter(response.Header.Get("Retry-After"), time.Now())
	return result
}

// retryAfter reads the header Retry-After: seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 && seconds < 1e9 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
