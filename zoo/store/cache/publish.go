package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// makeFolders makes what is missing of the folders. Permissions are left to the user's umask, so that a group can share a cache.
func (c *Cache) makeFolders() error {
	for _, dir := range []string{c.blobsDir(), c.partialDir(), c.lockDir()} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return c.writing(err)
		}
	}
	return nil
}

// writing gives the kind of an error of writing.
func (c *Cache) writing(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return &store.SourceError{
			Source: c.dir, Kind: store.ErrReadOnly, Err: err,
			Advice: "set " + HomeVariable + " to a folder that you may write to",
		}
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &fullError{dir: c.dir, err: err}
	}
	return err
}

// fullError is a disk without space.
type fullError struct {
	dir string
	err error
}

func (e *fullError) Error() string { return fmt.Sprintf("writing to the cache %s: %v", e.dir, e.err) }
func (e *fullError) Unwrap() error { return e.err }

// Hint tells the user what to do next.
func (e *fullError) Hint() string {
	return "make room, for instance with \"beitzoo cache prune\", or set " + HomeVariable + " to another disk; the same command then goes on where it stopped"
}

// publish gives a verified file the name of its digest. The bytes are on the disk before the name is, and the name before publish returns.
func (c *Cache) publish(file *os.File, blob store.Blob) error {
	if err := file.Truncate(blob.Size); err != nil {
		return c.writing(err)
	}
	if err := file.Chmod(readOnly); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err := file.Sync(); err != nil {
		return c.writing(err)
	}
	if err := file.Close(); err != nil {
		return c.writing(err)
	}
	if err := c.rename(file.Name(), c.place(blob.Digest), blob.Size); err != nil {
		return c.writing(err)
	}
	syncFolder(c.blobsDir())
	return nil
}

// readOnly is the permission of whole blobs: everybody may read, nobody may write.
const readOnly fs.FileMode = 0o444

// rename puts a file at place, unless another process has put the same there meanwhile. A blob of another size was damaged later and is
// replaced.
func (c *Cache) rename(path, place string, size int64) error {
	if info, err := os.Stat(place); err == nil && info.Size() == size {
		return os.Remove(path)
	}
	err := os.Rename(path, place)
	if err == nil {
		return nil
	}
	// A network file system may have done it, and lost the answer; another process may have been faster, where files in use can't be replaced.
	if info, statErr := os.Stat(place); statErr == nil && info.Size() == size {
		os.Remove(path)
		return nil
	}
	return err
}

// syncFolder makes names durable; systems that cannot open a folder do without.
func syncFolder(dir string) {
	if folder, err := os.Open(filepath.Clean(dir)); err == nil {
		folder.Sync()
		folder.Close()
	}
}
