package finetune

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/finetune/probe"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Gallery are the pictures of a data set. It implements [Pictures].
type Gallery struct {
	// Augment makes the tensor of a picture as it is to be seen in an epoch, and always the same; nil means the recipe.
	Augment func(picture *preprocess.RGB8, epoch, index int) ([]float32, error)

	recipe   card.Recipe
	examples []dataset.Example
	// source and classes are those of the data set.
	source  string
	classes dataset.Mapping
	// unturned has the numbers of the pictures that were seen as they are stored, and are to be turned.
	unturned sync.Map
}

// Unturned returns how many of the pictures that were seen so far are to be turned by their EXIF data, which the recipe does not do.
func (g *Gallery) Unturned() int {
	count := 0
	g.unturned.Range(func(any, any) bool { count++; return true })
	return count
}

// LargeSetError says that the pictures of tar files don't fit into memory.
type LargeSetError struct {
	// Source is the data set, and Limit the memory that its files may take, in bytes.
	Source string
	Limit  int64
}

func (e *LargeSetError) Error() string {
	return fmt.Sprintf("%s: its pictures take more than %d MB, and of tar files all are kept in memory", text.Quote(e.Source), e.Limit>>20)
}

// Is reports whether kind is errdef.ErrUsage.
func (e *LargeSetError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *LargeSetError) Hint() string {
	return "unpack the tar files: pictures of a folder are read when they are needed"
}

// NewGallery lists the pictures of a data set, prepared by a recipe. Of tar files, whose pictures come in one order only, it
// keeps the files in memory, as they are; a *[LargeSetError] says that they are larger than limit.
func NewGallery(ctx context.Context, set dataset.Set, recipe card.Recipe, limit int64) (*Gallery, error) {
	g := &Gallery{recipe: recipe, source: set.Source(), classes: set.Classes()}
	kept := int64(0)
	for example, err := range set.Examples(ctx) {
		if err != nil {
			return nil, err
		}
		if set.Len() < 0 { // of tar files, whose pictures can't be opened a second time
			raw, err := readImage(example.Image, limit-kept)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", text.Name(example.Name), err)
			}
			if kept += int64(len(raw)); kept > limit {
				return nil, &LargeSetError{Source: set.Source(), Limit: limit}
			}
			example.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
		}
		g.examples = append(g.examples, example)
	}
	return g, nil
}

// HoldOut chooses pictures to test on, of each class its share, which are those that [probe.Split] chooses by that seed for a linear probe if all can be read. It
// returns them, and the gallery of all others, which is augmented as this one.
func (g *Gallery) HoldOut(share float64, seed uint64) (rest *Gallery, held *dataset.List) {
	learnt, tested := probe.Split(g.classesOf(), share, seed)
	some := func(indices []int) []dataset.Example {
		examples := make([]dataset.Example, len(indices))
		for i, index := range indices {
			examples[i] = g.examples[index]
		}
		return examples
	}
	rest = &Gallery{Augment: g.Augment, recipe: g.recipe, examples: some(learnt), source: g.source, classes: g.classes}
	return rest, dataset.NewList(g.source, some(tested), g.classes)
}

// List returns the pictures as they are in their files.
func (g *Gallery) List() *dataset.List {
	return dataset.NewList(g.source, slices.Clone(g.examples), g.classes)
}

// classesOf returns the class of each picture.
func (g *Gallery) classesOf() []int {
	classes := make([]int, len(g.examples))
	for i, example := range g.examples {
		classes[i] = example.Class
	}
	return classes
}

// readImage returns the file of a picture, or more than limit bytes of it.
func readImage(image classify.Image, limit int64) ([]byte, error) {
	file, err := image.Open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, limit+1))
}

// Len implements [Pictures].
func (g *Gallery) Len() int { return len(g.examples) }

// Counts returns the number of pictures of each of some classes.
func (g *Gallery) Counts(classes int) []int {
	counts := make([]int, classes)
	for _, example := range g.examples {
		counts[example.Class]++
	}
	return counts
}

// Picture implements [Pictures]. Its errors are a *[preprocess.FileError].
func (g *Gallery) Picture(_ context.Context, epoch, index int, pixels []float32) (int, error) {
	err := g.prepare(epoch, index, pixels)
	if err != nil {
		return 0, &preprocess.FileError{Path: g.examples[index].Name, Err: err}
	}
	return g.examples[index].Class, nil
}

func (g *Gallery) prepare(epoch, index int, pixels []float32) error {
	file, err := g.examples[index].Open()
	if err != nil {
		return err
	}
	defer file.Close()
	if g.Augment == nil {
		prepared, err := preprocess.PrepareInto(pixels, g.recipe, file)
		g.count(index, prepared.Unturned)
		return err
	}
	picture, unturned, err := preprocess.DecodeFor(g.recipe, file)
	if err != nil {
		return err
	}
	g.count(index, unturned)
	augmented, err := g.Augment(picture, epoch, index)
	copy(pixels, augmented)
	return err
}

// count remembers that a picture is to be turned, by an EXIF orientation, if that is not 0.
func (g *Gallery) count(index, unturned int) {
	if unturned != 0 {
		g.unturned.Store(index, true)
	}
}
