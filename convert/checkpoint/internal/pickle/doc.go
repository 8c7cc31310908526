// Package pickle reads the data in a Python pickle without running any code that the pickle asks for.
//
// Checkpoints of PyTorch and PaddlePaddle are pickles. [Load] first scans the stream ([Scan]): it checks every opcode, length and stack
// movement against limits, leaves payloads of 256 bytes and more where they are (a [Blob] stands for each), and turns every opcode that could
// look up or call something into a question to this package. What is left is small, and gopickle's machine runs it. The questions
// are answered from closed tables: state dicts, NumPy arrays and PyTorch tensors become typed values, harmless objects become inert
// records, and everything else is an error of kind checkpoint.ErrUnsafe that names the global.
//
//	document, err := pickle.Load(ctx, content, 0, pickle.Options{})
//	if err != nil { ... }
//
// Package statedict then finds the state dict in document.Root.
package pickle
