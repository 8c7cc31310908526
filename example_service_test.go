package beitzoo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
)

// What follows up to "end of the service" stands in docs/service.md, too.

// handler answers a POST of a picture with its five most probable classes.
func handler(b *classify.Batcher) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		prediction, err := b.Classify(r.Context(), http.MaxBytesReader(w, r.Body, 20<<20), 5)
		if err != nil {
			http.Error(w, err.Error(), status(err))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(prediction.Top)
	}
}

// status returns the status code for an error: whose fault it is.
func status(err error) int {
	tooLong, picture := (*http.MaxBytesError)(nil), (*preprocess.FileError)(nil)
	switch {
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &picture):
		return http.StatusBadRequest
	case errors.Is(errdef.Kind(err), errdef.ErrUnavailable): // busy, or closing
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// serve answers requests until ctx ends, and then those that it has.
func serve(ctx context.Context, listener net.Listener, b *classify.Batcher) error {
	defer b.Close()
	server := &http.Server{Handler: handler(b), ReadTimeout: 10 * time.Second}
	answering := context.WithoutCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = server.Shutdown(answering) })
	defer stop()
	err := server.Serve(listener)
	if errors.Is(err, http.ErrServerClosed) {
		return server.Shutdown(answering) // waits for those that are being answered
	}
	return err
}

// end of the service

// A service that classifies pictures, with requests that come at the same time in one batch.
func Example_service() {
	model, err := beitzoo.Open(ctx, checkpoint, beitzoo.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	batcher := classify.NewBatcher(model.Classifier, classify.BatcherOptions{Refuse: true})
	running, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- serve(running, listener, batcher) }()

	picture, err := os.Open("manifests/embedded/images/7/005.png")
	if err != nil {
		log.Fatal(err)
	}
	defer picture.Close()
	answer, err := http.Post("http://"+listener.Addr().String(), "image/png", picture)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	var top []classify.Class
	if err := json.NewDecoder(answer.Body).Decode(&top); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: class %d, %.1f %%\n", answer.Status, top[0].Index, 100*top[0].Probability)
	stop()
	fmt.Println(<-done)
	// Output:
	// 200 OK: class 7, 99.4 %
	// <nil>
}

// mostServiceLines is how long the service may be, without its comments and empty lines.
const mostServiceLines = 40

// TestService_IsTheOneInTheDocs compares this file with docs/service.md.
func TestService_IsTheOneInTheDocs(t *testing.T) {
	t.Parallel()
	read := func(path, begin, end string) string {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(string(raw), begin)
		part, _, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Fatalf("%s has no %q ... %q", path, begin, end)
		}
		return strings.TrimSpace(part)
	}
	code := read("example_service_test.go", "stands in docs/service.md, too.\n", "// end of the service\n")
	if docs := read("docs/service.md", "```go\n", "```"); docs != code {
		t.Error("docs/service.md has another service than example_service_test.go")
	}
	lines := 0
	for line := range strings.Lines(code) {
		if trimmed := strings.TrimSpace(line); trimmed != "" && !strings.HasPrefix(trimmed, "//") {
			lines++
		}
	}
	if lines > mostServiceLines {
		t.Errorf("the service has %d lines, %d are the limit", lines, mostServiceLines)
	}
}

func TestService_StatusCodes(t *testing.T) {
	t.Parallel()
	model, err := beitzoo.Open(t.Context(), checkpoint, beitzoo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	b := classify.NewBatcher(model.Classifier, classify.BatcherOptions{})
	server := httptest.NewServer(handler(b))
	defer server.Close()
	post := func(body io.Reader) int {
		answer, err := http.Post(server.URL, "", body)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	raw, err := os.ReadFile("manifests/embedded/images/7/005.png")
	if err != nil {
		t.Fatal(err)
	}
	if got := post(bytes.NewReader(raw)); got != http.StatusOK {
		t.Errorf("a picture: %d", got)
	}
	if got := post(strings.NewReader("no picture")); got != http.StatusBadRequest {
		t.Errorf("no picture: %d", got)
	}
	if got := post(bytes.NewReader(append(raw, make([]byte, 20<<20)...))); got != http.StatusRequestEntityTooLarge {
		t.Errorf("too long: %d", got)
	}
	b.Close()
	if got := post(bytes.NewReader(raw)); got != http.StatusServiceUnavailable {
		t.Errorf("closed: %d", got)
	}
}
