// Package drift measures how far the results of two runs of a model are apart.
//
// [Compare] measures one activation, a [Meter] one that is added in pieces, and [Agree] counts how often two sets of logits have the same most probable
// classes. NaN and infinity are infinitely far from everything, even from themselves: a model that computes them is broken.
//
//	d := drift.Compare(got, want)
//	if d.NonFinite > 0 || d.MaxAbs > tolerance { ... }
package drift
