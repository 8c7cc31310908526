// Package tokenizer turns images into visual tokens: it prepares them by the recipe of a tokenizer, a dVAE's encoder or VQ-KD, and runs them through it.
//
// The tokens of an image are numbers of its patches, row by row, which a masked-image model learns to recover.
package tokenizer
