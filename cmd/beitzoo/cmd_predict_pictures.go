package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/pictures"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// pictureFlags say which pictures are meant, beside the arguments.
type pictureFlags struct{ list, shard string }

func (f *pictureFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.PathFlag{Name: "list", Destination: &f.list, Usage: "take the pictures whose paths are in this `FILE`, one a line; they count from the folder that the command runs in"},
		&cli.StringFlag{Name: "shard", Destination: &f.shard, Usage: "do only `PART` of the pictures, such as 2/8: every eighth, from the second on"},
	}
}

// standardInput is the argument that stands for a list of paths on standard input.
const standardInput = "-"

// pictureList are the pictures of a command line, in order. Each has a place in the whole list, from 0, which no shard changes.
type pictureList struct {
	paths iter.Seq2[string, error]
	// total is how many of them are to be done, names are their paths, and whole is how many all parts have; -1, nil and 0 if only the end of standard input tells.
	total int
	whole int
	names []string
	// all are the paths of all parts, in their order; nil if only the end of standard input tells.
	all []string
	// first and step choose those of the shard.
	first, step int

	mu     sync.Mutex
	places []int // of those that were taken
}

// find returns the pictures that arguments and flags stand for, and says what was left out.
func (f *pictureFlags) find(ctx context.Context, c *console, arguments []string) (*pictureList, error) {
	part, err := parseShard(f.shard)
	if err != nil {
		return nil, err
	}
	list := &pictureList{first: part.Index - 1, step: part.Of, total: -1}
	switch {
	case len(arguments) == 0 && f.list == "":
		return nil, &usageError{"IMAGE is missing", "name pictures, a folder, a pattern in quotes, - for a list on standard input, or --list FILE"}
	case f.list != "" && len(arguments) > 0:
		return nil, &usageError{"--list and IMAGE exclude each other", "leave one of them out, or put all paths into the list"}
	case f.list != "" && f.list != standardInput:
		return list, list.read(f.list)
	case f.list == standardInput, len(arguments) == 1 && arguments[0] == standardInput:
		list.paths = pictures.Lines(c.in, "standard input")
		return list, nil
	}
	for _, argument := range arguments {
		if argument == standardInput {
			return nil, &usageError{"- stands beside other pictures", "it stands for a list on standard input: give it alone; a file that is called - is written as ./-"}
		}
	}
	found, err := pictures.Find(ctx, arguments...)
	if err != nil {
		return nil, err
	}
	remarkAll(c, found.Notes())
	list.take(found.Paths)
	return list, nil
}

// read takes the paths in a file.
func (l *pictureList) read(path string) error {
	file, err := disk.OpenRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &missingError{listFile, err}
	}
	if err != nil {
		return err
	}
	defer file.Close()
	var paths []string
	for line, err := range pictures.Lines(file, path) {
		if err != nil {
			return err
		}
		paths = append(paths, line)
	}
	if len(paths) == 0 {
		return &usageError{fmt.Sprintf("the list %s names no picture", text.Quote(path)), "write the path of one picture in each line"}
	}
	l.take(paths)
	return nil
}

// take makes a list of paths that are known.
func (l *pictureList) take(paths []string) {
	l.paths = func(yield func(string, error) bool) {
		for _, path := range paths {
			if !yield(path, nil) {
				return
			}
		}
	}
	l.names, l.all = []string{}, paths
	for i := l.first; i < len(paths); i += l.step {
		l.names = append(l.names, paths[i])
	}
	l.total, l.whole = len(l.names), len(paths)
}

// images yields the pictures of the shard, but those whose places are done, and remembers their places.
func (l *pictureList) images(done func(place int, name string) (bool, error)) iter.Seq2[classify.Image, error] {
	return func(yield func(classify.Image, error) bool) {
		place := -1
		for path, err := range l.paths {
			place++
			skip := err != nil || place%l.step != l.first
			if !skip && done != nil {
				skip, err = done(place, path)
			}
			if err != nil {
				yield(classify.Image{}, err)
				return
			}
			if skip {
				continue
			}
			l.mu.Lock()
			l.places = append(l.places, place)
			l.mu.Unlock()
			if !yield(classify.Image{Name: path, Open: func() (io.ReadCloser, error) { return disk.OpenRegular(path) }}, nil) {
				return
			}
		}
	}
}

// place returns the place in the whole list of a picture by its index among those that were taken.
func (l *pictureList) place(index int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.places[index]
}
