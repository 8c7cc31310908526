// Package tokens keeps the visual tokens of many images in files.
//
// While a tokenizer runs, a [Log] gets a line for each image, so that a process that is killed at any moment loses none of them. [Log.Finish] writes the file: a
// safetensors file or JSON lines, in the order of the images, so that it is the same whatever was interrupted. [Merge] makes of the files of all parts the file
// of the whole, to the byte. [Open] reads files of both forms.
package tokens
