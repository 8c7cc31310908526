// Package verifytest loads, for tests, what other programs computed: each recording in testdata with the weights that it was made from.
//
//	verifytest.Run(t, native.Engine{}, engine.Options{}) // every small recording must verify
package verifytest
