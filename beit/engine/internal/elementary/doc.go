// Package elementary computes softmax and GELU of many values at once, and sums, norms and other simple operations on lines of values, for the engines in plain Go.
//
// With AVX-512, AVX2 and FMA, or NEON, it takes several values at a time, to the same bits; on other processors it takes the functions of package math. float64 is within an ulp or
// two of the exact result. float32 is computed in float32 by the assembly: exp within 1 ulp, GELU within 3, and below -1, where the result is small, within 7; elsewhere in float64.
package elementary
