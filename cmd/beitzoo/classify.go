package main

import (
	"context"
	"io/fs"
	"math"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/topk"
)

// batchSize is how many images go through a model at once.
const batchSize = 8

// classifier is a loaded model with the preprocessing that it wants.
type classifier struct {
	model  engine.Model
	recipe card.Recipe
	// labels name the classes; nil where nobody did.
	labels []string
}

// logits gives the scores of each image: one row for each name, in order. done is called after each batch with the number of images so far.
func (k classifier) logits(ctx context.Context, images fs.FS, names []string, done func(int)) ([][]float64, error) {
	var rows [][]float64
	for from := 0; from < len(names); from += batchSize {
		batch := names[from:min(len(names), from+batchSize)]
		pixels, err := preprocess.FS(ctx, k.recipe, images, batch)
		if err != nil {
			return nil, err
		}
		result, err := k.model.Forward(ctx, engine.Input{Pixels: pixels}, nil)
		if err != nil {
			return nil, err
		}
		classes := len(result.Values) / len(batch)
		for i := range batch {
			rows = append(rows, result.Values[i*classes:(i+1)*classes])
		}
		done(len(rows))
	}
	return rows, nil
}

// ranked is a class with its probability.
type ranked struct {
	Class       int     `json:"class"`
	Label       string  `json:"label,omitempty"`
	Probability float64 `json:"probability"`
}

// rank gives the n most probable classes.
func rank(logits []float64, n int, labels []string) []ranked {
	probabilities := softmax(logits)
	var best []ranked
	for _, class := range topk.Of(logits, n) {
		r := ranked{Class: class, Probability: probabilities[class]}
		if class < len(labels) {
			r.Label = labels[class]
		}
		best = append(best, r)
	}
	return best
}

func softmax(logits []float64) []float64 {
	largest := math.Inf(-1)
	for _, v := range logits {
		largest = max(largest, v)
	}
	var sum float64
	probabilities := make([]float64, len(logits))
	for i, v := range logits {
		probabilities[i] = math.Exp(v - largest)
		sum += probabilities[i]
	}
	for i := range probabilities {
		probabilities[i] /= sum
	}
	return probabilities
}
