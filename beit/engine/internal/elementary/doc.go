// Package elementary computes softmax and GELU of many values at once, and sums, norms, steps of AdamW and other simple operations on lines of values.
//
// With AVX-512, AVX2 and FMA, or NEON, it takes several values at a time, to the same bits; on other processors it takes the functions of package math. In float64 results are
// within an ulp or two of the exact ones. float32 is computed in float32 by the assembly, and in float64 elsewhere: by the assembly exp is within 1 ulp of the exact result, and
// GELU within 3, and below -1, where the result is small, within 7 (make exhaustive takes every float32).
package elementary
