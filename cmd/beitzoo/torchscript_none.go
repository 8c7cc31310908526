//go:build !libtorch

package main

import "github.com/beitzoo/beitzoo/verify"

// torchScript needs libtorch, which this build does not have.
func torchScript(string) (verify.Reference, error) {
	return verify.Reference{}, &unfitError{remedy{Problem: "--torchscript needs libtorch, which this build of beitzoo does not have", Hint: buildHint}}
}
