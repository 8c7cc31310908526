package cache

import (
	"crypto/sha256"
	"hash"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// follower computes the digest of a file while it is written in pieces, in any order: it hashes the part at the start that is complete. So most of the
// work is done when the last piece arrives.
type follower struct {
	file io.ReaderAt

	mu      sync.Mutex
	changed sync.Cond
	// ready is the size of the complete part at the start. pieces are the sizes of the complete pieces after it, by offset.
	ready  int64
	pieces map[int64]int64
	// hashed is how many bytes are hashed.
	hashed  int64
	hash    hash.Hash
	working bool
	closed  bool
	err     error
}

// followStep is how many bytes are hashed without holding the lock.
const followStep = 1 << 20

// follow starts a follower. Its goroutine runs until close.
func follow(file io.ReaderAt) *follower {
	f := &follower{file: file, pieces: map[int64]int64{}, hash: sha256.New()}
	f.changed.L = &f.mu
	go f.run()
	return f
}

// add marks the bytes of span as final.
func (f *follower) add(span store.Span) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pieces[span.Offset] = span.Size
	for size := f.pieces[f.ready]; size > 0; size = f.pieces[f.ready] {
		delete(f.pieces, f.ready)
		f.ready += size
	}
	f.changed.Broadcast()
}

// reset starts again at the first byte. It waits until the file is no longer read, because it will be written to.
func (f *follower) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready, f.hashed = 0, 0
	clear(f.pieces)
	for f.working {
		f.changed.Wait()
	}
	f.hash.Reset()
	f.hashed, f.err = 0, nil
}

// sum waits until the complete part at the start is hashed, and returns its digest and size.
func (f *follower) sum() (digest.Digest, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.err == nil && !f.closed && f.hashed < f.ready {
		f.changed.Wait()
	}
	return digest.NewDigest(digest.SHA256, f.hash), f.hashed, f.err
}

// close ends the goroutine.
func (f *follower) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.changed.Broadcast()
	for f.working {
		f.changed.Wait()
	}
}

func (f *follower) run() {
	buffer := make([]byte, followStep)
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.closed {
		n := min(f.ready-f.hashed, followStep)
		if n <= 0 || f.err != nil {
			f.changed.Wait()
			continue
		}
		f.step(buffer[:n])
		f.changed.Broadcast()
	}
}

// step hashes the next bytes, without the lock.
func (f *follower) step(p []byte) {
	at := f.hashed
	f.working = true
	f.mu.Unlock()
	n, err := f.file.ReadAt(p, at)
	if n == len(p) {
		err = nil
		f.hash.Write(p)
	}
	f.mu.Lock()
	f.working = false
	f.err = err
	f.hashed = at + int64(n)
}
