package cache

import (
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// localFileSystems are those on which a lock of this kernel cannot be lost while it is held.
var localFileSystems = []int64{
	unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC,
	0x2FC12FC1, // ZFS
}

// locksAreLocal tells whether locks in dir can be trusted to say who writes to a file.
func locksAreLocal(dir string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(dir, &stat) == nil && slices.Contains(localFileSystems, int64(stat.Type))
}

// reserve asks the file system for the space now, so that a full disk is known before the work. File systems that can't promise are let be.
func reserve(file *os.File, size int64) error {
	err := unix.Fallocate(int(file.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}

// startSync lets the disk begin with bytes that were just written, so that the final sync has little left to wait for. size 0 means to the end.
func startSync(file *os.File, at, size int64) {
	_ = unix.SyncFileRange(int(file.Fd()), at, size, unix.SYNC_FILE_RANGE_WRITE)
}
