//go:build unix

package wheel

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
)

// checkSpace returns a *SpaceError if the disk has no room for the download and for what is taken out of it.
func checkSpace(folder string, cuda bool) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	need, have := uint64(libtorch.CPUSpace), stat.Bavail*uint64(stat.Bsize)
	if cuda {
		need = libtorch.CUDASpace
	}
	if have < need {
		return &SpaceError{Folder: folder, Need: need, Have: have}
	}
	return nil
}
