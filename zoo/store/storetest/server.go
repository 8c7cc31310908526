package storetest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

// Server is an HTTP server of files on the loopback interface, with entity tags, ranges and faults. Its methods may be called from several goroutines.
type Server struct {
	*httptest.Server

	mu       sync.Mutex
	files    map[string][]byte
	faults   []Fault
	requests []Request
}

// Request is what a client asked for, and how much it got.
type Request struct {
	Method, Path, Range, Authorization string
	// Bytes is how many bytes of the body the server wrote.
	Bytes int64
}

// Exchange is an answer that is being made, which faults may change.
type Exchange struct {
	// Number counts the GET requests for this file, from 0.
	Number  int
	Request *http.Request
	Header  http.Header
	// Content is a copy of the content of the file.
	Content []byte
	// CutAfter and StallAfter say after how many bytes of the body the connection is cut or stalls; negative means never.
	CutAfter, StallAfter int
	// Rate is how many bytes a second are sent; 0 means all at once.
	Rate int
}

// Fault changes an answer. It returns true if it wrote the answer itself.
type Fault func(w http.ResponseWriter, x *Exchange) bool

// NewServer starts a server that is closed when the test ends.
func NewServer(t testing.TB, faults ...Fault) *Server {
	t.Helper()
	s := &Server{files: map[string][]byte{}, faults: faults}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

// Set puts a file at a path, such as "/weights", and returns its address.
func (s *Server) Set(path string, content []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[path] = content
	return s.URL + path
}

// SetBlob puts a file at blobs/sha256/DIGEST.
func (s *Server) SetBlob(content []byte) {
	s.Set("/blobs/sha256/"+digest.FromBytes(content).Encoded(), content)
}

// Misbehave replaces the faults.
func (s *Server) Misbehave(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

// Requests returns the requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Served returns how many bytes of bodies were written so far.
func (s *Server) Served() int64 {
	var sum int64
	for _, r := range s.Requests() {
		sum += r.Bytes
	}
	return sum
}

// begin records a request, and returns the answer to it before the faults.
func (s *Server) begin(r *http.Request) (x *Exchange, faults []Fault, index int, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	content, found := s.files[r.URL.Path]
	number := 0
	for _, earlier := range s.requests {
		if earlier.Path == r.URL.Path && earlier.Method == http.MethodGet {
			number++
		}
	}
	s.requests = append(s.requests, Request{
		Method: r.Method, Path: r.URL.Path, Range: r.Header.Get("Range"), Authorization: r.Header.Get("Authorization"),
	})
	x = &Exchange{Number: number, Request: r, Header: http.Header{}, Content: bytes.Clone(content), CutAfter: -1, StallAfter: -1}
	return x, s.faults, len(s.requests) - 1, found
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	x, faults, index, found := s.begin(r)
	w = &spoiledWriter{ResponseWriter: w, server: s, index: index, exchange: x}
	for _, fault := range faults {
		if fault(w, x) {
			return
		}
	}
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Etag", etagOf(x.Content))
	w.Header().Set("Content-Type", "application/octet-stream")
	for name, values := range x.Header {
		w.Header()[name] = values
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(x.Content))
}

// etagOf names a version of a file.
func etagOf(content []byte) string {
	return fmt.Sprintf("%q", digest.FromBytes(content).Encoded()[:16])
}

// spoiledWriter counts, and cuts or stalls.
type spoiledWriter struct {
	http.ResponseWriter
	server   *Server
	index    int
	exchange *Exchange
	written  int
}

func (w *spoiledWriter) Write(p []byte) (int, error) {
	x := w.exchange
	for _, limit := range []int{x.CutAfter, x.StallAfter} {
		if limit >= 0 && w.written+len(p) > limit {
			_, _ = w.write(p[:max(0, limit-w.written)])
			_ = http.NewResponseController(w.ResponseWriter).Flush()
			if limit == x.StallAfter {
				<-x.Request.Context().Done()
			}
			panic(http.ErrAbortHandler)
		}
	}
	if x.Rate > 0 {
		return w.trickle(p)
	}
	return w.write(p)
}

// trickle sends small pieces with pauses, so that the buffers between server and client hold hardly anything.
func (w *spoiledWriter) trickle(p []byte) (written int, err error) {
	const piece = 8 << 10
	for len(p) > 0 && err == nil {
		var n int
		n, err = w.write(p[:min(piece, len(p))])
		written, p = written+n, p[n:]
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		select {
		case <-time.After(time.Duration(n) * time.Second / time.Duration(w.exchange.Rate)):
		case <-w.exchange.Request.Context().Done():
			return written, w.exchange.Request.Context().Err()
		}
	}
	return written, err
}

func (w *spoiledWriter) write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.written += n
	w.server.mu.Lock()
	w.server.requests[w.index].Bytes += int64(n)
	w.server.mu.Unlock()
	return n, err
}
