// Package engine defines how a model is run, so that programs can use any runtime and compare the results of several.
//
// An [Engine] loads weights into a [Model]; Forward takes normalised images and returns logits. If Forward is given a [Tap], it calls it with the
// activation of each [Stage]. The engines are beit/engine/native, in plain Go, and beit/engine/torch, which needs libtorch.
//
// The architecture and the weights usually come from convert.Open, as its Config and Tensors, and the pixels from package beit/preprocess:
//
//	pixels, err := preprocess.Files(ctx, recipe, []string{"cat.jpg"})
//	model, err := native.Engine{}.Load(ctx, config, weights, engine.Options{})
//	logits, err := model.Forward(ctx, engine.Input{Pixels: pixels}, nil)
//	fmt.Println(logits.Shape, logits.Values) // [1, 1000] and 1,000 values
//	err = model.Close()
package engine
