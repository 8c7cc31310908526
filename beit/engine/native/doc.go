// Package native is an engine in plain Go, for the CPU.
//
// In float32 it is the engine of programs built without libtorch. In float64 it is the most exact engine: package verify measures with it how much
// rounding to expect. In BF16 and F16 it computes in float32 and rounds the weights and the result of every operation, as libtorch's CPU kernels do; that
// also serves to measure rounding, and is not faster, but BF16 on processors of AMD with VDPBF16PS and of Arm with BFMMLA.
//
//	model, err := native.Engine{}.Load(ctx, config, weights, engine.Options{DType: tensor.F64})
//	logits, err := model.Forward(ctx, engine.Input{Pixels: pixels}, nil)
//
// One generic forward pass serves all dtypes. It follows microsoft/unilm beit/modeling_finetune.py and beit/modeling_pretrain.py, beit2/modeling_vqkd.py for
// VQ-KD, openai/DALL-E dall_e/encoder.py and decoder.py for a dVAE, and for UPerNet beit/semantic_segmentation/backbone/beit.py with
// open-mmlab/mmsegmentation mmseg/models/decode_heads/uper_head.py and fcn_head.py. The result for an image is the same, to the last bit, whatever the rest of its batch and
// the number of threads. Convolutions take their products from the picture as it lies in memory, and a dVAE computes one picture after the other: beside the
// weights, OpenAI's encoder needs less than 100 MB for pictures of 112 pixels, and its decoder twice that. Distances to the codes of VQ-KD are computed in float32
// where the rest is in half precision, as unilm does.
//
// UPerNet, too, computes one picture after the other. The maps that others put one behind the other for a convolution are never all there: it is the sum of the
// convolutions of each, and one map at a time is enlarged. So beside the weights a picture needs about three maps of the largest size, which has 16 times as many
// pixels as there are patches: with 1,600 patches of 768 channels in float32 each is 79 MB. A tap sees the stages of all pictures of a batch at once, which are kept
// for it. A batch norm is a factor and a summand of each channel, computed in float64 when the model is loaded.
package native
