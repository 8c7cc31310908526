package dataset

import (
	"encoding/json"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/vocabulary"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// RealLabels are labels of ImageNet's validation set that people collected again: for each image all classes that it shows, perhaps none. Source:
// google-research/reassessed-imagenet, real.json.
type RealLabels struct {
	file   string
	digest string
	labels [][]int
}

// maxReal bounds a file of such labels, in bytes. That of the authors has 0.4 million.
const maxReal = 64 << 20

// ReadRealLabels reads a JSON list with a list of classes for each image, in the order of the numbers in ILSVRC2012_val_00000001.JPEG and so on. Errors are a
// *[fs.PathError], a *[disk.TooLargeError] or a *[RealError].
func ReadRealLabels(path string) (*RealLabels, error) {
	raw, err := disk.ReadFile(path, maxReal)
	if err != nil {
		return nil, err
	}
	r := &RealLabels{file: path, digest: digestOf(raw)}
	if err := json.Unmarshal(raw, &r.labels); err != nil {
		return nil, &RealError{File: path, Reason: fmt.Sprintf("not a list of lists of numbers: %v", text.JSONError(err)), Advice: realAdvice}
	}
	classes := len(vocabulary.ByName(vocabulary.ImageNet1k).IDs())
	for i, labels := range r.labels {
		for _, class := range labels {
			if class < 0 || class >= classes {
				return nil, &RealError{File: path, Reason: fmt.Sprintf("image %d has the class %d, which ImageNet-1k does not have", i+1, class), Advice: realAdvice}
			}
		}
		if labels == nil {
			r.labels[i] = []int{}
		}
	}
	return r, nil
}

// digestOrNone returns the digest of the file, or an empty text without one.
func (r *RealLabels) digestOrNone() string {
	if r == nil {
		return ""
	}
	return r.digest
}

// realAdvice says where such a file comes from.
const realAdvice = "the file is real.json of google-research/reassessed-imagenet"

// check returns a *[RealError] unless the logits of the model are the classes of ImageNet-1k.
func (r *RealLabels) check(m *matcher) error {
	switch {
	case m.vocabulary != nil && m.vocabulary.Name() == vocabulary.ImageNet1k:
		return nil
	case len(m.labels) == 0 && vocabulary.Sized(m.model.Classes) == vocabulary.ImageNet1k:
		return &RealError{r.file, "these labels are classes of ImageNet-1k, and nobody states that the model has those", "if it has, state the names of its classes", true}
	}
	return &RealError{File: r.file, Reason: "these labels are classes of ImageNet-1k, which are not those of the model", Advice: "leave the labels out"}
}

// of returns the labels of an image. The error is a *[RealError] if its name does not say which one it is.
func (r *RealLabels) of(name string) ([]int, error) {
	number := numberOf(name)
	if number == 0 || number > len(r.labels) {
		return nil, &RealError{
			File: r.file, Reason: fmt.Sprintf("it has no labels for the image %s", text.Quote(name)),
			Advice: "these labels go with the images of ImageNet's validation set, ILSVRC2012_val_00000001.JPEG and so on",
		}
	}
	return r.labels[number-1], nil
}
