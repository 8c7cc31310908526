// Package drift measures how far two runs of a model are apart, with pure functions on slices.
//
// [Compare] judges one activation, a [Meter] one that comes in pieces, and [Agree] whether two sets of logits name the same classes. NaN
// and infinity are never close to anything, not even to themselves: a model that produces them is broken whichever way it was compared.
//
//	d := drift.Compare(got, want)
//	if d.NonFinite > 0 || d.MaxAbs > tolerance { ... }
package drift
