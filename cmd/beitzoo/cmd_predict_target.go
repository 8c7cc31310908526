package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// inputs are the files that predict reads, by size, so that nothing is written onto one of them.
type inputs struct {
	paths  []string
	bySize map[int64][]input
}

// input is a file that is read, or a folder.
type input struct {
	path string
	info fs.FileInfo
}

// inputs returns the files that the command line names.
func (f *predictFlags) inputs(argument string, list *pictureList) *inputs {
	m := &f.model
	return &inputs{paths: append([]string{argument, f.pictures.list, m.recipe, m.labels, m.ownMap, m.arch}, list.names...)}
}

// apart returns a *[convert.SameFileError] if an output that is there is one of the inputs, under whatever name.
func (i *inputs) apart(output string, there fs.FileInfo) error {
	if i.bySize == nil {
		i.bySize = make(map[int64][]input)
		for _, path := range i.paths {
			if info, err := os.Stat(path); err == nil {
				i.bySize[info.Size()] = append(i.bySize[info.Size()], input{path, info})
			}
		}
	}
	for _, read := range i.bySize[there.Size()] {
		if os.SameFile(read.info, there) {
			return &convert.SameFileError{Source: read.path, Target: output}
		}
	}
	return nil
}

// checkApart is apart for an output that need not be there.
func (i *inputs) checkApart(output string) error {
	there, err := os.Stat(output)
	if err != nil {
		return nil // to open it says what is wrong
	}
	return i.apart(output, there)
}

// check returns an error if an output is an input, no file, or another file than one of its own kind, which is what: replacing that is never meant. isOwn reports
// whether a file is of that kind. An empty file is replaced.
func (i *inputs) check(output, what string, isOwn func(path string) (bool, error)) error {
	if err := disk.CheckFile(output); err != nil {
		return err
	}
	there, err := os.Stat(output)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return disk.AtTarget(output, err)
	}
	if err := i.apart(output, there); err != nil {
		return err
	}
	if there.Size() == 0 {
		return nil
	}
	own, err := isOwn(output)
	if err != nil {
		return disk.AtTarget(output, err)
	}
	if !own {
		return &usageError{text.Quote(output) + " is there already, and is not " + what, "only such a file is replaced: name another one, or remove that"}
	}
	return nil
}
