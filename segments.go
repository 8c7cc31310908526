package beitzoo

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/convert"
)

// Segmenter says of each pixel of a picture what it shows. It may be used from several goroutines at once.
type Segmenter struct {
	*segment.Segmenter
	// Labels are the names of the classes, or nil.
	Labels []string
	// Palette are the colours of the classes, or nil.
	Palette []card.Colour
	// Assumed says that nobody states the recipe, which is then that of microsoft/unilm for windows of the size.
	Assumed bool
	// Weights are those that were opened.
	Weights
	// Digest is "sha256:" and the digest of the parameters, see [convert.Digest]; empty if it was not asked for.
	Digest string
	// Source says how the checkpoint was read, and what was guessed.
	Source convert.Input
	// Notes are remarks for people.
	Notes []string

	loaded engine.Model
}

// Close is that of [Model].
func (s *Segmenter) Close() error { return s.loaded.Close() }

// LoadSegmenter opens weights of a BEiT with UPerNet and loads them into an engine. recipe is the name of one of package segment, that which
// [segment.RecipeFor] gives the weights, or empty. The caller closes the segmenter. Errors are those of [convert.Open], [segment.RecipeByName], [segment.New] and the engine.
func LoadSegmenter(ctx context.Context, weights Weights, recipe string, how segment.Options, options Options) (*Segmenter, error) {
	opened, err := weights.Open(ctx, options.Checkpoint)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	s := &Segmenter{Palette: opened.Palette, Notes: opened.Notes, Assumed: recipe == "", Weights: weights, Source: opened.Input()}
	if known := opened.Card(); !card.Placeholder(known.Labels) {
		s.Labels = known.Labels
	}
	view, _ := segment.RecipeFor(opened.Config)
	if recipe != "" && recipe != view.Name { // also that of a size for which nothing was released, as it is printed
		if view, err = segment.RecipeByName(recipe); err != nil {
			return nil, err
		}
	}
	if _, err := segment.New(nil, opened.Config, view, how); err != nil {
		return nil, fmt.Errorf("%s: %w", weights.name(), err)
	}
	if options.Digest {
		if s.Digest, err = digestOf(ctx, opened.Tensors); err != nil {
			return nil, err
		}
	}
	if s.loaded, err = loadInto(ctx, opened, options); err != nil {
		return nil, err
	}
	s.Segmenter, err = segment.New(s.loaded, opened.Config, view, how)
	return s, err
}
