package disk

import (
	"errors"
	"fmt"
	"os"
)

// Try makes a file of that size for the content of path, beside it, and removes it, so that it is known before long work whether its result can be written.
// Errors are a *[TargetError]. Where a file system can't reserve space, and between this and the writing, only the file itself is tried.
func Try(path string, size int64) error {
	file, err := CreatePartial(path)
	if err != nil {
		return err
	}
	if err = Reserve(file, size); err != nil {
		err = fmt.Errorf("reserving %d bytes: %w", size, &TargetError{Path: path, Err: err})
	}
	return errors.Join(err, AtTarget(path, file.Close()), AtTarget(path, os.Remove(file.Name())))
}
