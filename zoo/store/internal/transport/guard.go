package transport

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// defaultStall is longer than any honest server takes to send the next byte, and shorter than a user's patience.
const defaultStall = 60 * time.Second

// Options change how a Guard works.
type Options struct {
	// Base sends the requests; nil is a transport with proxies and certificates from the environment (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, ...).
	Base http.RoundTripper
	// Stall is how long to wait for the next bytes; 0 is a minute.
	Stall time.Duration
	// Limiter limits the rate of what arrives; nil does not.
	Limiter *store.Limiter
	// UserAgent is the header of that name.
	UserAgent string
}

// StallError says that nothing arrived for some time.
type StallError struct{ After time.Duration }

func (e *StallError) Error() string { return fmt.Sprintf("nothing arrived for %v", e.After) }

// Is makes a StallError an errdef.ErrNetwork.
func (*StallError) Is(kind error) bool { return kind == errdef.ErrNetwork }

// Guard is an http.RoundTripper that gives up a request on which nothing arrives for too long, and that limits the rate.
type Guard struct{ options Options }

// New returns a Guard around options.Base.
func New(options Options) *Guard {
	if options.Base == nil {
		options.Base = base()
	}
	if options.Stall == 0 {
		options.Stall = defaultStall
	}
	return &Guard{options}
}

// base returns the standard transport without compression, which would hide sizes and break ranges.
func base() http.RoundTripper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true
	transport.MaxIdleConnsPerHost = 8
	return transport
}

// CloseIdleConnections closes the connections that no request uses.
func (g *Guard) CloseIdleConnections() {
	if closer, ok := g.options.Base.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper. Time counts only while somebody waits for bytes, not while the reader is busy elsewhere.
func (g *Guard) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(request.Context())
	watch := &watch{ctx: ctx, cancel: cancel, stall: g.options.Stall}
	request = request.Clone(ctx)
	if g.options.UserAgent != "" {
		request.Header.Set("User-Agent", g.options.UserAgent)
	}
	stop := watch.start()
	response, err := g.options.Base.RoundTrip(request)
	stop()
	if err != nil {
		err = watch.explain(err)
		cancel(nil)
		return nil, err
	}
	response.Body = &body{from: response.Body, watch: watch, limiter: g.options.Limiter}
	return response, nil
}

// watch cancels a request on which nothing arrives.
type watch struct {
	ctx    context.Context //nolint:containedctx // the context of the request
	cancel context.CancelCauseFunc
	stall  time.Duration
}

// start starts the timer, and returns the function that stops it.
func (w *watch) start() (stop func()) {
	timer := time.AfterFunc(w.stall, func() { w.cancel(&StallError{w.stall}) })
	return func() { timer.Stop() }
}

// explain returns the reason for a cancellation in place of context.Canceled.
func (w *watch) explain(err error) error {
	if cause := context.Cause(w.ctx); cause != nil {
		return cause
	}
	return err
}

// body is the body of a response, with watch and limiter.
type body struct {
	from    io.ReadCloser
	watch   *watch
	limiter *store.Limiter
}

func (b *body) Read(p []byte) (int, error) {
	stop := b.watch.start()
	n, err := b.from.Read(p)
	stop()
	if err != nil && err != io.EOF {
		return n, b.watch.explain(err)
	}
	if waited := b.limiter.Wait(b.watch.ctx, n); waited != nil {
		return n, waited
	}
	return n, err
}

func (b *body) Close() error {
	err := b.from.Close()
	b.watch.cancel(context.Canceled)
	return err
}
