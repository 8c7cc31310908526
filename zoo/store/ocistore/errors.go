package ocistore

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// explain returns an error of the oras library as an error of this module, with a kind. It leaves out addresses, because those of uploads hold secrets.
func (r *Registry) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var answer *errcode.ErrorResponse
	var inURL *url.Error
	switch {
	case errors.As(err, &answer):
		return r.status(answer.StatusCode, detail(answer))
	case errors.Is(err, errdef.ErrNotFound):
		return &store.SourceError{Source: r.source, Kind: store.ErrNotFound}
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return r.status(http.StatusUnauthorized, nil)
	case errors.As(err, &inURL):
		err = inURL.Err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the connection was cut")
	}
	result := &store.SourceError{Source: r.source, Kind: store.ErrUnreachable, Temporary: true, Err: err}
	var lookup *net.DNSError
	if errors.As(err, &lookup) && lookup.IsNotFound {
		result.Temporary = false
		result.Advice = "check the address and this machine's network; behind a proxy, set HTTPS_PROXY"
	}
	return result
}

// detail returns what the registry itself says, or nil.
func detail(answer *errcode.ErrorResponse) error {
	if len(answer.Errors) == 0 {
		return nil
	}
	return answer.Errors
}

// status returns the error for the status of an answer.
func (r *Registry) status(status int, detail error) error {
	result := &store.SourceError{Source: r.source, Status: status, Kind: store.ErrUnreachable, Err: detail}
	switch status {
	case http.StatusNotFound:
		result.Kind = store.ErrNotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		result.Kind = store.ErrUnauthorized
		result.Advice = "log in to the registry first, with \"docker login\", \"podman login\" or \"oras login\""
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		result.Temporary = true
	default:
		result.Temporary = status >= 500
	}
	return result
}

// refused returns the error for an answer that cannot be used.
func (r *Registry) refused(err error) error {
	return &store.SourceError{Source: r.source, Kind: store.ErrUnreachable, Err: err}
}
