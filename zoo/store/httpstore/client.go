package httpstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/beitzoo/beitzoo/zoo/store/internal/refusal"
	"github.com/beitzoo/beitzoo/zoo/store/internal/transport"
)

// client sends requests and follows redirects.
type client struct {
	transport   *transport.Guard
	credentials Credentials
}

// response is a successful answer.
type response struct {
	*http.Response
	// ctx is the caller's. It shows whether the caller or the source ended an answer.
	ctx context.Context //nolint:containedctx // the body is a reader for one call
	// public is the address that was requested first, without secrets.
	public string
	// origin has the headers of the first answer, which may have been a redirect.
	origin http.Header
}

// maxRedirects is half as many as browsers allow.
const maxRedirects = 10

// do sends a request. An answer that is not successful becomes an error. Credentials go only to the host of u: not to another that a redirect leads to,
// nor to that of u if another redirects back to it.
func (c *client) do(ctx context.Context, method string, u *url.URL, header http.Header) (*response, error) {
	result := &response{ctx: ctx, public: public(u)}
	at, trusted := u, true
	for range maxRedirects + 1 {
		request, err := c.request(ctx, method, at, header, trusted)
		if err != nil {
			return nil, err
		}
		answer, err := c.transport.RoundTrip(request)
		if err != nil {
			return nil, networkError(ctx, result.public, err)
		}
		if result.origin == nil {
			result.origin = answer.Header
		}
		next, err := redirect(answer, at)
		if err != nil {
			answer.Body.Close()
			return nil, refusal.Unusable(result.public, err, badRedirect)
		}
		if next == nil {
			if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusPartialContent {
				return nil, refusal.Status(result.public, answer)
			}
			result.Response = answer
			return result, nil
		}
		answer.Body.Close()
		trusted = trusted && sameOrigin(u, next)
		at = next
	}
	return nil, refusal.Unusable(result.public, fmt.Errorf("more than %d redirects", maxRedirects), badRedirect)
}

// badRedirect is the advice for a redirect that is not followed.
const badRedirect = "open the address in a browser: it may ask you to log in; then take the address of the file itself"

func (c *client) request(ctx context.Context, method string, u *url.URL, header http.Header, trusted bool) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, refusal.Unusable(public(u), errors.New("the address does not fit into a request"), "check the address")
	}
	for name, values := range header {
		request.Header[name] = values
	}
	// Ranges and sizes must be those of the file itself.
	request.Header.Set("Accept-Encoding", "identity")
	if c.credentials != nil && trusted {
		if authorization := c.credentials(u); authorization != "" {
			request.Header.Set("Authorization", authorization)
		}
	}
	return request, nil
}

// redirect returns the address that an answer redirects to, or nil if it does not.
func redirect(answer *http.Response, from *url.URL) (*url.URL, error) {
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	location := answer.Header.Get("Location")
	next, err := from.Parse(location)
	if location == "" || err != nil {
		return nil, errors.New("a redirect to nowhere")
	}
	if next.Scheme != "https" && (next.Scheme != "http" || from.Scheme != "http") {
		return nil, fmt.Errorf("a redirect from %s to %q", from.Scheme, next.Scheme)
	}
	next.User = nil
	return next, nil
}

func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }
