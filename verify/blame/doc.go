// Package blame finds out why a model computes something else than a reference.
//
// [Search.Find] takes one stage that differs, and the reference's activations before and after it, with the attention branch of a block if the reference has
// it. Hypotheses are mistakes that people make: a square weight was not transposed, queries and keys are exchanged, the epsilon is another. Under each of them
// package whatif computes the stage, for some tokens, and what agrees best with the reference is a [Finding]. If none does alone, pairs are tried. Some
// mistakes are solved for: the permutation of heads, of rows or of classes that fits best.
//
// If the reference has no activation before the stage, whole models are computed, under the hypotheses that a program may have made everywhere.
//
// A new hypothesis is a line in one of the files in_*.go, a new solver a function in solve.go.
package blame
