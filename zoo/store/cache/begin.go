package cache

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/gofrs/flock"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

const (
	partSuffix    = ".part"
	journalSuffix = ".journal"
)

// Who may still write to a file under way stands in its name.
const (
	markLocal  = "local"  // only the holder of the lock, and a lock cannot be lost on this file system
	markShared = "shared" // only the holder of the lock, if the file system's locks can be believed
	markNoLock = "nolock" // a process without a lock
)

// Begin implements store.Resumer.
func (c *Cache) Begin(ctx context.Context, blob store.Blob) (store.Partial, error) {
	p, err := c.open(ctx, blob, false)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (c *Cache) open(ctx context.Context, blob store.Blob, fleeting bool) (*partial, error) {
	if err := blob.Validate(); err != nil {
		return nil, err
	}
	if err := c.folder().MakeFolders(c.folder().Blobs(), c.partialDir(), c.lockDir()); err != nil {
		return nil, c.writing(err)
	}
	before := c.outcome(keyOf(blob))
	lock, err := c.lock(ctx, keyOf(blob))
	if err != nil {
		return nil, err
	}
	partial, err := c.begin(blob, before, lock, fleeting)
	if err != nil {
		if lock != nil {
			lock.Close()
		}
		return nil, err
	}
	return partial, nil
}

// keyOf names a blob under way.
func keyOf(blob store.Blob) string {
	if blob.Digest != "" {
		return blob.Digest.Encoded()
	}
	return "name-" + digest.FromBytes([]byte(blob.Name)).Encoded()
}

func (c *Cache) begin(blob store.Blob, before string, lock *flock.Flock, fleeting bool) (*partial, error) {
	there := blob
	if now := c.outcome(keyOf(blob)); blob.Digest == "" && now != before {
		there.Digest = digestOfOutcome(now)
	}
	if info, err := c.folder().Stat(there); err == nil {
		there.Size = info.Size
		return nil, &store.ExistsError{Blob: there}
	}
	file, err := c.part(keyOf(blob), lock != nil)
	if err != nil {
		return nil, c.writing(err)
	}
	journal, err := openJournal(file.Name() + journalSuffix)
	if err != nil {
		file.Close()
		return nil, c.writing(err)
	}
	p := &partial{cache: c, key: keyOf(blob), file: file, fleeting: fleeting, journal: journal, lock: lock, follower: follow(file)}
	p.start()
	return p, nil
}

// part opens the file to go on with. What a dead process left is adopted where that it is dead is certain; of what may still be written to,
// a copy is made; else the file is new.
func (c *Cache) part(key string, locked bool) (*os.File, error) {
	mark := markNoLock
	switch {
	case locked && locksAreLocal(c.partialDir()):
		mark = markLocal
	case locked:
		mark = markShared
	}
	left := c.leftBehind(key)
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
	// Others may copy from it.
	if err := file.Chmod(0o644); err != nil && !errors.Is(err, fs.ErrPermission) {
		file.Close()
		return nil, err
	}
	for _, path := range left {
		if takeOver(file, path) == nil {
			if locked && markOf(path) != markNoLock {
				// Should its writer be alive, it has to begin anew; no wrong byte can come of that.
				os.Remove(path)
				os.Remove(path + journalSuffix)
			}
			break
		}
	}
	return file, nil
}

// markOf reads who may still write to a file under way from its name, KEY.MARK.RANDOM.part.
func markOf(path string) string {
	if fields := strings.Split(filepath.Base(path), "."); len(fields) == 4 {
		return fields[1]
	}
	return markNoLock
}

// leftBehind lists what there is under way of a key, the furthest first.
func (c *Cache) leftBehind(key string) []string {
	entries, _ := os.ReadDir(c.partialDir())
	var paths []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), key+".") && strings.HasSuffix(entry.Name(), partSuffix) {
			paths = append(paths, filepath.Join(c.partialDir(), entry.Name()))
		}
	}
	size := func(path string) int64 {
		info, err := os.Stat(path + journalSuffix)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	sort.SliceStable(paths, func(i, j int) bool { return size(paths[i]) > size(paths[j]) })
	return paths
}

// takeOver copies bytes and journal of another file under way. It may be written to meanwhile: every record is checked against the bytes anyway.
func takeOver(file *os.File, path string) error {
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
