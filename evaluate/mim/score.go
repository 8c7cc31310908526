package mim

import (
	"math"
	"slices"
)

// Score says how many tokens a model recovered.
type Score struct {
	// Masked is the number of masked patches, Right how many of their tokens the model gave the highest logit, and Accuracy their share.
	Masked   int     `json:"masked_patches"`
	Right    int     `json:"masked_right"`
	Accuracy float64 `json:"masked_accuracy"`
	// StandardError is that of Accuracy. The patches of one image are not independent of each other: it is computed from the images. It is 0 for one image.
	StandardError float64 `json:"standard_error"`
	// Loss is the mean cross entropy of the right tokens of masked patches, with the natural logarithm.
	Loss float64 `json:"masked_loss"`
	// Unmasked, UnmaskedRight and UnmaskedAccuracy are the same of the patches that the model saw, on which it was not trained.
	Unmasked         int     `json:"unmasked_patches"`
	UnmaskedRight    int     `json:"unmasked_right"`
	UnmaskedAccuracy float64 `json:"unmasked_accuracy"`
}

// Levels are what a model that learnt nothing reaches.
type Levels struct {
	// Chance is the accuracy of guessing, and Uniform the loss if all tokens are equally probable.
	Chance  float64 `json:"chance"`
	Uniform float64 `json:"uniform_loss"`
	// Frequent is the most frequent token of masked patches, and FrequentShare the accuracy of always saying it.
	Frequent      int32   `json:"most_frequent_token"`
	FrequentShare float64 `json:"most_frequent_accuracy"`
	// Distinct is the number of different tokens of masked patches.
	Distinct int `json:"distinct_tokens"`
}

// counter adds up.
type counter struct {
	score  Score
	loss   float64
	images int
	// squares, products and own are the sums of right², right * masked and masked² of the images.
	squares, products, own float64
}

// best returns the index of the largest logit; of equal ones the first.
func best(logits []float64) int32 {
	at := 0
	for i, v := range logits {
		if v > logits[at] {
			at = i
		}
	}
	return int32(at)
}

// crossEntropy returns minus the logarithm of the softmax of one logit.
func crossEntropy(logits []float64, right int32) float64 {
	most := slices.Max(logits)
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(v - most)
	}
	return math.Log(sum) + most - logits[right]
}

// add counts the patches of an image. logits may be nil if only the answers are known.
func (c *counter) add(ids, answers []int32, mask []bool, logits []float64) {
	right, masked := 0, 0
	for i, id := range ids {
		same := 0
		if answers[i] == id {
			same = 1
		}
		if !mask[i] {
			c.score.Unmasked++
			c.score.UnmaskedRight += same
			continue
		}
		masked++
		right += same
		if classes := len(logits) / len(ids); classes > 0 {
			c.loss += crossEntropy(logits[i*classes:(i+1)*classes], id)
		}
	}
	c.images++
	c.score.Masked += masked
	c.score.Right += right
	r, m := float64(right), float64(masked)
	c.squares, c.products, c.own = c.squares+r*r, c.products+r*m, c.own+m*m
}

// result returns the score so far.
func (c *counter) result() Score {
	s := c.score
	if s.Unmasked > 0 {
		s.UnmaskedAccuracy = float64(s.UnmaskedRight) / float64(s.Unmasked)
	}
	if s.Masked == 0 {
		return s
	}
	masked, n := float64(s.Masked), float64(c.images)
	s.Accuracy, s.Loss = float64(s.Right)/masked, c.loss/masked
	if c.images > 1 {
		p := s.Accuracy
		s.StandardError = math.Sqrt(max(0, c.squares-2*p*c.products+p*p*c.own)*n/(n-1)) / masked
	}
	return s
}

// levels returns what a model reaches that learnt nothing. counts are those of the tokens of masked patches.
func levels(counts map[int32]int, vocabulary int) Levels {
	l := Levels{Chance: 1 / float64(vocabulary), Uniform: math.Log(float64(vocabulary)), Distinct: len(counts)}
	total := 0
	for id, count := range counts {
		total += count
		if most := counts[l.Frequent]; count > most || count == most && id < l.Frequent {
			l.Frequent = id
		}
	}
	if total > 0 {
		l.FrequentShare = float64(counts[l.Frequent]) / float64(total)
	}
	return l
}
