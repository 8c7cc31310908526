package refusal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/internal/refusal"
)

// TestStatus_Words: what a server says comes through on one line, and is left out if it only repeats the status.
func TestStatus_Words(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		status       int
		header, body string
		kind         error
		says         string
	}{
		{"Azure", 409, "", "\xef\xbb\xbf<?xml version=\"1.0\"?><Error><Code>PublicAccessNotPermitted</Code><Message>Public access is not permitted.\nTime:0</Message></Error>", store.ErrUnreachable, `the server says "Public access is not permitted."`},
		{"the hub's header", 401, "Repository Not Found", "", store.ErrUnauthorized, `the server says "Repository Not Found"`},
		{"JSON", 403, "", `{"error":"Access to this model is restricted"}`, store.ErrUnauthorized, `"Access to this model is restricted"`},
		{"page", 503, "", "<html><head><title>Back at noon</title>", store.ErrUnreachable, `"Back at noon"`},
		{"Go's own 404", 404, "", "404 page not found\n", store.ErrNotFound, "(HTTP status 404)"},
		{"Python's own 404", 404, "", "<!DOCTYPE HTML><title>Error response</title>", store.ErrNotFound, "(HTTP status 404)"},
		{"nginx", 502, "", "<html><head><title>502 Bad Gateway</title>", store.ErrUnreachable, "(HTTP status 502)"},
		{"nothing", 500, "", "", store.ErrUnreachable, "(HTTP status 500)"},
		{"control characters", 400, "", "a\x1b[31mb\x00", store.ErrUnreachable, "(HTTP status 400)"},
	} {
		response := &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.body))}
		if c.header != "" {
			response.Header.Set("X-Error-Message", c.header)
		}
		err := refusal.Status("https://example.org", response)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || strings.ContainsAny(err.Error(), "\x1b\x00\n") || errdef.Hint(err) == "" {
			t.Errorf("%s: %v; hint: %s", c.name, err, errdef.Hint(err))
		}
		if strings.HasPrefix(c.says, "(") && !strings.HasSuffix(err.Error(), c.says) {
			t.Errorf("%s: the error repeats the status: %v", c.name, err)
		}
	}
}

// TestEveryStatusHasARow: the standard library knows the statuses that exist.
func TestEveryStatusHasARow(t *testing.T) {
	t.Parallel()
	usual := map[string]bool{}
	for _, status := range []int{499, 599} {
		usual[errdef.Hint(refusal.Registry("x", status, "", ""))] = true
	}
	rows := 0
	for status := 400; status < 600; status++ {
		hint := errdef.Hint(refusal.Registry("x", status, "", ""))
		if hint == "" {
			t.Errorf("%d has no hint", status)
		}
		if http.StatusText(status) != "" && !usual[hint] {
			rows++
		}
	}
	if rows < 25 {
		t.Errorf("only %d statuses have a hint of their own", rows)
	}
}

func TestRegistry_Codes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status              int
		code, message, says string
		kind                error
		temporary           bool
		hint                string
	}{
		{401, "UNAUTHORIZED", "authentication required", "unauthorized: authentication required", store.ErrUnauthorized, false, "podman login"},
		{403, "DENIED", "requested access to the resource is denied", "denied: requested access", store.ErrUnauthorized, false, "ask the owner"},
		{404, "NAME_UNKNOWN", "repository name not known to registry", "name unknown: repository", store.ErrNotFound, false, "name of the repository"},
		{404, "MANIFEST_UNKNOWN", "manifest unknown", `says "manifest unknown"`, store.ErrNotFound, false, "the version"},
		{404, "BLOB_UNKNOWN", "", `says "blob unknown"`, store.ErrNotFound, false, "publish it again"},
		{429, "TOOMANYREQUESTS", "You have reached your pull rate limit.", "pull rate limit", store.ErrUnreachable, true, "log in"},
		{405, "UNSUPPORTED", "The operation is unsupported.", "unsupported", store.ErrUnreachable, false, "read-only"},
		{401, "", "", "(HTTP status 401)", store.ErrUnauthorized, false, "docker login"},
		{507, "", "quota exceeded", "quota exceeded", store.ErrUnreachable, false, "no space left"},
	} {
		err := refusal.Registry("ghcr.io/a/b", c.status, c.code, c.message)
		if !errors.Is(err, c.kind) || err.Temporary != c.temporary || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Hint(), c.hint) {
			t.Errorf("%d %s: %v, temporary %v; hint: %s", c.status, c.code, err, err.Temporary, err.Hint())
		}
	}
}

// serve starts a server with TLS and a certificate that is valid until a time.
func serveTLS(t *testing.T, until time.Time) (address string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return server.URL, roots
}

// TestConnection makes each trouble with a real server, or without one.
func TestConnection(t *testing.T) {
	t.Parallel()
	later, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	stranger, _ := serveTLS(t, later)
	known, roots := serveTLS(t, later)
	expired, expiredRoots := serveTLS(t, past)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	cut := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(cut.Close)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(slow.Close)
	wantsLogin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	t.Cleanup(wantsLogin.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	through := func(proxy string) func(*http.Transport) {
		return func(transport *http.Transport) {
			address, err := url.Parse(proxy)
			if err != nil {
				t.Fatal(err)
			}
			transport.Proxy = http.ProxyURL(address)
		}
	}
	trusting := func(roots *x509.CertPool) func(*http.Transport) {
		return func(transport *http.Transport) { transport.TLSClientConfig = &tls.Config{RootCAs: roots} }
	}
	for _, c := range []struct {
		name, address string
		change        func(*http.Transport)
		temporary     bool
		hint          string
	}{
		{"nobody listens", gone.URL, nil, false, "nothing listens there"},
		{"http for https", strings.Replace(plain.URL, "http:", "https:", 1), nil, false, "http without encryption"},
		{"unknown authority", stranger, nil, false, "SSL_CERT_FILE"},
		{"another host", strings.Replace(known, "127.0.0.1", "localhost", 1), trusting(roots), false, "for another host"},
		{"expired", expired, trusting(expiredRoots), false, "has expired"},
		{"no such host", "http://nowhere.invalid", nil, false, "check the address"},
		{"cut", cut.URL, nil, true, "try again"},
		{"no answer", slow.URL, func(transport *http.Transport) { transport.ResponseHeaderTimeout = 20 * time.Millisecond }, true, "does not answer"},
		{"proxy away", known, through(gone.URL), false, "HTTPS_PROXY"},
		{"proxy wants a login", known, through(wantsLogin.URL), false, "USER:PASSWORD"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			transport := &http.Transport{}
			if c.change != nil {
				c.change(transport)
			}
			defer transport.CloseIdleConnections()
			client := http.Client{Transport: transport}
			response, err := client.Get(c.address + "/weights?sig=s3cret")
			if err == nil {
				response.Body.Close()
				t.Fatal("no error")
			}
			problem := refusal.Connection(c.address, err)
			after, temporary := store.Temporary(problem)
			if !errors.Is(problem, store.ErrUnreachable) || temporary != c.temporary || after != 0 || !strings.Contains(errdef.Hint(problem), c.hint) {
				t.Errorf("%v, temporary %v; hint: %s", problem, temporary, errdef.Hint(problem))
			}
			if strings.Contains(problem.Error(), "s3cret") {
				t.Errorf("a secret in %v", problem)
			}
		})
	}
}
