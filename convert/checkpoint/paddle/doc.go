// Package paddle reads and writes PaddlePaddle .pdparams files without running any code that they contain.
//
// Use [Format] with checkpoint.Open, and [Layout] with output.Write:
//
//	parts, err := paddle.Layout(ckpt.Tensors)
//	if err != nil { ... }
//	err = output.Write(ctx, "model.pdparams", parts, output.Options{})
//
// The reader takes what paddle.save has written since version 1.8 and what programs put into a plain pickle of NumPy arrays: state dicts with
// and without the table of parameter names, pairs of parameter name and array, training checkpoints around them, pickle protocols 2 to 5
// (PaddlePaddle/Paddle python/paddle/framework/io.py). Tensors are windows of the file; only protocol 2, which keeps bytes as text, is decoded
// while it is read. Files for inference (.pdiparams) have no names in them and are refused.
package paddle
