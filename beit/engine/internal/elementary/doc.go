// Package elementary computes softmax and GELU of many values at once, for the engines in plain Go.
//
// With AVX-512 it takes eight values at a time, else those of package math. Both compute in float64, whatever the type of the values, and are within an ulp or two of
// the exact result.
package elementary
