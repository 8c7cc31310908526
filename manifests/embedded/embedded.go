// Package embedded holds a small trained classifier of handwritten digits, with which the program can be tried without a network.
//
// The files are the checkpoint as PaddlePaddle saved it, its PASSL configuration, PASSL's recording of four images and its logits for all 360 test images,
// and these images. testdata/README.md says where they come from.
package embedded

import "embed"

// The names of the embedded files; the images are in images/LABEL/NUMBER.png.
const (
	Checkpoint = "digits_p16_64.pdparams"
	Config     = "digits_p16_64.yaml"
	Recording  = "digits_p16_64.passl.float32.recording.safetensors"
	Logits     = "digits_p16_64.passl.all-images.logits.safetensors"
	Images     = "images"
)

// Files holds the embedded files.
//
//go:embed digits_p16_64.pdparams digits_p16_64.yaml digits_p16_64.passl.float32.recording.safetensors
//go:embed digits_p16_64.passl.all-images.logits.safetensors images
var Files embed.FS
