// Package synth makes recipe weights: test data of full size without a file.
//
// Every value is a pure function of a seed, the canonical parameter name and the flat index (docs/recipe.md), so that any program rebuilds the
// same tensors bit for bit. The views that [Weights] returns make their elements while they are written, in any layout that package transform
// asks for: a model of 1.4 GB needs no memory to speak of.
//
//	config, _ := arch.ByName("beit_large_p16_512")
//	tensors, err := naming.Write("passl", config, synth.Weights(config, 0), naming.WriteOptions{})
package synth
