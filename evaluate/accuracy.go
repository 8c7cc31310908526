package evaluate

import (
	"math"
	"slices"
)

// Accuracy says for how many images the most probable class was the right one, and for how many the right one was among the five most probable.
type Accuracy struct {
	// Images is the number of images that could be read.
	Images int `json:"images"`
	// Top1 and Top5 are the numbers of such images.
	Top1 int `json:"top1_correct"`
	Top5 int `json:"top5_correct"`
	// Share1 and Share5 are Top1 and Top5 divided by Images; 0 if there are no images.
	Share1 float64 `json:"top1"`
	Share5 float64 `json:"top5"`
}

// Score counts right answers. The zero value is ready to use.
type Score struct{ images, top1, top5 int }

// Add counts one image by its logits and its right class. Logits with a NaN count as wrong.
func (s *Score) Add(logits []float64, class int) {
	if class < 0 || class >= len(logits) || slices.ContainsFunc(logits, math.IsNaN) {
		s.count(0)
		return
	}
	s.count(rank(logits, class))
}

// count counts one image by the place of its right class, from 1; 0 if it has none.
func (s *Score) count(rank int) {
	s.images++
	if rank == 1 {
		s.top1++
	}
	if rank >= 1 && rank <= shown {
		s.top5++
	}
}

// Accuracy returns the result for the images counted so far.
func (s *Score) Accuracy() Accuracy {
	result := Accuracy{Images: s.images, Top1: s.top1, Top5: s.top5}
	if s.images > 0 {
		result.Share1 = float64(s.top1) / float64(s.images)
		result.Share5 = float64(s.top5) / float64(s.images)
	}
	return result
}
