// Package blame finds out why one stage of a model computes something else than a reference.
//
// [Find] takes the first stage that differs, and the reference's activations before and after it. It has a table of hypotheses, such as: a square weight was
// not transposed, queries and keys are exchanged, the epsilon is another. Under each of them it computes the stage in float64, and returns the one under
// which it agrees best with the reference. If the reference has no activation before the stage, Find has to run the whole model, and tries only the likely
// hypotheses.
//
// A new hypothesis is a line in hypotheses.go.
package blame
