//go:build !libtorch

package main

import "github.com/beitzoo/beitzoo/verify"

// torchScript returns an error in a build without libtorch.
func torchScript(string) (verify.Reference, error) {
	return verify.Reference{}, &unfitError{remedy{Problem: "--torchscript needs libtorch, which this build of beitzoo does not have", Hint: buildHint}}
}
