package probe

import "math"

// Score says how good a head is.
type Score struct {
	// Images is the number of pictures, and Right that of those whose class was the most probable; of classes that are equally probable the first counts.
	Images int `json:"images"`
	Right  int `json:"correct"`
	// Share is Right divided by Images, and StandardError that of Share, as of independent pictures: the root of Share (1 - Share) / Images.
	Share         float64 `json:"accuracy"`
	StandardError float64 `json:"standard_error"`
	// Loss is the mean cross-entropy, in natural units.
	Loss float64 `json:"loss"`
	// Hits says of each picture whether it was right.
	Hits []bool `json:"-"`
}

// ScoreOf scores a head on pictures. Of none, all figures are 0.
func ScoreOf(h *Head, d *Data) Score {
	s := Score{Images: d.Len()}
	r := make([]float64, h.Classes)
	for i := range d.Len() {
		h.logits(r, d.row(i))
		best := 0
		for k, logit := range r {
			if logit > r[best] {
				best = k
			}
		}
		s.Loss += residuals(r, d.Classes[i])
		s.Hits = append(s.Hits, best == d.Classes[i])
	}
	s.finish()
	if s.Images > 0 {
		s.Loss /= float64(s.Images)
	}
	return s
}

// finish sets what follows from the hits.
func (s *Score) finish() {
	for _, hit := range s.Hits {
		if hit {
			s.Right++
		}
	}
	if s.Images > 0 {
		n := float64(s.Images)
		s.Share = float64(s.Right) / n
		s.StandardError = math.Sqrt(s.Share * (1 - s.Share) / n)
	}
}

// Frequent returns the share of pictures of one data set whose class is the most frequent one of another, the first of several, and that class.
func Frequent(train, test *Data, classes int) (share float64, class int) {
	counts := train.counts(classes)
	for k, count := range counts {
		if count > counts[class] {
			class = k
		}
	}
	if test.Len() == 0 {
		return 0, class
	}
	return float64(test.counts(classes)[class]) / float64(test.Len()), class
}

// Difference is how much better one head is than another on the same pictures.
type Difference struct {
	// Share is the difference of the shares of right answers, and StandardError its own: as the pictures are the same, only those count on which the two differ.
	Share         float64 `json:"accuracy"`
	StandardError float64 `json:"standard_error"`
	// Only and Other are the numbers of pictures on which only the one, and only the other head was right.
	Only  int `json:"only_this_correct"`
	Other int `json:"only_other_correct"`
}

// Compare returns how much better one score is than another of the same pictures in the same order. It panics if their numbers differ.
func Compare(this, other Score) Difference {
	if len(this.Hits) != len(other.Hits) {
		panic("probe: scores of different pictures")
	}
	var d Difference
	for i, hit := range this.Hits {
		switch {
		case hit && !other.Hits[i]:
			d.Only++
		case !hit && other.Hits[i]:
			d.Other++
		}
	}
	if n := float64(len(this.Hits)); n > 0 {
		d.Share = float64(d.Only-d.Other) / n
		d.StandardError = math.Sqrt(float64(d.Only+d.Other)/n-d.Share*d.Share) / math.Sqrt(n)
	}
	return d
}
