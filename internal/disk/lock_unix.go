//go:build unix && !solaris && !aix

package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// locksWork says that a file can be locked through its own descriptor, and that the system drops the lock with the process.
const locksWork = true

// errIsFolder is what the system says if a folder is opened for writing.
var errIsFolder error = unix.EISDIR

// errLocked is what lock returns if another process has locked the file.
var errLocked error = unix.EWOULDBLOCK

// lock locks an open file, or returns an error at once if another process has locked it.
func lock(file *os.File) error {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	for errors.Is(err, unix.EINTR) {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	return err
}

// openForLock opens a file that is there, and no link.
func openForLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}
