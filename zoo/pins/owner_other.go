//go:build !unix

package pins

// trustedOwner accepts all files: files of this system have no owner by number.
func trustedOwner(string, string) bool { return true }
