// Package engine defines what it means to run a model, so that results of different runtimes can be compared.
//
// An [Engine] loads canonical weights into a [Model]; Forward takes normalised images and returns logits. A [Tap] is called with the activation
// of each [Stage] on the way. The engines are beit/engine/native, in plain Go, and beit/engine/torch, which needs libtorch.
//
//	model, err := native.Engine{}.Load(ctx, config, weights, engine.Options{})
//	logits, err := model.Forward(ctx, engine.Input{Pixels: pixels}, nil)
package engine
