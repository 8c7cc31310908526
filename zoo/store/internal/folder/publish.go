package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// MakeFolders makes folders that do not exist. The user's umask decides on permissions, so that a group can share them.
func (f Folder) MakeFolders(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return f.WriteError(err)
		}
	}
	return nil
}

// readOnly is the permission of whole blobs: everybody may read, nobody may write.
const readOnly fs.FileMode = 0o444

// Publish closes the file of a verified blob and renames it to the digest. It syncs the bytes before the rename, and the folder after it.
func (f Folder) Publish(file *os.File, blob store.Blob) error {
	if err := file.Truncate(blob.Size); err != nil {
		return f.WriteError(err)
	}
	if err := file.Chmod(readOnly); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err := file.Sync(); err != nil {
		return f.WriteError(err)
	}
	if !disk.RenamesOpenFiles {
		if err := file.Close(); err != nil {
			return f.WriteError(err)
		}
	}
	if err := rename(file.Name(), f.Path(blob.Digest), blob.Size); err != nil {
		return f.WriteError(err)
	}
	if disk.RenamesOpenFiles { // a file that disk.CreatePartial made is locked until it is closed
		if err := file.Close(); err != nil {
			return f.WriteError(err)
		}
	}
	disk.SyncFolder(f.Blobs())
	return nil
}

// rename renames path to target. If another process has already put the same blob there, it removes path; a target of another size is damaged and is
// replaced.
func rename(path, target string, size int64) error {
	if info, err := os.Stat(target); err == nil && info.Size() == size {
		return os.Remove(path)
	}
	err := os.Rename(path, target)
	if err == nil {
		return nil
	}
	// A network file system may have renamed the file and lost the answer. Or another process was faster, on a system that cannot replace files in use.
	if info, statErr := os.Stat(target); statErr == nil && info.Size() == size {
		os.Remove(path)
		return nil
	}
	return err
}

// WriteFile replaces a small file: readers see the old content or the new, even after a power cut.
func (f Folder) WriteFile(path string, content []byte) error {
	if err := f.MakeFolders(filepath.Dir(path)); err != nil {
		return err
	}
	return f.WriteError(disk.WriteFile(path, content, 0o644))
}
