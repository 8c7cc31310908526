package storetest

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// First limits a fault to the first n GET requests for a file.
func First(n int, fault Fault) Fault {
	return func(w http.ResponseWriter, x *Exchange) bool {
		return x.Number < n && x.Request.Method == http.MethodGet && fault(w, x)
	}
}

// From limits a fault to the requests that follow the first n GET requests for a file.
func From(n int, fault Fault) Fault {
	return func(w http.ResponseWriter, x *Exchange) bool { return x.Number >= n && fault(w, x) }
}

// Cut ends the connection after n bytes of a body.
func Cut(n int) Fault {
	return func(_ http.ResponseWriter, x *Exchange) bool { x.CutAfter = n; return false }
}

// Stall sends n bytes of a body and then nothing, with the connection still open.
func Stall(n int) Fault {
	return func(_ http.ResponseWriter, x *Exchange) bool { x.StallAfter = n; return false }
}

// Flip changes one bit of the byte at offset, with the entity tag of the right content.
func Flip(offset int) Fault {
	return func(_ http.ResponseWriter, x *Exchange) bool {
		x.Header.Set("Etag", etagOf(x.Content))
		x.Content[offset] ^= 1
		return false
	}
}

// Tag sends one entity tag, whatever the content is.
func Tag(etag string) Fault {
	return func(_ http.ResponseWriter, x *Exchange) bool { x.Header.Set("Etag", etag); return false }
}

// Change serves other content, with its own entity tag.
func Change(content []byte) Fault {
	return func(_ http.ResponseWriter, x *Exchange) bool { x.Content = content; return false }
}

// IgnoreRanges answers a request for a range with 200 and the whole file, although the server declares ranges.
func IgnoreRanges() Fault {
	return func(w http.ResponseWriter, x *Exchange) bool {
		x.Request.Header.Del("Range")
		return false
	}
}

// DenyRanges declares that the server has no ranges, and sends whole files.
func DenyRanges() Fault {
	return func(w http.ResponseWriter, x *Exchange) bool {
		w.Header().Set("Accept-Ranges", "none")
		if x.Request.Method == http.MethodHead {
			w.Header().Set("Content-Length", strconv.Itoa(len(x.Content)))
			w.WriteHeader(http.StatusOK)
			return true
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(x.Content)))
		_, _ = w.Write(x.Content)
		return true
	}
}

// LieLength declares extra bytes more than are sent, in answers to GET and HEAD.
func LieLength(extra int) Fault {
	return func(w http.ResponseWriter, x *Exchange) bool {
		w.Header().Set("Accept-Ranges", "bytes")
		w.Header().Set("Content-Length", strconv.Itoa(len(x.Content)+extra))
		w.WriteHeader(http.StatusOK)
		if x.Request.Method == http.MethodGet {
			_, _ = w.Write(x.Content)
		}
		return true
	}
}

// Unsized sends the file without its length.
func Unsized() Fault {
	return func(w http.ResponseWriter, x *Exchange) bool {
		w.WriteHeader(http.StatusOK)
		if x.Request.Method == http.MethodGet {
			half := len(x.Content) / 2
			_, _ = w.Write(x.Content[:half])
			w.(*spoiledWriter).ResponseWriter.(http.Flusher).Flush()
			_, _ = w.Write(x.Content[half:])
		}
		return true
	}
}

// Status answers with a status, and with headers, which are pairs of name and value.
func Status(code int, headers ...string) Fault {
	return func(w http.ResponseWriter, x *Exchange) bool {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		return true
	}
}

// Page sends a page for people, with status 200.
func Page() Fault {
	return func(w http.ResponseWriter, x *Exchange) bool {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "\n<!DOCTYPE html><html><title>Please log in</title></html>")
		return true
	}
}

// NoHead refuses HEAD requests.
func NoHead() Fault {
	return func(w http.ResponseWriter, x *Exchange) bool {
		if x.Request.Method != http.MethodHead {
			return false
		}
		w.WriteHeader(http.StatusMethodNotAllowed)
		return true
	}
}

// Throttle sends rate bytes a second on each connection.
func Throttle(rate int) Fault {
	return func(_ http.ResponseWriter, x *Exchange) bool { x.Rate = rate; return false }
}

// Slow waits before it answers.
func Slow(delay time.Duration) Fault {
	return func(_ http.ResponseWriter, x *Exchange) bool {
		select {
		case <-time.After(delay):
		case <-x.Request.Context().Done():
		}
		return false
	}
}
