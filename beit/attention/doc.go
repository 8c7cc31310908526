// Package attention shows which patches of a picture a model attends to.
//
// A [Viewer] computes [Map] values from the activations of any engine and a few of the weights; [Draw] lays them over the picture as the model saw it.
//
//	viewer, err := attention.New(config, tensors, attention.Options{Kind: attention.Last})
//	if err != nil {
//		return err
//	}
//	seen := make(attention.Activations)
//	_, err = model.Forward(ctx, engine.Input{Pixels: pixels}, viewer.Tap(seen))
//	if err != nil {
//		return err
//	}
//	maps, err := viewer.Maps(ctx, seen)
package attention
