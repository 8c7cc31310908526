//go:build !unix

package wheel

// checkSpace does nothing: these systems have no common way to ask.
func checkSpace(string, bool) error { return nil }
