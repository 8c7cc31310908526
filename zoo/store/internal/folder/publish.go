package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// MakeFolders makes what is missing of folders. Permissions are left to the user's umask, so that a group can share them.
func (f Folder) MakeFolders(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return f.Writing(err)
		}
	}
	return nil
}

// readOnly is the permission of whole blobs: everybody may read, nobody may write.
const readOnly fs.FileMode = 0o444

// Publish closes a verified file and gives it the name of its digest. The bytes are on the disk before the name is, and the name before
// Publish returns.
func (f Folder) Publish(file *os.File, blob store.Blob) error {
	if err := file.Truncate(blob.Size); err != nil {
		return f.Writing(err)
	}
	if err := file.Chmod(readOnly); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err := file.Sync(); err != nil {
		return f.Writing(err)
	}
	if err := file.Close(); err != nil {
		return f.Writing(err)
	}
	if err := rename(file.Name(), f.Place(blob.Digest), blob.Size); err != nil {
		return f.Writing(err)
	}
	syncFolder(f.Blobs())
	return nil
}

// rename puts a file at place, unless another process has put the same there meanwhile. A blob of another size was damaged later and is
// replaced.
func rename(path, place string, size int64) error {
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
		_ = folder.Sync() // not every system can
		folder.Close()
	}
}

// WriteFile replaces a small file at once: readers see the old content or the new, also after a power cut.
func (f Folder) WriteFile(path string, content []byte) error {
	if err := f.MakeFolders(filepath.Dir(path)); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".write.*.tmp")
	if err != nil {
		return f.Writing(err)
	}
	defer func() {
		file.Close()
		os.Remove(file.Name()) // a no-op once it has its name
	}()
	if _, err := file.Write(content); err != nil {
		return f.Writing(err)
	}
	if err := errors.Join(file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return f.Writing(err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return f.Writing(err)
	}
	syncFolder(filepath.Dir(path))
	return nil
}
