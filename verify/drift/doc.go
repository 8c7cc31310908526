// Package drift measures how far two runs of a model are apart, with pure functions on slices.
//
// [Compare] measures one activation, a [Meter] one that comes in pieces, and [Agree] counts how often two sets of logits name the same classes. NaN
// and infinity are never close to anything, not even to themselves: a model that computes them is broken, whatever it is compared with.
//
//	d := drift.Compare(got, want)
//	if d.NonFinite > 0 || d.MaxAbs > tolerance { ... }
package drift
