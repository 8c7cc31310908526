package cache

import (
	"context"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// waitForLock is the time between two attempts to take a lock that another process has.
const waitForLock = 50 * time.Millisecond

// lock waits until no other process copies the blob of that key, and returns the lock. It returns nil if the file system has no locks or the file cannot
// be opened: then, at worst, several processes copy the same blob.
func (c *Cache) lock(ctx context.Context, key string) (*flock.Flock, error) {
	if c.options.NoLocks {
		return nil, nil
	}
	lock := c.lockOf(key)
	_, err := lock.TryLockContext(ctx, waitForLock)
	if ctx.Err() != nil {
		lock.Close()
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, nil
	}
	return lock, nil
}

// tryLock takes the lock of a key without waiting. ok is false if another process has it.
func (c *Cache) tryLock(key string) (release func(), ok bool) {
	if c.options.NoLocks {
		return func() {}, true
	}
	lock := c.lockOf(key)
	locked, err := lock.TryLock()
	if err != nil {
		return func() {}, true
	}
	return func() { lock.Close() }, locked
}

// lockOf returns the lock of a key. Its file is never removed, because nobody else would see a lock on a removed file.
func (c *Cache) lockOf(key string) *flock.Flock {
	return flock.New(filepath.Join(c.lockDir(), key+".lock"), flock.SetPermissions(0o644))
}
