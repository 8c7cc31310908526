package disk

import (
	"slices"

	"golang.org/x/sys/unix"
)

// localFileSystems are the file systems on which a lock cannot be lost while a process holds it.
var localFileSystems = []int64{
	unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC,
	0x2FC12FC1, // ZFS
}

// LocksAreLocal reports whether a lock in dir is enough to know that nobody else writes to a file.
func LocksAreLocal(dir string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(dir, &stat) == nil && slices.Contains(localFileSystems, int64(stat.Type))
}
