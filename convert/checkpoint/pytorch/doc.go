// Package pytorch reads PyTorch checkpoints, mapping their tensors in place where the file allows it, and writes them.
//
// Use [Format] with checkpoint.Open, and [Layout] with output.Write:
//
//	parts, err := pytorch.Layout(ckpt.Tensors, pytorch.Options{Wrapper: "model"})
//	if err != nil { ... }
//	err = output.Write(ctx, "model.pth", parts, output.Options{})
//
// Both containers of torch.save are read: the zip archive of PyTorch 1.6 and later, and the stream of pickles before it. Nothing in a file
// is executed: the pickle of the object is read by package convert/checkpoint/internal/pickle, and what that does not know is an error. TorchScript archives
// hold a program and are refused, and so are the tar files of PyTorch 0.1. What is written is a zip archive that torch.load accepts with
// weights_only=True.
//
// The layout of the files is that of pytorch/pytorch torch/serialization.py and caffe2/serialize/inline_container.cc.
package pytorch
