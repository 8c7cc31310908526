// Package transform has the tensor operations that a change of naming scheme can require, each with its inverse or marked as lossy.
//
// Functions such as [Transpose], [Rows], [Stack] and [Cast] take views and return views: nothing is computed until somebody reads the
// result, and then in pieces, so that memory stays small however large the tensor is. An [Operation] is such a function as a value, with a name for
// reports and an inverse, as the tables of package naming use it.
//
//	weight, err := transform.Transpose(view) // [in, out] becomes [out, in]
//	raw, err := weight.Bytes()
package transform
