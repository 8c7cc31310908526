// Package embedded holds a small trained classifier of handwritten digits, with which the program can be tried without a network.
//
// The files are the checkpoint as PaddlePaddle saved it, its PASSL configuration, PASSL's recording of four images and its logits for all 360 test images,
// and these images; and a tokenizer with a masked model that was trained on its visual tokens. testdata/README.md says where they come from.
package embedded

import "embed"

// The names of the embedded files; the images are in images/LABEL/NUMBER.png.
const (
	Checkpoint = "digits_p16_64.pdparams"
	Config     = "digits_p16_64.yaml"
	Recording  = "digits_p16_64.passl.float32.recording.safetensors"
	Logits     = "digits_p16_64.passl.all-images.logits.safetensors"
	Images     = "images"

	// Encoder and Decoder are the halves of a dVAE of the digits, as OpenAI's classes saved them, and Masked is a masked model that unilm's class was trained to
	// predict its visual tokens with.
	Encoder = "pretraining/digits_dvae.encoder.pkl"
	Decoder = "pretraining/digits_dvae.decoder.pkl"
	Masked  = "pretraining/digits_mim_p16_64.unilm.pth"
)

// Files holds the embedded files.
//
//go:embed digits_p16_64.pdparams digits_p16_64.yaml digits_p16_64.passl.float32.recording.safetensors
//go:embed digits_p16_64.passl.all-images.logits.safetensors images pretraining
var Files embed.FS
