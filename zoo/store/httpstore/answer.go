package httpstore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/beitzoo/beitzoo/internal/answer"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/internal/refusal"
)

// brokenServer is the advice for answers that break the rules of HTTP.
const brokenServer = "the server or a proxy between breaks the rules of HTTP: take another source, or tell its operator"

// checkWhole checks the headers of an answer that should be a whole file.
func checkWhole(response *response) error {
	if response.StatusCode != http.StatusOK {
		return refusal.Unusable(response.public, fmt.Errorf("the answer has status %d instead of the whole file", response.StatusCode), brokenServer)
	}
	return checkCoding(response)
}

// checkSize returns an error if an answer is declared to have another size than blob.
func checkSize(response *response, blob store.Blob) error {
	if size := response.ContentLength; size >= 0 && blob.Size >= 0 && size != blob.Size {
		return &store.SizeError{Name: blob.String(), Want: blob.Size, Got: size, Source: response.public}
	}
	return nil
}

// checkRange checks the headers of an answer that should be a part of a file. A whole file instead means that the server has no ranges, or that
// the file changed; the validator shows which.
func checkRange(response *response, blob store.Blob, version string, span store.Span) error {
	if err := checkCoding(response); err != nil {
		return err
	}
	if now := validator(response.Header); version != "" && now != "" && now != version {
		return &store.SourceError{Source: response.public, Kind: store.ErrChanged}
	}
	if response.StatusCode != http.StatusPartialContent {
		return &store.SourceError{Source: response.public, Kind: store.ErrNoRanges}
	}
	start, total, ok := contentRange(response)
	if !ok || start != span.Offset {
		return refusal.Unusable(response.public, errors.New("the answer is not the range that was requested"), brokenServer)
	}
	if total >= 0 && blob.Size >= 0 && total != blob.Size {
		return &store.SizeError{Name: blob.String(), Want: blob.Size, Got: total, Source: response.public}
	}
	return nil
}

// checkCoding returns an error if an answer is compressed, which was not requested.
func checkCoding(response *response) error {
	if coding := response.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return refusal.Unusable(response.public, fmt.Errorf("the answer has the content encoding %.40q, which was not requested", coding),
			"the server or a proxy before it compresses what must stay as it is: ask its operator to send these files without compression")
	}
	return nil
}

// contentRange reads the header Content-Range; total is store.UnknownSize if the server does not know it.
func contentRange(response *response) (start, total int64, ok bool) {
	text := response.Header.Get("Content-Range")
	var end int64
	if n, _ := fmt.Sscanf(text, "bytes %d-%d/%d", &start, &end, &total); n == 3 && start >= 0 && start <= end && end < total {
		return start, total, true
	}
	if n, _ := fmt.Sscanf(text, "bytes %d-%d/", &start, &end); n == 2 && start >= 0 && start <= end && strings.HasSuffix(text, "/*") {
		return start, store.UnknownSize, true
	}
	return 0, 0, false
}

// isPage reports whether an answer declares that it is a web page.
func isPage(response *response) bool {
	kind := response.Header.Get("Content-Type")
	return strings.HasPrefix(kind, "text/html") || strings.HasPrefix(kind, "application/xhtml")
}

// sniffed returns the body of an answer, or an error if its first bytes show that it is not the file.
func sniffed(response *response, source string) (io.ReadCloser, error) {
	from := &body{from: response.Body, response: response}
	buffered := bufio.NewReaderSize(from, answer.HeadLength)
	head, err := buffered.Peek(answer.HeadLength)
	if wrong := refusal.NotTheFile(source, response.StatusCode, head); wrong != nil {
		from.Close()
		return nil, wrong
	}
	if err != nil && !errors.Is(err, io.EOF) {
		from.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(bytes.Clone(head)), &tailReader{buffered, from, len(head)}), from}, nil
}

// tailReader reads what follows the head of an answer: first the rest of the small buffer that was filled to see the head.
type tailReader struct {
	buffered *bufio.Reader
	from     io.Reader
	skip     int
}

func (r *tailReader) Read(p []byte) (int, error) {
	if r.skip > 0 {
		if _, err := r.buffered.Discard(r.skip); err != nil {
			return 0, err
		}
		r.skip = 0
	}
	if r.buffered.Buffered() > 0 {
		return r.buffered.Read(p)
	}
	return r.from.Read(p)
}

// body is the body of an answer, whose errors get a kind.
type body struct {
	from     io.ReadCloser
	response *response
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = networkError(b.response.ctx, b.response.public, err)
	}
	return n, err
}

func (b *body) Close() error { return b.from.Close() }

// networkError adds a kind to an error of the network. If the caller's context has ended, it returns the cause of that.
func networkError(ctx context.Context, source string, err error) error {
	problem := refusal.Connection(source, err)
	if ctx.Err() != nil {
		return store.Ended(ctx, source, nil)
	}
	return problem
}
