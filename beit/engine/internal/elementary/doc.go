// Package elementary computes softmax and GELU of many values at once, for the engines in plain Go.
//
// With AVX-512, AVX2 and FMA, or NEON, it takes eight, four or two values at a time, to the same bits; on other processors it takes the functions of package math. All compute in
// float64, whatever the type of the values, and are within an ulp or two of the exact result.
package elementary
