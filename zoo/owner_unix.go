//go:build unix

package zoo

import (
	"os"
	"syscall"
)

// trustedOwner tells whether a file below folder belongs to this user, to root, or to the owner of the folder. Whoever uses another's cache
// trusts that other; but not everybody who may write to it.
func trustedOwner(path, folder string) bool {
	file, err := os.Lstat(path)
	if err != nil {
		return false
	}
	owner, ok := file.Sys().(*syscall.Stat_t)
	if !ok || !file.Mode().IsRegular() {
		return false
	}
	if owner.Uid == 0 || int(owner.Uid) == os.Geteuid() {
		return true
	}
	around, err := os.Stat(folder)
	if err != nil {
		return false
	}
	keeper, ok := around.Sys().(*syscall.Stat_t)
	return ok && keeper.Uid == owner.Uid
}
