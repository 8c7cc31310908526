// Package checkpoint opens model checkpoints as lazily read sets of named tensors, whatever the file format.
//
// [Open] maps a file, or the shards of a folder, and asks each given [Format] whether it knows the container. What comes back is a list of
// views: names, dtypes and shapes are read, elements are not, so opening costs milliseconds and memory does not grow with the file.
// Nothing in a file is ever executed.
//
//	ckpt, err := checkpoint.Open(ctx, "beit_base_p16_224_ft.pdparams", checkpoint.Options{}, paddle.Format, pytorch.Format, safetensors.Format)
//	if err != nil { ... }
//	defer ckpt.Close()
//
// Views are valid until Close. A file must not be changed while it is open; if one is cut short meanwhile, reads return an error and do not crash.
package checkpoint
