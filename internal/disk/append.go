package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/errdef"
)

// InUseError says that another process is writing to a file.
type InUseError struct{ Path string }

func (e *InUseError) Error() string { return fmt.Sprintf("another process is writing to %s", e.Path) }

// Is reports that the request was wrong.
func (e *InUseError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint returns what to do next.
func (e *InUseError) Hint() string { return "wait until it ends, or name another file" }

// OpenAppend opens a file for reading, and for writing at its end, and locks it where the system can; it makes the file if there is none. If another
// process holds the lock, the error is an *[InUseError]; if there is something else than a file at path, a *[NotFileError]; errors of the system are a
// *[TargetError].
func OpenAppend(path string) (*os.File, error) {
	if err := CheckFile(path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, AtTarget(path, err)
	}
	if err := lock(file); errors.Is(err, errLocked) {
		file.Close()
		return nil, &InUseError{Path: path}
	} // other errors: the file system has no locks
	SyncFolder(filepath.Dir(path))
	return file, nil
}
