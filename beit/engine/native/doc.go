// Package native is an engine in plain Go that needs nothing but a processor.
//
// In float64 it is the oracle of package verify, which measures with it how far a float32 result may be off. In float32 it is the engine of
// programs built without libtorch. In BF16 and F16 it computes in float32 and rounds weights and the result of every operation, as libtorch's
// CPU kernels do; that serves to measure how much rounding to expect, not to save time.
//
//	model, err := native.Engine{}.Load(ctx, config, weights, engine.Options{DType: tensor.F64})
//	logits, err := model.Forward(ctx, engine.Input{Pixels: pixels}, nil)
//
// One generic implementation of the forward pass serves all dtypes. It follows microsoft/unilm beit/modeling_finetune.py and
// beit/modeling_pretrain.py. An image's results do not depend on the rest of its batch or on the number of threads, to the last bit.
package native
