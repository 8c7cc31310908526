// Package embedded holds the trained digits classifier, so that the program can show what it does without a network.
//
// The files are those that README.md in the folder above describes: the checkpoint as PaddlePaddle saved it and its PASSL configuration, PASSL's
// recording of four images and its logits for all of them, and the 360 test images.
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
