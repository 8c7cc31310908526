package main

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"sync"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

// pictureSource has the pictures of a command that takes them from lists and from tar files.
type pictureSource struct {
	list *pictureList
	tars *dataset.TarPictures
	part evaluate.Shard
	// total is the number of pictures of the part, and whole that of all; -1 if only the end tells. digest is that of the list.
	total, whole int
	digest       string
	// inputs are the paths of files that are read.
	inputs []string

	mu     sync.Mutex
	places []int // of the pictures of tar files that were taken
}

// source returns the pictures that the arguments stand for: those of a list, or what tar files have.
func (f *pictureFlags) source(ctx context.Context, c *console, arguments []string) (*pictureSource, error) {
	part, err := parseShard(f.shard)
	if err != nil {
		return nil, err
	}
	images := &pictureSource{part: part, total: -1, whole: -1}
	if slices.ContainsFunc(arguments, dataset.IsTar) {
		if slices.ContainsFunc(arguments, func(name string) bool { return !dataset.IsTar(name) }) || f.list != "" {
			return nil, &usageError{"tar files stand beside other pictures", "give tar files alone; the pictures in them, and those of folders, go into files of their own"}
		}
		images.tars, err = dataset.OpenTarPictures(arguments)
		if missing := (*fs.PathError)(nil); errors.As(err, &missing) && errors.Is(err, fs.ErrNotExist) {
			return nil, &missingError{listFile, err}
		}
		if err != nil {
			return nil, err
		}
		images.digest, images.inputs = images.tars.Digest(), images.tars.Paths()
		return images, nil
	}
	if images.list, err = f.find(ctx, c, arguments); err != nil {
		return nil, err
	}
	if images.list.names == nil {
		return images, nil // a list on standard input
	}
	images.total, images.whole = images.list.total, images.list.whole
	images.inputs = images.list.names
	var names dataset.NamesDigest
	for path, err := range images.list.paths {
		if err != nil {
			return nil, err
		}
		names.Add(path)
	}
	images.digest = names.Digest()
	return images, nil
}

// images yields the pictures of the part, but those that are done, and remembers their places. done may be nil.
func (t *pictureSource) images(ctx context.Context, done func(place int, name string) (bool, error)) iter.Seq2[classify.Image, error] {
	if t.list != nil {
		return t.list.images(done)
	}
	ours := func(place int) bool { return place%t.part.Of == t.part.Index-1 }
	return func(yield func(classify.Image, error) bool) {
		place := -1
		for image, err := range t.tars.Images(ctx, ours) {
			place++
			if err == nil && !ours(place) {
				continue
			}
			has := false
			if err == nil && done != nil {
				has, err = done(place, image.Name)
			}
			if err != nil {
				yield(classify.Image{}, err)
				return
			}
			if has {
				continue
			}
			t.mu.Lock()
			t.places = append(t.places, place)
			t.mu.Unlock()
			if !yield(image, nil) {
				return
			}
		}
		if place < 0 {
			yield(classify.Image{}, &usageError{
				"the tar files have no pictures", "a picture in a tar file has an ending such as .jpg or .png or the first bytes of one, and its name begins with no dot",
			})
		}
	}
}

// remarkLeftOut says what was left out of tar files; what was left out of folders has been said.
func (t *pictureSource) remarkLeftOut(c *console) {
	if t.tars != nil {
		remarkAll(c, t.tars.LeftOut())
	}
}

// place returns the place among all pictures of one, by its index among those that were taken.
func (t *pictureSource) place(index int) int {
	if t.list != nil {
		return t.list.place(index)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.places[index]
}
