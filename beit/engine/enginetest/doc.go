// Package enginetest is the suite that every engine must pass.
//
//	func TestConformance(t *testing.T) { enginetest.Run(t, native.Engine{}, engine.Options{}) }
//
// It covers the whole family of architectures, not only the released ones, and compares with a forward pass in plain loops that is written to be read.
package enginetest
