//go:build unix

package wheel

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// checkSpace reports a *SpaceError before anything is downloaded.
func checkSpace(folder string, cuda bool) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	need, have := uint64(cpuSpace), stat.Bavail*uint64(stat.Bsize)
	if cuda {
		need = cudaSpace
	}
	if have < need {
		return &SpaceError{Folder: folder, Need: need, Have: have}
	}
	return nil
}
