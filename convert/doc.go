// Package convert rewrites a BEiT checkpoint from one naming scheme and file format into another and reports what it did to every parameter.
//
// [Convert] is the usual call; [Open] returns the model to callers that run or publish it, [Save] writes canonical tensors that come from
// elsewhere, [Diff] compares two checkpoints whatever their formats, and [Inspect] says what a file holds.
//
//	report, err := convert.Convert(ctx, "beit_base_p16_224_ft.pdparams", "beit.safetensors", convert.Options{SaveOptions: convert.SaveOptions{To: "timm"}})
//
// Formats: PaddlePaddle (.pdparams), PyTorch (.pth, .pt, .bin; zip and legacy) and safetensors, single or sharded, read and written; naming schemes:
// see package naming. Nothing in a file is executed. Views of an opened model are windows of the mapped file and valid until its Close.
//
// The same input and options make the same bytes. What Convert does without a cast is exact: converting back restores every tensor bit for bit.
package convert
