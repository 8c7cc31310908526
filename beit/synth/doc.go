// Package synth makes weights and images from a seed: test data of full size without a file.
//
// Every value is a pure function of the seed, the canonical parameter name and the flat index, defined in docs/recipe.md, so any program can make the same
// tensors bit for bit. [Weights] returns views that compute their elements while they are written, in any layout that package convert/transform asks for: a
// model of 1.4 GB needs less than 1 MB of memory.
//
//	config, _ := arch.ByName("beit_large_p16_512")
//	tensors, err := naming.Write("passl", config, synth.Weights(config, 0), naming.WriteOptions{})
package synth
