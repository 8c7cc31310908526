// Package synth makes recipe weights: full-size test data that is a pure function of a seed, the canonical parameter name and the index.
//
// The recipe is docs/recipe.md; any program in any language gets the same bits from it. Values are made when they are read, so a model of
// any size takes no memory until somebody wants a tensor.
//
//	config, err := arch.ByName("beit_base_p16_224")
//	weights := synth.Weights(config, 0)
package synth
