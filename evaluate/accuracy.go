package evaluate

import (
	"context"
	"slices"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/internal/topk"
)

// Accuracy is how often the right class was the best one, and how often it was among the best five.
type Accuracy struct {
	Images int `json:"images"`
	// Top1 and Top5 are numbers of images.
	Top1 int `json:"top1_correct"`
	Top5 int `json:"top5_correct"`
	// Share1 and Share5 are Top1 and Top5 divided by Images; 0 if there are no images.
	Share1 float64 `json:"top1"`
	Share5 float64 `json:"top5"`
}

// Score counts right answers. The zero value has counted none.
type Score struct{ images, top1, top5 int }

// Add counts one image: its logits, and the class that it has. A row with a NaN has no best class, so it is wrong.
func (s *Score) Add(logits []float64, class int) {
	best := topk.Of(logits, 5)
	s.images++
	if len(best) > 0 && best[0] == class {
		s.top1++
	}
	if slices.Contains(best, class) {
		s.top5++
	}
}

// Accuracy returns what was counted so far.
func (s *Score) Accuracy() Accuracy {
	result := Accuracy{Images: s.images, Top1: s.top1, Top5: s.top5}
	if s.images > 0 {
		result.Share1 = float64(s.top1) / float64(s.images)
		result.Share5 = float64(s.top5) / float64(s.images)
	}
	return result
}

// Options say how an evaluation goes.
type Options struct {
	// Progress is called after each batch with the number of images that are done, and of all; nil for nobody.
	Progress func(done, total int)
}

// Classification runs every image of a data set through a classifier and returns its accuracy. At no time are there more images in memory than one
// batch of the classifier. The errors are those of [classify.Classifier.FS]; more classes than the model has are a *[ClassesError].
func Classification(ctx context.Context, classifier *classify.Classifier, data *Dataset, options Options) (Accuracy, error) {
	if classes := classifier.Config().Classes; len(data.Classes) > classes {
		return Accuracy{}, &ClassesError{Folders: len(data.Classes), Classes: classes}
	}
	var score Score
	names, size := data.Names(), max(1, classifier.BatchSize)
	for from := 0; from < len(names); from += size {
		to := min(len(names), from+size)
		rows, err := classifier.FS(ctx, data.FS, names[from:to])
		if err != nil {
			return Accuracy{}, err
		}
		for i, row := range rows {
			score.Add(row, data.Images[from+i].Class)
		}
		if options.Progress != nil {
			options.Progress(to, len(names))
		}
	}
	return score.Accuracy(), nil
}
