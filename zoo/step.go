package zoo

import "github.com/beitzoo/beitzoo/zoo/store"

// Step is a part of the work of Pull, Publish, Mirror or Bundle, for messages about progress.
type Step string

// The steps.
const (
	// Downloading fetches a blob of a place, or an upstream checkpoint.
	Downloading Step = "downloading"
	// Decoding restores the safetensors file from an encoded blob.
	Decoding Step = "decoding"
	// Converting makes the canonical file of a checkpoint.
	Converting Step = "converting"
	// Checking computes the digest of weights that are in the cache.
	Checking Step = "checking"
	// Encoding compresses weights for publication, or writes a bundle.
	Encoding Step = "encoding"
	// Uploading copies an entry to a place.
	Uploading Step = "uploading"
)

// copyOptions returns the options of a store.Copy that is one step of the work. progress and notice may be nil.
func copyOptions(step Step, progress func(step Step, done, total int64), notice func(error)) store.Options {
	options := store.Options{Notice: notice}
	if progress != nil {
		options.Progress = func(done, total int64) { progress(step, done, total) }
	}
	return options
}
