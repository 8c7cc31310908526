// Package configs reads and writes the small files in which other programs keep what their checkpoints leave out: config.json and
// preprocessor_config.json of Hugging Face transformers, and the yaml configurations of PASSL.
//
//	known, err := configs.ParseTransformers(raw) // config.json: architecture, epsilon, labels
//
// All files are hostile input: their size is limited, and the result is validated.
package configs
