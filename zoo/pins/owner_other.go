//go:build !unix

package pins

// trustedOwner accepts all files, because files have no numeric owner on this system.
func trustedOwner(string, string) bool { return true }
