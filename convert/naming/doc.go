// Package naming translates parameter names between PASSL, unilm, timm, Hugging Face, PaddleViT and the canonical scheme, using one declarative
// table per scheme.
//
// [Read] takes the tensors of a checkpoint, detects their scheme and architecture, and returns the canonical parameters as lazy views;
// [Write] is the inverse. Both refuse anything that is not exactly the parameters of one architecture, and report every difference at once.
//
//	model, err := naming.Read(ctx, checkpoint.Tensors, naming.Options{})
//	tensors, err := naming.Write("hf", model.Config, model.Tensors, naming.WriteOptions{})
//
// To add a scheme, add a [Scheme] to the list in schemes.go: everything that depends on the scheme is in that record.
package naming
