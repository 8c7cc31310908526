package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/beitzoo/beitzoo/errdef"
)

// TargetError says that a file or folder which was asked for could not be made.
type TargetError struct {
	// Path is the name that was asked for, not that of a temporary file.
	Path string
	Err  error
}

// AtTarget returns a *TargetError about path if err is one of the system, and otherwise err itself.
func AtTarget(path string, err error) error {
	var (
		at   *fs.PathError
		link *os.LinkError
		done *TargetError
	)
	if err == nil || errors.As(err, &done) || !errors.As(err, &at) && !errors.As(err, &link) {
		return err
	}
	return &TargetError{Path: path, Err: err}
}

func (e *TargetError) Error() string { return fmt.Sprintf("writing %s: %v", e.Path, e.cause()) }

// cause returns what the system said, without the name of a temporary file.
func (e *TargetError) cause() error {
	cause := e.Err
	var code syscall.Errno
	if errors.As(e.Err, &code) {
		cause = code
	}
	return cause
}

// Unwrap returns the error of the system.
func (e *TargetError) Unwrap() error { return e.Err }

// Is reports that the request was wrong, or, if the disk is full or fails, that the machine lacks something.
func (e *TargetError) Is(kind error) bool {
	if errors.Is(e.Err, syscall.ENOSPC) || errors.Is(e.Err, syscall.EDQUOT) || errors.Is(e.Err, syscall.EIO) || errors.Is(e.Err, syscall.EMFILE) {
		return kind == errdef.ErrUnavailable
	}
	return kind == errdef.ErrUsage
}

// Hint returns what to do.
func (e *TargetError) Hint() string {
	folder := filepath.Dir(filepath.Clean(e.Path))
	switch {
	case errors.Is(e.Err, syscall.ENOSPC), errors.Is(e.Err, syscall.EDQUOT):
		return "free space on that disk, or write to another one"
	case errors.Is(e.Err, fs.ErrNotExist):
		if _, err := os.Stat(folder); err == nil {
			return "no file can be made in " + folder + ": write to another folder"
		}
		return "make the folder " + folder + " first"
	case errors.Is(e.Err, fs.ErrPermission):
		return "check the permissions of " + folder + ", or write to a folder of your own"
	case errors.Is(e.Err, syscall.EROFS):
		return "that file system is read-only: write to another folder"
	case errors.Is(e.Err, syscall.ENOTDIR):
		return "something on the way to that name is a file, not a folder: choose another name"
	case errors.Is(e.Err, syscall.EISDIR), errors.Is(e.Err, fs.ErrExist):
		return "there is something else of that name: choose another one"
	case errors.Is(e.Err, syscall.ENAMETOOLONG), errors.Is(e.Err, syscall.EINVAL), errors.Is(e.Err, syscall.EILSEQ):
		return "the file system does not allow such a name: choose another one"
	}
	return "choose another name or folder"
}
