package probe

import (
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/internal/random"
)

// Data are features of pictures, and their classes.
type Data struct {
	// Width is the number of features of a picture.
	Width int
	// Features is [pictures, Width].
	Features []float64
	// Classes has the class of each picture, from 0.
	Classes []int
}

// Len returns the number of pictures.
func (d *Data) Len() int { return len(d.Classes) }

// Add adds a picture. The features are copied. It panics if there are not Width of them.
func (d *Data) Add(features []float64, class int) {
	if len(features) != d.Width {
		panic(fmt.Sprintf("probe: %d features of a picture, and not %d", len(features), d.Width))
	}
	d.Features = append(d.Features, features...)
	d.Classes = append(d.Classes, class)
}

// row returns the features of a picture, which are not to be changed.
func (d *Data) row(i int) []float64 { return d.Features[i*d.Width : (i+1)*d.Width] }

// Select returns some pictures, as new memory.
func (d *Data) Select(pictures []int) *Data {
	part := &Data{Width: d.Width, Features: make([]float64, 0, len(pictures)*d.Width), Classes: make([]int, 0, len(pictures))}
	for _, i := range pictures {
		part.Add(d.row(i), d.Classes[i])
	}
	return part
}

// counts returns how many pictures each class has.
func (d *Data) counts(classes int) []int {
	counts := make([]int, classes)
	for _, class := range d.Classes {
		counts[class]++
	}
	return counts
}

// The places of streams of random numbers, so that no two of them are the same.
const (
	drawFolds = iota + 1
	drawSplit
)

// Folds returns for each picture the fold that it is in, from 0. Each class is spread over all folds as evenly as can be, and so are all pictures; which pictures of a
// class are in which fold is drawn by the seed.
func Folds(classes []int, folds int, seed uint64) []int {
	fold := make([]int, len(classes))
	next := 0
	for class, pictures := range byClass(classes) {
		for _, at := range random.New(seed, drawFolds, uint64(class)).Permutation(len(pictures)) {
			fold[pictures[at]] = next % folds
			next++
		}
	}
	return fold
}

// Split chooses pictures to be held out, by a seed: of each class its share, rounded, but at least one if it has two or more, and never all. The results are in
// ascending order.
func Split(classes []int, share float64, seed uint64) (train, test []int) {
	for class, pictures := range byClass(classes) {
		held := int(share*float64(len(pictures)) + 0.5)
		held = min(max(held, 1), len(pictures)-1)
		for i, at := range random.New(seed, drawSplit, uint64(class)).Permutation(len(pictures)) {
			if i < held {
				test = append(test, pictures[at])
			} else {
				train = append(train, pictures[at])
			}
		}
	}
	slices.Sort(train)
	slices.Sort(test)
	return train, test
}

// byClass returns the pictures of each class, in ascending order.
func byClass(classes []int) [][]int {
	if len(classes) == 0 {
		return nil
	}
	lists := make([][]int, slices.Max(classes)+1)
	for i, class := range classes {
		lists[class] = append(lists[class], i)
	}
	return lists
}

// scaling makes features of mean 0 and deviation 1.
type scaling struct{ mean, deviation []float64 }

// newScaling returns that of some data. Of features that are the same for all pictures, which say nothing, the deviation is taken for infinite: they become 0, and
// so do their weights.
func newScaling(d *Data) scaling {
	s := scaling{make([]float64, d.Width), make([]float64, d.Width)}
	for i := range d.Len() {
		for j, v := range d.row(i) {
			s.mean[j] += v
		}
	}
	for j := range s.mean {
		s.mean[j] /= float64(d.Len())
	}
	for i := range d.Len() {
		for j, v := range d.row(i) {
			s.deviation[j] += float64((v - s.mean[j]) * (v - s.mean[j]))
		}
	}
	for j, v := range s.deviation {
		if s.deviation[j] = math.Sqrt(v / float64(d.Len())); s.deviation[j] <= tiny*(1+math.Abs(s.mean[j])) {
			s.deviation[j] = math.Inf(1)
		}
	}
	return s
}

// tiny is what rounding leaves of the deviation of a constant, relative to it.
const tiny = 1e-13

// apply returns data with scaled features.
func (s scaling) apply(d *Data) *Data {
	scaled := &Data{d.Width, make([]float64, len(d.Features)), d.Classes}
	for i := range d.Len() {
		into := scaled.row(i)
		for j, v := range d.row(i) {
			into[j] = (v - s.mean[j]) / s.deviation[j]
		}
	}
	return scaled
}

// unscaled returns the head that gives the same logits for features as they were as h gives for scaled ones.
func (s scaling) unscaled(h *Head) *Head {
	out := &Head{h.Classes, h.Width, make([]float64, len(h.Weight)), slices.Clone(h.Bias)}
	for k := range h.Classes {
		for j := range h.Width {
			at := k*h.Width + j
			out.Weight[at] = h.Weight[at] / s.deviation[j]
			out.Bias[k] -= float64(out.Weight[at] * s.mean[j])
		}
	}
	return out
}
