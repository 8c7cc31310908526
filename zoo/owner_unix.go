//go:build unix

package zoo

import (
	"os"
	"syscall"
)

// trustedOwner tells whether a file below folder belongs to somebody who may say what is in a cache.
func trustedOwner(path, folder string) bool {
	file, err := os.Lstat(path)
	if err != nil || !file.Mode().IsRegular() {
		return false
	}
	around, err := os.Stat(folder)
	if err != nil {
		return false
	}
	owner, known := file.Sys().(*syscall.Stat_t)
	keeper, alsoKnown := around.Sys().(*syscall.Stat_t)
	return known && alsoKnown && trustedUser(int(owner.Uid), os.Geteuid(), int(keeper.Uid))
}

// trustedUser accepts this user, root, and the owner of the folder: whoever uses another's cache trusts that other, but not everybody who may write
// to it.
func trustedUser(owner, self, keeper int) bool {
	return owner == self || owner == 0 || owner == keeper
}
