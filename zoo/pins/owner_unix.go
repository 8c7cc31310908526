//go:build unix

package pins

import (
	"os"
	"syscall"
)

// trustedOwner reports whether the file at path is a plain file of a user whose records about the cache in folder are believed.
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

// trustedUser accepts this user, root, and the owner of the folder: a user of somebody else's cache trusts that owner, but not everybody who may write
// to it.
func trustedUser(owner, self, keeper int) bool {
	return owner == self || owner == 0 || owner == keeper
}
