package finetune

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Gallery are the pictures of a data set. It implements [Pictures].
type Gallery struct {
	// Augment makes the tensor of a picture as it is to be seen in an epoch, and always the same; nil means the recipe.
	Augment func(picture *preprocess.RGB8, epoch, index int) ([]float32, error)

	recipe card.Recipe
	images []classify.Image
	class  []int
	// packed has the files of the pictures of tars, which can't be opened a second time.
	packed [][]byte
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
	g := &Gallery{recipe: recipe}
	kept := int64(0)
	for example, err := range set.Examples(ctx) {
		if err != nil {
			return nil, err
		}
		g.images, g.class = append(g.images, example.Image), append(g.class, example.Class)
		if set.Len() >= 0 {
			continue
		}
		raw, err := readImage(example.Image, limit-kept)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text.Name(example.Name), err)
		}
		if kept += int64(len(raw)); kept > limit {
			return nil, &LargeSetError{Source: set.Source(), Limit: limit}
		}
		g.packed = append(g.packed, raw)
	}
	return g, nil
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
func (g *Gallery) Len() int { return len(g.images) }

// Counts returns the number of pictures of each of some classes.
func (g *Gallery) Counts(classes int) []int {
	counts := make([]int, classes)
	for _, class := range g.class {
		counts[class]++
	}
	return counts
}

// Picture implements [Pictures]. Its errors are a *[preprocess.FileError].
func (g *Gallery) Picture(_ context.Context, epoch, index int, pixels []float32) (int, error) {
	err := g.prepare(epoch, index, pixels)
	if err != nil {
		return 0, &preprocess.FileError{Path: g.images[index].Name, Err: err}
	}
	return g.class[index], nil
}

func (g *Gallery) prepare(epoch, index int, pixels []float32) error {
	var file io.Reader
	if g.packed != nil {
		file = bytes.NewReader(g.packed[index])
	} else {
		opened, err := g.images[index].Open()
		if err != nil {
			return err
		}
		defer opened.Close()
		file = opened
	}
	if g.Augment == nil {
		_, err := preprocess.PrepareInto(pixels, g.recipe, file)
		return err
	}
	decode := preprocess.Decode
	if g.recipe.Orientation == card.Upright {
		decode = preprocess.DecodeUpright
	}
	picture, err := decode(file)
	if err != nil {
		return err
	}
	augmented, err := g.Augment(picture, epoch, index)
	copy(pixels, augmented)
	return err
}
