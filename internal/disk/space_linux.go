package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Reserve asks the file system for size bytes now, so that a full disk is known before the work. File systems without fallocate are ignored.
func Reserve(file *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	err := unix.Fallocate(int(file.Fd()), 0, 0, size)
	for errors.Is(err, unix.EINTR) {
		err = unix.Fallocate(int(file.Fd()), 0, 0, size)
	}
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}

// StartSync lets the disk begin with bytes that were just written, so that the final sync has little left to wait for: about a third of the
// whole time, measured with 1.4 GB on ext4. Only that sync can tell whether everything has arrived. Size 0 means to the end of the file.
func StartSync(file *os.File, at, size int64) {
	_ = unix.SyncFileRange(int(file.Fd()), at, size, unix.SYNC_FILE_RANGE_WRITE)
}
