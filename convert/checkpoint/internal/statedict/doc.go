// Package statedict finds the state dict among the wrappers that training programs put around it.
//
// A file of PyTorch or PaddlePaddle may hold the parameters themselves, or a dict that holds them under "model", beside a moving average of them, the
// state of an optimizer and the arguments of the program. [Choose] takes the trained weights, or what is asked for by name:
//
//	document, err := pickle.Load(ctx, content, 0, pickle.Options{})
//	if err != nil { ... }
//	dict, err := statedict.Choose(document.Root, statedict.Options{FileSize: int64(len(content))})
package statedict
