// Pictures tells other programs what beitzoo makes of image files: `make interop-pictures` compares it with what Pillow, timm and transformers make of them.
//
//	pictures -recipes '{"timm": {"name": "timm", "size": 224}, "own": {"resize": "squash", "resize_to": 224, ...}}' FILE...
//
// It prints a line of JSON for each file: the size and the SHA-256 of its RGB samples, the SHA-256 of the tensor of each recipe (float32, little endian), or
// why the file is not read. With -out DIR the samples and tensors themselves are written there.
package main
