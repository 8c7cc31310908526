package verify

import (
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/topk"
)

// Sample is one of the images, and what both sides take it for.
type Sample struct {
	// Image is the index of the image.
	Image int
	// Pixels are the normalised input of the model, [Channels, Height, Width], row-major. They may be those of the recording: nobody changes them.
	Pixels                  []float32
	Channels, Height, Width int
	// Got and Want are the most probable classes of subject and reference, at most 5, the most probable first. They are nil if logits were not compared, are
	// those of patches, or are not finite.
	Got, Want []Score
}

// Differs reports whether subject and reference take the image for different classes.
func (s Sample) Differs() bool {
	return len(s.Got) > 0 && len(s.Want) > 0 && s.Got[0].Class != s.Want[0].Class
}

// Score is the logit of a class, and its share in the softmax over all classes.
type Score struct {
	Class              int
	Logit, Probability float64
}

const (
	// mostSamples bounds the number of samples of a result.
	mostSamples = 8
	// mostScores bounds the number of scores of each side.
	mostScores = 5
)

// sampler collects samples, batch by batch.
type sampler struct {
	config  arch.Config
	samples []Sample
}

// begin adds the images [from, to), which input holds.
func (s *sampler) begin(from, to int, input engine.Input) {
	c := s.config
	if c.Kind == arch.DVAEDecoder {
		return // it sees no images
	}
	one := c.Channels * c.ImageHeight * c.ImageWidth
	for n := range to - from {
		sample := Sample{Image: from + n, Channels: c.Channels, Height: c.ImageHeight, Width: c.ImageWidth}
		if (n+1)*one <= len(input.Pixels) { // else the engine says what is wrong
			sample.Pixels = input.Pixels[n*one : (n+1)*one]
		}
		s.samples = append(s.samples, sample)
	}
}

// score adds the classes of the images of the last begin. got and want are logits of the same shape.
func (s *sampler) score(got, want *engine.Activation) {
	if len(got.Shape) != 2 || got.Shape[1] < 1 || got.Shape[0] > len(s.samples) {
		return
	}
	images, classes := got.Shape[0], got.Shape[1]
	for n := range images {
		row := &s.samples[len(s.samples)-images+n]
		row.Got, row.Want = scores(got.Values[n*classes:(n+1)*classes]), scores(want.Values[n*classes:(n+1)*classes])
	}
}

// end leaves out what is too much: first images for which both sides have the same class, since the others say more.
func (s *sampler) end() {
	for len(s.samples) > mostSamples {
		at := len(s.samples) - 1
		for i, sample := range slices.Backward(s.samples) {
			if !sample.Differs() {
				at = i
				break
			}
		}
		s.samples = slices.Delete(s.samples, at, at+1)
	}
}

// scores returns the most probable classes, or nil if a logit is not finite.
func scores(logits []float64) []Score {
	best := topk.Of(logits, mostScores)
	if len(best) == 0 {
		return nil
	}
	largest, sum := logits[best[0]], 0.0
	for _, logit := range logits {
		if math.IsInf(logit, 0) {
			return nil
		}
		sum += math.Exp(logit - largest)
	}
	all := make([]Score, len(best))
	for i, class := range best {
		all[i] = Score{Class: class, Logit: logits[class], Probability: math.Exp(logits[class]-largest) / sum}
	}
	return all
}
