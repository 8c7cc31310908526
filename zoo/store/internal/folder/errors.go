package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// WriteError adds a kind and a hint to an error of writing below the root. It returns other errors, and nil, unchanged.
func (f Folder) WriteError(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return &store.SourceError{Source: f.Root, Kind: store.ErrReadOnly, Err: err, Advice: "use a folder that you may write to"}
	case errors.Is(err, syscall.ENOSPC):
		return &FullError{Root: f.Root, Err: syscall.ENOSPC}
	}
	return err
}

// FullError says that a disk has no space left.
type FullError struct {
	Root string
	Err  error
}

func (e *FullError) Error() string { return fmt.Sprintf("writing to %s: %v", e.Root, e.Err) }

// Unwrap returns the system's error.
func (e *FullError) Unwrap() error { return e.Err }

// Is makes a FullError an errdef.ErrUnavailable.
func (*FullError) Is(kind error) bool { return kind == errdef.ErrUnavailable }

// Hint says what to do next.
func (*FullError) Hint() string {
	return "make room and try again; blobs that are complete are kept"
}
