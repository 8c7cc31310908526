// Package native is an engine in plain Go, for the CPU.
//
// In float32 it is the engine of programs built without libtorch. In float64 it is the most exact engine: package verify measures with it how much
// rounding to expect. In BF16 and F16 it computes in float32 and rounds the weights and the result of every operation, as libtorch's CPU kernels do; that
// also serves to measure rounding, and is not faster.
//
//	model, err := native.Engine{}.Load(ctx, config, weights, engine.Options{DType: tensor.F64})
//	logits, err := model.Forward(ctx, engine.Input{Pixels: pixels}, nil)
//
// One generic forward pass serves all dtypes. It follows microsoft/unilm beit/modeling_finetune.py and beit/modeling_pretrain.py, beit2/modeling_vqkd.py for
// VQ-KD, and openai/DALL-E dall_e/encoder.py and decoder.py for a dVAE. The result for an image is the same, to the last bit, whatever the rest of its batch and
// the number of threads. Convolutions take their products from the picture as it lies in memory, and a dVAE computes one picture after the other: beside the
// weights, OpenAI's encoder needs less than 100 MB for pictures of 112 pixels, and its decoder twice that. Distances to the codes of VQ-KD are computed in float32
// where the rest is in half precision, as unilm does.
package native
