// Package whatif computes stages of a BEiT in float64 as a program with a mistake would.
//
// A [Model] reads the parameters of a checkpoint. A [Version] of it has some of them replaced, and [Rules] that are not BEiT's: another activation, another
// order of norms. Package blame compares what versions compute with what another program recorded, to find out which mistake was made.
//
// Versions are cheap. Those that differ in little share what is the same: a product is computed once for each pair of an input and a weight, and a weight
// whose rows are permuted uses the product of the original. Attention and MLP can be computed for some tokens alone.
//
// The package is the opposite of package native: it bends to every question, and computes no faster than it must.
package whatif
