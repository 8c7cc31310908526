package output

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve asks the file system for the space now, so that a full disk is known before the work. File systems that can't promise are let be.
func reserve(file *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	err := unix.Fallocate(int(file.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}
