// Package verifytest loads, for tests, the recordings in testdata, each with the weights that it was made from, and verifies engines with them.
//
//	verifytest.Run(t, native.Engine{}, engine.Options{}) // every small recording must verify
package verifytest
