//go:build !unix || solaris || aix

package disk

import (
	"os"
	"syscall"

	"github.com/beitzoo/beitzoo/errdef"
)

// locksWork is false where a lock would keep the process itself from writing, or does not exist: what a killed process left stays.
const locksWork = false

// errIsFolder is what the system says if a folder is opened for writing.
var errIsFolder error = syscall.EISDIR

// errLocked is what lock returns if another process has locked the file.
var errLocked = errdef.New(errdef.ErrUnavailable, "another process has locked the file")

func lock(*os.File) error { return nil }

func openForLock(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDWR, 0) }
