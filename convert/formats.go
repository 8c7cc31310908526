package convert

import (
	"slices"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
)

// formats are all that can be read and written: whoever adds one adds it here, and describes it in its own package. Files are tried in this order, and
// of several in a folder the first counts. safetensors comes first: its length field may look like the beginning of a pickle, but no
// other format has a brace as its ninth byte.
var formats = []checkpoint.Format{safetensors.Format, pytorch.Format, paddle.Format}

// Formats lists the names of the file formats that Convert writes, sorted.
func Formats() []string {
	var names []string
	for _, format := range formats {
		if format.Write != nil {
			names = append(names, format.Name)
		}
	}
	slices.Sort(names)
	return names
}

// formatNamed returns the format of that name, if it can be written.
func formatNamed(name string) (checkpoint.Format, bool) {
	i := slices.IndexFunc(formats, func(f checkpoint.Format) bool { return f.Name == name && f.Write != nil })
	if i < 0 {
		return checkpoint.Format{}, false
	}
	return formats[i], true
}

// formatEnding returns the format that the ending of a path stands for, and the scheme that such files usually have.
func formatEnding(path string) (format, scheme string, ok bool) {
	for _, f := range formats {
		if ending, ok := f.Ending(path); ok {
			return f.Name, ending.Scheme, true
		}
	}
	return "", "", false
}

// Endings lists the endings that names of checkpoints have, with their dots. Files are recognised by their content, so others may be checkpoints, too.
func Endings() []string {
	var all []string
	for _, format := range formats {
		for _, ending := range format.Endings {
			all = append(all, ending.Suffix)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// usualEndings returns the first ending of each format.
func usualEndings() []string {
	var all []string
	for _, format := range formats {
		all = append(all, format.Endings[0].Suffix)
	}
	return all
}

// transformersFormats returns the names of the formats that transformers finds in a folder.
func transformersFormats() []string {
	var names []string
	for _, format := range formats {
		if format.Transformers {
			names = append(names, format.Name)
		}
	}
	return names
}
