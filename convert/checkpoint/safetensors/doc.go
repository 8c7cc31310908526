// Package safetensors reads and writes safetensors files.
//
// Use [Format] with checkpoint.Open, and [Layout] with output.Write:
//
//	parts, err := safetensors.Layout(ckpt.Tensors, map[string]string{"format": "pt"})
//	if err != nil { ... }
//	err = output.Write(ctx, "model.safetensors", parts, output.Options{})
//
// The reader accepts exactly what the specification allows (huggingface/safetensors README.md) and what the reference implementation writes:
// the tensors must cover the data without hole, overlap or rest, and no name may occur twice. The writer writes the bytes that the reference
// implementation would write for the same tensors, with metadata keys in order.
package safetensors
