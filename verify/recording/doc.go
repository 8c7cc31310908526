// Package recording reads and writes recordings: files with what a program computed, that is its inputs, activations and logits, and which program it was.
//
// With a recording a model can be compared with a framework that is not installed; see package verify. docs/recording.md describes the format.
//
//	recorded, err := recording.Read(ctx, "digits_p16_64.passl.float32.recording.safetensors")
//	pixels := recorded.Pixels // [N, 3, H, W]
//	for _, a := range recorded.Activations { fmt.Println(a.Name, a.Shape) }
package recording
