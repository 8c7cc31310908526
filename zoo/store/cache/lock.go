package cache

import (
	"context"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// waitForLock is how often a lock that another process has is tried again.
const waitForLock = 50 * time.Millisecond

// lock waits until no other process copies the blob of that key. It gives nil where the file system has no locks, or the file may not be
// opened: then work goes on without, at worst twice.
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

// tryLock gives false where another process has the lock.
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

// lockOf uses a file that is never removed: a lock on a file that has lost its name would be one that nobody else sees.
func (c *Cache) lockOf(key string) *flock.Flock {
	return flock.New(filepath.Join(c.lockDir(), key+".lock"), flock.SetPermissions(0o644))
}
