// Package enginetest is the suite that every engine must pass.
//
//	func TestConformance(t *testing.T) { enginetest.Run(t, native.Engine{}, engine.Options{}) }
//
// It covers every choice that an architecture has, not only the released models, and compares the engine with a simple forward pass in plain loops.
package enginetest
