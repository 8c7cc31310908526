package probe

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

// Extracted are the features of a data set.
type Extracted struct {
	Data
	// Examples are the pictures of Data, which can't be opened any more.
	Examples []dataset.Example
	// Total is the number of all pictures, and Failures are about those that could not be read and are not in Data.
	Total    int
	Failures []*preprocess.FileError
	// Unturned counts the pictures that are stored otherwise than they are to be seen, and were taken as stored.
	Unturned int
}

// Unread returns a *[classify.UnreadError] about the pictures that could not be read, or nil.
func (e *Extracted) Unread() error {
	if len(e.Failures) == 0 {
		return nil
	}
	return &classify.UnreadError{Total: e.Total, Failures: e.Failures}
}

// Extract runs the pictures of a data set through a model, and keeps the input of its head: the normalised mean of the patch tokens, or the normalised class
// token. A model without a head is given one first, see package adapt: of a model for masked-image modelling that input would be a vector for each patch, for
// which Extract panics. progress, if not nil, is called with the number of pictures so far. The errors are those of [classify.Extractor.Stream].
func Extract(ctx context.Context, model *classify.Extractor, set dataset.Set, workers int, progress func(done int)) (*Extracted, error) {
	e := &Extracted{Data: Data{Width: model.Config().EmbedDim}}
	var waiting queue
	pool := engine.Stage{Kind: engine.Pool}
	stream := model.Stream(ctx, waiting.images(ctx, set), []engine.Stage{pool}, classify.StreamOptions{Workers: workers})
	for output, err := range stream {
		if err != nil {
			return nil, err
		}
		example := waiting.next()
		e.Total++
		if output.Failure != nil {
			e.Failures = append(e.Failures, output.Failure)
		} else {
			if len(output.Activations[pool].Values) != e.Width {
				panic(fmt.Sprintf("probe: %s of %s instead of one vector", pool, output.Activations[pool].Shape))
			}
			e.Add(output.Activations[pool].Values, example.Class)
			e.Examples = append(e.Examples, example)
		}
		if output.Unturned != 0 {
			e.Unturned++
		}
		if progress != nil {
			progress(e.Total)
		}
	}
	return e, nil
}

// queue has the pictures of which the outputs are still to come, in order, without what opens them, which may hold the file.
type queue struct {
	mu       sync.Mutex
	examples []dataset.Example
}

// images yields the pictures of a set.
func (q *queue) images(ctx context.Context, set dataset.Set) iter.Seq2[classify.Image, error] {
	return func(yield func(classify.Image, error) bool) {
		for example, err := range set.Examples(ctx) {
			image := example.Image
			example.Open = nil
			q.mu.Lock()
			q.examples = append(q.examples, example)
			q.mu.Unlock()
			if !yield(image, err) || err != nil {
				return
			}
		}
	}
}

// next returns the picture of the next output.
func (q *queue) next() dataset.Example {
	q.mu.Lock()
	defer q.mu.Unlock()
	example := q.examples[0]
	q.examples = q.examples[1:]
	return example
}
