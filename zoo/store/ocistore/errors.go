package ocistore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/beitzoo/beitzoo/internal/answer"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/internal/refusal"
)

// explain returns an error of the oras library as an error of this module, with a kind. It leaves out addresses, because those of uploads hold secrets.
func (r *Registry) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var answer *errcode.ErrorResponse
	switch {
	case ctx.Err() != nil:
		return store.Ended(ctx, r.source, nil)
	case errors.As(err, &answer):
		return r.status(answer.StatusCode, answer.Errors)
	case errors.Is(err, errdef.ErrNotFound):
		return refusal.Registry(r.source, http.StatusNotFound, "", "")
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return refusal.Registry(r.source, http.StatusUnauthorized, "", "")
	}
	var known *store.SourceError
	var inURL *url.Error
	switch {
	case errors.As(err, &known): // of this package's own login
		return known
	case errors.As(err, &inURL), refusal.IsConnection(err):
		return refusal.Connection(r.source, err)
	}
	return refusal.Unusable(r.source, err, "the registry is set up in a way that cannot be used: tell its operator")
}

// cut returns the error for a body that ended early.
func (r *Registry) cut(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return store.Ended(ctx, r.source, nil)
	}
	return refusal.Connection(r.source, err)
}

// status returns the error for the status of an answer, and the errors that the registry itself lists.
func (r *Registry) status(status int, listed errcode.Errors) error {
	if len(listed) == 0 {
		return refusal.Registry(r.source, status, "", "")
	}
	return refusal.Registry(r.source, status, listed[0].Code, listed[0].Message)
}

// refused returns the error for an answer that cannot be used.
func (r *Registry) refused(err error) error {
	return refusal.Unusable(r.source, err, "the registry or a proxy before it breaks the rules of HTTP: tell its operator")
}

// worded is a transport that puts what a server says in other forms, such as the page of a proxy, into the form of registries: the library reads no other.
type worded struct{ base http.RoundTripper }

func (w worded) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := w.base.RoundTrip(request)
	if err != nil || response.StatusCode < http.StatusBadRequest {
		return response, err
	}
	head, _ := io.ReadAll(io.LimitReader(response.Body, answer.HeadLength)) // an answer that is cut says less
	response.Body.Close()
	if len(listed(head)) == 0 {
		if words := refusal.Words(response.StatusCode, head); words != "" {
			head, _ = json.Marshal(registryErrors{errcode.Errors{{Message: words}}}) // texts can always be encoded
		}
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(head)), int64(len(head))
	return response, nil
}

// registryErrors is how registries say what is wrong.
type registryErrors struct {
	Errors errcode.Errors `json:"errors"`
}

// listed returns the errors that a registry lists in the body of an answer.
func listed(body []byte) errcode.Errors {
	var found registryErrors
	if json.Unmarshal(body, &found) != nil {
		return nil
	}
	return found.Errors
}
