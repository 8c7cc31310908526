//go:build unix

package output

import (
	"io/fs"
	"sync"

	"golang.org/x/sys/unix"
)

// umask reads the process's mask. The system call can only read by setting, so it is done once.
var umask = sync.OnceValue(func() fs.FileMode {
	mask := unix.Umask(0)
	unix.Umask(mask)
	return fs.FileMode(mask).Perm()
})
