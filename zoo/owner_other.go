//go:build !unix

package zoo

// trustedOwner takes everybody's files where files have no owner by number.
func trustedOwner(string, string) bool { return true }
