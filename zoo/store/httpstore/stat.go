package httpstore

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// The headers with which Hugging Face's resolver declares the file behind a redirect (huggingface/huggingface_hub, file_download.py).
const (
	linkedDigest = "X-Linked-Etag"
	linkedSize   = "X-Linked-Size"
)

// stat requests the headers. If the server does not support HEAD, or answers it with a page, it requests the first byte.
func (s *Store) stat(ctx context.Context, u *url.URL) (store.Info, error) {
	response, err := s.client.do(ctx, http.MethodHead, u, nil)
	switch {
	case err == nil:
		response.Body.Close()
		if ranges := response.Header.Get("Accept-Ranges"); ranges != "" && !isPage(response) {
			return info(response, ranges == "bytes"), nil
		}
	case !mayBeAboutHead(err):
		return store.Info{}, err
	}
	return s.probe(ctx, u)
}

// mayBeAboutHead reports whether an error may be about the method HEAD and not about the file. A server that lacks the file says so to GET too; one that
// signs addresses for GET only forbids HEAD.
func mayBeAboutHead(err error) bool {
	var source *store.SourceError
	if !errors.As(err, &source) {
		return false
	}
	switch source.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return false
}

// probe requests the first byte, which shows whether there are ranges.
func (s *Store) probe(ctx context.Context, u *url.URL) (store.Info, error) {
	response, err := s.client.do(ctx, http.MethodGet, u, http.Header{"Range": {"bytes=0-0"}})
	var source *store.SourceError
	if errors.As(err, &source) && source.Status == http.StatusRequestedRangeNotSatisfiable {
		response, err = s.client.do(ctx, http.MethodGet, u, nil) // the file is empty
	}
	if err != nil {
		return store.Info{}, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusPartialContent {
		found := info(response, true)
		if _, total, ok := contentRange(response); ok {
			found.Size = total
		}
		return linked(found, response), nil
	}
	page, err := sniffed(response, response.public)
	if err != nil {
		return store.Info{}, err
	}
	return info(response, false), page.Close()
}

// info reads the headers of an answer.
func info(response *response, ranges bool) store.Info {
	found := store.Info{Size: response.ContentLength, Version: validator(response.Header), Ranges: ranges, Source: response.public}
	return linked(found, response)
}

// linked returns found with what the first host declared about the file that it redirected to.
func linked(found store.Info, response *response) store.Info {
	if size, err := strconv.ParseInt(response.origin.Get(linkedSize), 10, 64); err == nil && size >= 0 {
		found.Size = size
	}
	if digest, err := store.ParseDigest(strings.Trim(response.origin.Get(linkedDigest), `"`)); err == nil {
		found.Digest = digest
	}
	return found
}

// validator returns what identifies a version of a file: a strong entity tag, else the time of its last change. A weak tag does not, because the bytes
// may differ.
func validator(header http.Header) string {
	if tag := header.Get("Etag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return header.Get("Last-Modified")
}
