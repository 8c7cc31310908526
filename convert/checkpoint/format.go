package checkpoint

import (
	"context"
	"strings"

	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// Format is one kind of checkpoint file, and all that is known about it. Each format has a package that exports one such record; lists of
// formats, the recognition of files, names of outputs and texts of messages are derived from these records.
type Format struct {
	// Name is the word for the format in reports and options, such as "pytorch"; Title is the one in sentences, such as "PyTorch".
	Name, Title string
	// Endings are those that names of such files have, the usual one first.
	Endings []Ending
	// FolderFile is the name under which a folder holds weights of this format. With ".index.json" behind it, it names an index of shards.
	FolderFile string
	// Transformers says that Hugging Face's from_pretrained looks for FolderFile, so that a folder can be written for it.
	Transformers bool

	// Match reports from the content (never from the name) whether a file is of this format.
	Match func(content []byte) bool
	// Read lists the tensors of a file. Views may be windows of content. Problems are reported as *Error.
	Read func(ctx context.Context, content []byte, options Options) (*Checkpoint, error)

	// Folders are the ways in which folders, in place of files, are checkpoints of this format.
	Folders []FolderKind
	// Write plans a file of tensors for output.Write, which reads their Data. The same tensors make the same bytes. The error lists every tensor that
	// the format cannot hold. It is nil for a format that can only be read.
	Write func(tensors []tensor.Named, options WriteOptions) ([]output.Part, error)
	// HasKeys, HasMetadata and HasMeta say which of WriteOptions a file can hold; Write ignores the others.
	HasKeys, HasMetadata, HasMeta bool
}

// Ending is one that names of files have.
type Ending struct {
	// Suffix is in lower case and begins with a dot.
	Suffix string
	// Scheme is the naming scheme (see package naming) that files with this ending usually have.
	Scheme string
}

// WriteOptions say what a file holds beside its tensors.
type WriteOptions struct {
	// Key is the key under which the state dict lies in an outer dict, such as "model". Empty leaves the outer dict out.
	Key string
	// Metadata is text that describes the tensors.
	Metadata map[string]string
	// Classes are names of classes, and Palette their colours, which stand beside a state dict with a key as mmcv keeps them. Only formats with HasMeta write them.
	Classes []string
	Palette [][3]int
}

// Ending returns the ending that a path has, in upper or lower case, if it is one of the format's.
func (f Format) Ending(path string) (Ending, bool) {
	for _, ending := range f.Endings {
		if strings.HasSuffix(strings.ToLower(path), ending.Suffix) {
			return ending, true
		}
	}
	return Ending{}, false
}

// titles returns the titles of formats for a sentence.
func titles(formats []Format) []string {
	var all []string
	for _, format := range formats {
		all = append(all, format.Title)
	}
	return all
}

// suffixes returns the endings of all formats.
func suffixes(formats []Format) []string {
	var all []string
	for _, format := range formats {
		for _, ending := range format.Endings {
			all = append(all, ending.Suffix)
		}
	}
	return all
}
