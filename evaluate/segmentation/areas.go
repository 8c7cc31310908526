package segmentation

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// Share is a part of a whole, from 0 to 1; NaN if the whole is nothing, which is null in JSON.
type Share float64

// MarshalJSON implements json.Marshaler.
func (s Share) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(s)) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(s), 'g', -1, 64), nil
}

// Known reports whether there is a whole of which it is a part.
func (s Share) Known() bool { return !math.IsNaN(float64(s)) }

func shareOf(part, whole int64) Share { return Share(float64(part) / float64(whole)) }

// Area is how many pixels a class has: by the labels, by the model, and by both.
type Area struct {
	Labelled     int64 `json:"labelled"`
	Predicted    int64 `json:"predicted"`
	Intersection int64 `json:"intersection"`
}

// IoU returns the intersection over the union; NaN for a class that neither has.
func (a Area) IoU() Share { return shareOf(a.Intersection, a.Labelled+a.Predicted-a.Intersection) }

// Accuracy returns the share of the labelled pixels that the model found; NaN for a class without any.
func (a Area) Accuracy() Share { return shareOf(a.Intersection, a.Labelled) }

// Figures are what open-mmlab/mmsegmentation's IoUMetric prints (mmseg/evaluation/metrics/iou_metric.py), over the areas of all pictures. They are computed in float64
// from exact areas, where it has float32.
type Figures struct {
	// MeanIoU is over all classes that labels or predictions have, MeanAccuracy over those that labels have, and Accuracy is over all pixels.
	MeanIoU      Share `json:"miou"`
	MeanAccuracy Share `json:"macc"`
	Accuracy     Share `json:"aacc"`
}

// figuresOf returns the figures of areas by class.
func figuresOf(areas []Area) Figures {
	var ious, accuracies []Share
	var right, all int64
	for _, a := range areas {
		ious, accuracies = append(ious, a.IoU()), append(accuracies, a.Accuracy())
		right, all = right+a.Intersection, all+a.Labelled
	}
	return Figures{MeanIoU: mean(ious), MeanAccuracy: mean(accuracies), Accuracy: shareOf(right, all)}
}

// mean returns the mean of those that are known; NaN if none is.
func mean(shares []Share) Share {
	sum, known := Share(0), 0
	for _, s := range shares {
		if s.Known() {
			sum += s
			known++
		}
	}
	return sum / Share(known)
}

// count returns how many pixels of a class were taken for a class, the label, the prediction and their number, in the order of the classes, and how many do not count.
func count(predicted []uint32, labels []uint8, table [256]int) (pairs [][3]int, ignored int) {
	counts := map[[2]int]int{}
	for i, class := range predicted {
		if label := table[labels[i]]; label == unlabelled {
			ignored++
		} else {
			counts[[2]int{label, int(class)}]++
		}
	}
	for key, n := range counts {
		pairs = append(pairs, [3]int{key[0], key[1], n})
	}
	slices.SortFunc(pairs, comparePairs)
	return pairs, ignored
}

func comparePairs(a, b [3]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }

// addPair adds the pixels of a pair of classes to their areas.
func addPair(areas []Area, p [3]int) {
	n := int64(p[2])
	areas[p[0]].Labelled += n
	areas[p[1]].Predicted += n
	if p[0] == p[1] {
		areas[p[0]].Intersection += n
	}
}
