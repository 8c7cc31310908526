// Package blame finds out why one stage of a model computes something else than a reference.
//
// [Find] is given the first stage that differs, with what the reference had before and after it. It runs that stage alone, in float64, under
// each of a table of hypotheses: a square weight left untransposed, queries and keys exchanged, another epsilon. The one that makes the
// stage agree is the finding. If the reference recorded nothing before the stage, whole models are run, under the likelier hypotheses only.
//
// To add a hypothesis, add a line to hypotheses.go.
package blame
