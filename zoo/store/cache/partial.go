package cache

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// partial is a blob that is not complete yet: a file that only this process writes to, and its journal.
type partial struct {
	cache     *Cache
	key       string
	file      *os.File
	temporary bool // for a Draft: not synced, and usually not renamed into the cache
	follower  *follower
	lock      *flock.Flock // nil if the file system has no locks
	stop      func()       // ends syncLoop

	mu      sync.Mutex
	journal *journal
	closed  bool
}

// syncEvery bounds how much of a partial blob a power cut can destroy.
const syncEvery = 2 * time.Second

// start starts syncLoop.
func (p *partial) start() {
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() { p.syncLoop(done) })
	p.stop = sync.OnceFunc(func() {
		close(done)
		ended.Wait()
	})
}

// syncLoop syncs every syncEvery until done is closed.
func (p *partial) syncLoop(done <-chan struct{}) {
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			p.sync()
		}
	}
}

// sync writes the file and its journal to the disk. It ignores errors: the sync at the end reports them again.
func (p *partial) sync() {
	if p.temporary {
		disk.StartSync(p.file, 0, 0) // without waiting: what a power cut destroys is fetched again
		return
	}
	_ = p.file.Sync()
	_ = p.journal.file.Sync()
}

// ReadAt implements store.Partial.
func (p *partial) ReadAt(b []byte, offset int64) (int, error) { return p.file.ReadAt(b, offset) }

// WriteAt implements store.Partial.
func (p *partial) WriteAt(b []byte, offset int64) (int, error) {
	n, err := p.file.WriteAt(b, offset)
	if err != nil {
		err = p.cache.writeError(err)
	}
	if !p.temporary {
		disk.StartSync(p.file, offset, int64(n))
	}
	return n, err
}

// Reserve implements store.Partial.
func (p *partial) Reserve(size int64) error {
	if size <= 0 {
		return nil
	}
	if err := disk.Reserve(p.file, size); err != nil {
		return p.cache.writeError(err)
	}
	return nil
}

// Recorded implements store.Partial.
func (p *partial) Recorded() (string, []store.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.journal.version, append([]store.Record(nil), p.journal.records...)
}

// Record implements store.Partial.
func (p *partial) Record(r store.Record) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.journal.add(r); err != nil {
		return p.cache.writeError(err)
	}
	if r.Final {
		p.follower.add(r.Span)
	}
	return nil
}

// Reset implements store.Partial.
func (p *partial) Reset(version string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.follower.reset()
	if err := p.journal.reset(version); err != nil {
		return p.cache.writeError(err)
	}
	return nil
}

// Commit implements store.Partial.
func (p *partial) Commit(ctx context.Context, blob store.Blob) (store.Blob, error) {
	blob, err := p.check(ctx, blob)
	if err != nil {
		return store.Blob{}, err
	}
	return blob, p.publish(blob)
}

// check returns blob with the digest and size of the bytes, or an error if they are not those of blob.
func (p *partial) check(ctx context.Context, blob store.Blob) (store.Blob, error) {
	sum, size, err := p.follower.sum()
	switch {
	case err != nil:
		return store.Blob{}, err
	case ctx.Err() != nil:
		return store.Blob{}, context.Cause(ctx)
	case blob.Size >= 0 && size != blob.Size:
		return store.Blob{}, &store.SizeError{Name: blob.String(), Want: blob.Size, Got: size}
	case blob.Digest != "" && sum != blob.Digest:
		return store.Blob{}, &store.DigestError{Name: blob.String(), Want: blob.Digest, Got: sum, Span: store.Span{Size: size}, Chunk: -1}
	}
	blob.Digest, blob.Size = sum, size
	return blob, nil
}

// publish renames the file to its digest and closes p.
func (p *partial) publish(blob store.Blob) error {
	p.stop()
	p.follower.close()
	if err := p.cache.folder().Publish(p.file, blob); err != nil {
		return p.cache.writeError(err)
	}
	p.journal.file.Close()
	os.Remove(p.journal.file.Name())
	if p.key != blob.Digest.Encoded() {
		p.cache.leaveOutcome(p.key, blob.Digest)
	}
	return p.Close()
}

// remove deletes the file and its journal. The lock must still be held: without it another process may resume them. Files are closed first,
// because not every system can remove open ones.
func (p *partial) remove() error {
	p.stop()
	p.follower.close()
	err := errors.Join(p.file.Close(), p.journal.file.Close())
	return errors.Join(err, os.Remove(p.file.Name()), os.Remove(p.journal.file.Name()))
}

// Close implements store.Partial. A file for which nothing was recorded is removed.
func (p *partial) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	p.stop()
	p.follower.close()
	err := errors.Join(ignoreClosed(p.file.Close()), ignoreClosed(p.journal.file.Close()))
	if len(p.journal.records) == 0 {
		os.Remove(p.file.Name())
		os.Remove(p.journal.file.Name())
	}
	if p.lock != nil {
		err = errors.Join(err, p.lock.Close())
	}
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
