package evaluate

import (
	"context"
	"errors"
	"slices"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/internal/topk"
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
	best := topk.Of(logits, 5)
	s.images++
	if len(best) > 0 && best[0] == class {
		s.top1++
	}
	if slices.Contains(best, class) {
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

// Options are the options of an evaluation.
type Options struct {
	// Progress, if not nil, is called after each batch with the number of images done and the number of all images.
	Progress func(done, total int)
}

// Classification runs every image of a data set through a classifier and returns its accuracy. It keeps only one batch of images in memory. If the data set
// has more classes than the model, the error is a *[ClassesError]. If some images cannot be read, the accuracy is that for the others, and the error a
// *[classify.UnreadError], unless the classifier is Strict. Other errors are those of [classify.Classifier.FS].
func Classification(ctx context.Context, classifier *classify.Classifier, data *Dataset, options Options) (Accuracy, error) {
	if classes := classifier.Config().Classes; len(data.Classes) > classes {
		return Accuracy{}, &ClassesError{Folders: len(data.Classes), Classes: classes}
	}
	var score Score
	names, size := data.Names(), max(1, classifier.BatchSize)
	all := &classify.UnreadError{Total: len(names)}
	for from := 0; from < len(names); from += size {
		to := min(len(names), from+size)
		rows, err := classifier.FS(ctx, data.FS, names[from:to])
		unread := (*classify.UnreadError)(nil)
		switch {
		case errors.As(err, &unread):
			all.Failures = append(all.Failures, unread.Failures...)
		case err != nil:
			return Accuracy{}, err
		}
		for i, row := range rows {
			if row != nil {
				score.Add(row, data.Images[from+i].Class)
			}
		}
		if options.Progress != nil {
			options.Progress(to, len(names))
		}
	}
	if len(all.Failures) > 0 {
		return score.Accuracy(), all
	}
	return score.Accuracy(), nil
}
