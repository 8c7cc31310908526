// Package native is an engine in plain Go that needs nothing but a processor.
//
// In float64 it is the oracle: it says how far any float32 result may be off. In float32 it is the engine of programs built without
// libtorch. BF16 and F16 compute in float32 and round weights and the result of every operation, which is how libtorch's CPU kernels
// behave; they serve to tell how much rounding to expect, not to save time.
//
//	model, err := native.Engine{}.Load(ctx, config, weights, engine.Options{DType: tensor.F64})
//	logits, err := model.Forward(ctx, engine.Input{Pixels: pixels}, nil)
//
// One generic implementation of the forward pass serves all dtypes. It follows microsoft/unilm beit/modeling_finetune.py and
// beit/modeling_pretrain.py. An image's results do not depend on the rest of its batch or on the number of threads, to the last bit.
package native
