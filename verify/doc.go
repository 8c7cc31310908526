// Package verify decides whether a model computes what it should, and if not, where it begins to differ and why.
//
// [Verify] runs a [Subject] and compares every activation with that of a [Reference]:
//
//   - [Recorded]: a recording of another program
//   - [Against]: another checkpoint
//   - [ModelReference]: any other model, such as a TorchScript module
//   - [Oracle]: the same weights in float64, in the native engine
//
// The tolerance is not a constant. Verify measures, in the same run, how far rounding moves this very model on these inputs, and an activation is right if
// it is within a multiple of that; see [Precision]. [Worst] verifies with several recordings.
//
//	reference, err := recording.Read(ctx, "passl.recording.safetensors")
//	subject := verify.Subject{Name: "digits", Config: config, Weights: weights, Engine: native.Engine{}}
//	result, err := verify.Verify(ctx, subject, verify.Recorded("passl", reference), verify.Options{})
//	if err == nil && !result.OK {
//		fmt.Println(result.FirstDivergence, result.Blame)
//	}
//
// Config and weights usually come from convert.Open, as its Config and Tensors. Package verify/report prints a [Result] as text or JSON.
package verify
