// Package recording reads and writes what some program really computed: inputs, logits and the activations on the way, with their origin.
//
// Use it to compare a model with a framework that is not installed. The format is described in docs/recording.md.
//
//	recorded, err := recording.Read(ctx, "digits_p16_64.passl.float32.recording.safetensors")
//	pixels := recorded.Pixels // [N, 3, H, W]
//	for _, a := range recorded.Activations { fmt.Println(a.Name, a.Shape) }
package recording
