package disk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A file that is being written is beside its target, under a name that begins with a dot and ends with partialSuffix, so that nobody takes it for
// anything else. It is locked as long as its process lives: one without a lock is what a killed process left, and the next one that writes to the same
// folder removes it.
const partialSuffix = ".beitzoo-part"

// RenamesOpenFiles reports whether this system can rename a file that is open.
const RenamesOpenFiles = locksWork

// longestBase is the number of bytes of the target's name in that of the partial file, which must not become too long for the file system.
const longestBase = 60

// sharedAge is how long a partial file on a file system that several machines may share must not have been written to before it counts as left behind.
const sharedAge = 24 * time.Hour

// attempts is how often CreatePartial tries again if another process takes its new file for one that was left behind.
const attempts = 10

// CreatePartial makes a new file for the content of path, in the same folder, open and locked. The caller renames or removes it. What killed processes
// left in that folder is removed first. Errors are those of the system, as a *TargetError about path.
func CreatePartial(path string) (*os.File, error) {
	folder, base := filepath.Dir(path), filepath.Base(path)
	sweep(folder)
	if len(base) > longestBase {
		base = base[:longestBase]
	}
	if base == "" || base == "." || base == ".." || os.IsPathSeparator(base[0]) {
		return nil, &TargetError{Path: path, Err: &os.PathError{Op: "open", Path: path, Err: errIsFolder}}
	}
	for range attempts {
		file, err := os.CreateTemp(folder, "."+base+".*"+partialSuffix)
		if err != nil {
			return nil, AtTarget(path, err)
		}
		if !locksWork || lock(file) == nil && isStill(file) {
			return file, nil
		}
		if !isStill(file) { // another process looked at it before it was locked
			file.Close()
			continue
		}
		return file, nil // the file system has no locks
	}
	return nil, &TargetError{Path: path, Err: errors.New("temporary files in that folder vanish")}
}

// Publish closes a partial file and gives it its name. It stays locked until it has it: nobody takes it for one that was left behind. Errors are a
// *TargetError.
func Publish(file *os.File, path string) error {
	if !RenamesOpenFiles {
		if err := file.Close(); err != nil {
			return AtTarget(path, err)
		}
		return AtTarget(path, os.Rename(file.Name(), path))
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return AtTarget(path, err)
	}
	return AtTarget(path, file.Close())
}

// isStill reports whether the name of an open file still is that of the file.
func isStill(file *os.File) bool {
	named, err := os.Lstat(file.Name())
	if err != nil {
		return false
	}
	opened, err := file.Stat()
	return err == nil && os.SameFile(named, opened)
}

// sweep removes the partial files in a folder whose processes are gone. It reports nothing: what cannot be removed stays.
func sweep(folder string) {
	if !locksWork {
		return
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	local := LocksAreLocal(folder)
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, ".") || !strings.HasSuffix(name, partialSuffix) || !entry.Type().IsRegular() {
			continue
		}
		info, err := entry.Info()
		if err != nil || !local && time.Since(info.ModTime()) < sharedAge {
			continue
		}
		removeAbandoned(filepath.Join(folder, name), info)
	}
}

// removeAbandoned removes a partial file if nobody holds its lock.
func removeAbandoned(path string, info os.FileInfo) {
	file, err := openForLock(path)
	if err != nil {
		return
	}
	defer file.Close()
	if opened, err := file.Stat(); err != nil || !os.SameFile(opened, info) || lock(file) != nil || !isStill(file) {
		return
	}
	os.Remove(path)
}

// TempFolder makes a folder for temporary files, and returns it and a function that removes it. Folders that killed processes made with the same name
// are removed first. name is a word such as "beitzoo-demo".
func TempFolder(name string) (string, func(), error) {
	parent := os.TempDir()
	entries, _ := os.ReadDir(parent)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), name+"-") && entry.IsDir() && locksWork && LocksAreLocal(parent) {
			removeAbandonedFolder(filepath.Join(parent, entry.Name()))
		}
	}
	folder, err := os.MkdirTemp(parent, name+"-")
	if err != nil {
		return "", func() {}, err
	}
	held, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil && locksWork {
		err = lock(held)
	}
	remove := func() {
		os.RemoveAll(folder)
		held.Close()
	}
	if err != nil {
		remove()
		return "", func() {}, err
	}
	return folder, remove, nil
}

// lockName is the file in a temporary folder that is locked as long as its process lives.
const lockName = ".beitzoo-lock"

// removeAbandonedFolder removes a temporary folder if its lock is there and nobody holds it. A folder without one has just been made, or is not ours.
func removeAbandonedFolder(folder string) {
	held, err := openForLock(filepath.Join(folder, lockName))
	if err != nil {
		return
	}
	defer held.Close()
	// A folder that is a moment old may not be locked yet.
	if info, err := held.Stat(); err != nil || time.Since(info.ModTime()) < time.Minute || lock(held) != nil || !isStill(held) {
		return
	}
	os.RemoveAll(folder)
}
