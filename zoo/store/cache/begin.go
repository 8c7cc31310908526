package cache

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/store"
)

const (
	partSuffix    = ".part"
	journalSuffix = ".journal"
)

// The name of a partial file, KEY.MARK.RANDOM.part, says who may still be writing to it.
const (
	markLocal  = "local"  // only the holder of the lock, and a lock cannot be lost on this file system
	markShared = "shared" // only the holder of the lock, if the locks of the file system work
	markNoLock = "nolock" // a process without a lock
)

// Begin implements store.Resumer.
func (c *Cache) Begin(ctx context.Context, blob store.Blob) (store.Partial, error) {
	p, err := c.begin(ctx, blob, false)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// begin waits for the lock of a blob and opens its partial file, with what earlier copies left. temporary is for a Draft: see partial.temporary.
func (c *Cache) begin(ctx context.Context, blob store.Blob, temporary bool) (p *partial, err error) {
	if err := blob.Validate(); err != nil {
		return nil, err
	}
	if err := c.folder().MakeFolders(c.folder().Blobs(), c.partialDir(), c.lockDir()); err != nil {
		return nil, c.writeError(err)
	}
	key := keyOf(blob)
	before := c.outcome(key)
	lock, err := c.lock(ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && lock != nil {
			lock.Close()
		}
	}()

	// Another process may have copied the blob while this one waited.
	there := blob
	if now := c.outcome(key); blob.Digest == "" && now != before {
		there.Digest = digestOfOutcome(now)
	}
	if info, err := c.folder().Stat(there); err == nil {
		there.Size = info.Size
		return nil, &store.ExistsError{Blob: there}
	}

	file, err := c.openPart(key, lock)
	if err != nil {
		return nil, c.writeError(err)
	}
	journal, err := openJournal(file.Name() + journalSuffix)
	if err != nil {
		file.Close()
		return nil, c.writeError(err)
	}
	p = &partial{cache: c, key: key, file: file, temporary: temporary, journal: journal, lock: lock, follower: follow(file)}
	p.start()
	return p, nil
}

// keyOf returns what the names of the files of a partial blob begin with: its digest, or the digest of its name.
func keyOf(blob store.Blob) string {
	if blob.Digest != "" {
		return blob.Digest.Encoded()
	}
	return "name-" + digest.FromString(blob.Name).Encoded()
}

// openPart opens the partial file. If its writer is known to be dead it is resumed in place; if the writer may be alive, it is copied; otherwise a
// new file is made.
func (c *Cache) openPart(key string, lock *flock.Flock) (*os.File, error) {
	mark := markNoLock
	switch {
	case lock != nil && disk.LocksAreLocal(c.partialDir()):
		mark = markLocal
	case lock != nil:
		mark = markShared
	}
	left := c.leftParts(key)
	for _, path := range left {
		if mark == markLocal && markOf(path) == markLocal {
			if file, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
				return file, nil
			}
		}
	}
	file, err := os.CreateTemp(c.partialDir(), key+"."+mark+".*"+partSuffix)
	if err != nil {
		return nil, err
	}
	// Other users may copy from the file.
	if err := file.Chmod(0o644); err != nil && !errors.Is(err, fs.ErrPermission) {
		file.Close()
		return nil, err
	}
	for _, path := range left {
		if copyPart(file, path) != nil {
			continue
		}
		if lock != nil && markOf(path) != markNoLock {
			// If its writer is alive after all, it has to start again; no wrong bytes can come of that.
			os.Remove(path)
			os.Remove(path + journalSuffix)
		}
		break
	}
	return file, nil
}

// markOf returns the mark in the name of a partial file.
func markOf(path string) string {
	if fields := strings.Split(filepath.Base(path), "."); len(fields) == 4 {
		return fields[1]
	}
	return markNoLock
}

// leftParts lists the partial files of a key, the one with the longest journal first.
func (c *Cache) leftParts(key string) []string {
	entries, _ := os.ReadDir(c.partialDir())
	var paths []string
	size := map[string]int64{}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), key+".") || !strings.HasSuffix(entry.Name(), partSuffix) {
			continue
		}
		path := filepath.Join(c.partialDir(), entry.Name())
		paths = append(paths, path)
		if info, err := os.Stat(path + journalSuffix); err == nil {
			size[path] = info.Size()
		}
	}
	slices.SortStableFunc(paths, func(a, b string) int { return int(min(1, max(-1, size[b]-size[a]))) })
	return paths
}

// copyPart copies the bytes and the journal of another partial file. Somebody may be writing to that one; each record is compared with the bytes later.
func copyPart(file *os.File, path string) error {
	journal, err := os.ReadFile(path + journalSuffix)
	if err != nil {
		return err
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	if _, err := io.Copy(file, from); err != nil {
		return errors.Join(err, file.Truncate(0))
	}
	return os.WriteFile(file.Name()+journalSuffix, journal, 0o644)
}
