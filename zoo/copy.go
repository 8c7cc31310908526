package zoo

import "github.com/beitzoo/beitzoo/zoo/store"

// Step is a part of the work of Pull, Publish, Mirror or Bundle, for messages about progress.
type Step string

// The steps.
const (
	Downloading Step = "downloading"
	Decoding    Step = "decoding"
	Converting  Step = "converting"
	Checking    Step = "checking"
	Encoding    Step = "encoding"
	Uploading   Step = "uploading"
)

// copyOptions returns the options of a store.Copy that is one step of the work. progress and notice may be nil.
func copyOptions(step Step, progress func(step Step, done, total int64), notice func(error)) store.Options {
	options := store.Options{Notice: notice}
	if progress != nil {
		options.Progress = func(done, total int64) { progress(step, done, total) }
	}
	return options
}
