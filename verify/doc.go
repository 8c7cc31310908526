// Package verify decides whether a model computes what it should, and where and why it does not.
//
// [Verify] runs a [Subject] beside a [Reference]: a recording of another program, another checkpoint, a traced module, or the float64 oracle. Every
// activation on the way is compared. How far apart they may be is not a constant: the rounding noise of this very model and input is measured
// in the same run (see [Precision]), and a tap is right if its distance is at most a stated multiple of it. [Worst] does so with several recordings.
//
//	result, err := verify.Verify(ctx, subject, verify.Recorded("passl.safetensors", recorded), verify.Options{})
//	if err == nil && !result.OK { fmt.Println(result.FirstDivergence, result.Blame) }
package verify
