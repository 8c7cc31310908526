package checkpoint

import (
	"errors"
	"io"

	"github.com/beitzoo/beitzoo/tensor"
)

// Checkpoint is an opened checkpoint: the tensors of its model, unread.
type Checkpoint struct {
	// Path is the file or folder as given to Open.
	Path string
	// Format is the Name of the format.
	Format string
	// Container says how the file is built, for people: "zip archive, format 3", "pickle, protocol 4".
	Container string
	// Wrapper is the path of keys that led to the state dict, such as "model", or empty.
	Wrapper string
	// Class is the class of the whole module that the file holds in place of a state dict, such as "timm.models.beit.Beit", or empty. It comes from the file:
	// quote it.
	Class string
	// Modules are that module and its parts, outer ones first; nil for a state dict. Paths are as the names of Tensors have them.
	Modules []Module
	// Unsaved are the relative position indices in that module that its state dict would not have. They are no parameters, but can be checked.
	Unsaved []tensor.Named
	// Reason says why that was taken, and not one of Others, or is empty if it was asked for.
	Reason string
	// Others are the paths of keys, or the prefixes of names, to other state dicts in the file, each of which Options.Select can name.
	Others []string
	// Heads are the paths of keys to tensors, or dicts of these, that lie beside the state dict and have the name of a head.
	Heads []string
	// Stated is what a training program keeps beside the state dict that says something of the model, in the order of the file.
	Stated []Statement
	// Size is the number of bytes of all files.
	Size int64
	// Tensors are in the order of the file. Their views are valid until Close.
	Tensors []tensor.Named
	// Metadata is the text that the file carries beside its tensors.
	Metadata map[string]string
	// Notes say what else the file holds and was left out, one sentence each.
	Notes []string

	closers []io.Closer
}

// Close unmaps the files. Views and the slices that they returned must not be used afterwards.
func (c *Checkpoint) Close() error {
	var errs []error
	for _, closer := range c.closers {
		errs = append(errs, closer.Close())
	}
	c.closers = nil
	return errors.Join(errs...)
}

// Changed reports whether a file was resized or rewritten since Open; then what was read may be a mixture of old and new content.
func (c *Checkpoint) Changed() bool {
	for _, closer := range c.closers {
		if file, ok := closer.(interface{ Changed() bool }); ok && file.Changed() {
			return true
		}
	}
	return false
}

// Statement is plain data beside a state dict about its model: the names of classes, their colours, the text of a configuration, or an epsilon, one of them. It comes
// from the file, and nothing of it was checked.
type Statement struct {
	// Path is that of the keys to it.
	Path string
	// Labels are the names of the classes in the order of the logits, and Palette their colours.
	Labels  []string
	Palette [][3]int64
	// Config is the text of a configuration, as mmcv and mmengine keep it.
	Config string
	// Problem says why what the name promises was not read, such as a palette that is no list of colours; empty otherwise.
	Problem string
	// Epsilon is what layer_norm_eps or norm_eps is, if nothing else is stated.
	Epsilon float64
}

// StatesEpsilon reports whether the statement is an epsilon.
func (s Statement) StatesEpsilon() bool {
	return s.Labels == nil && s.Palette == nil && s.Config == "" && s.Problem == ""
}

// Options say which part of a file is wanted.
type Options struct {
	// Select names the state dict to take if a file holds several, such as "model_ema": a key, keys joined by dots, or what the names of its tensors begin with.
	// Empty takes the trained weights.
	Select string
}
