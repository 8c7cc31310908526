package classify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/internal/topk"
)

// Class is a class with its probability for an image.
type Class struct {
	// Index is the index of its logit.
	Index int `json:"class"`
	// Label is its name, or empty if it is not known.
	Label string `json:"label,omitempty"`
	// Probability is between 0 and 1.
	Probability float64 `json:"probability"`
}

// String returns the form "tabby (class 281)", or "class 281" without a label.
func (c Class) String() string {
	if c.Label == "" {
		return "class " + strconv.Itoa(c.Index)
	}
	return fmt.Sprintf("%s (class %d)", c.Label, c.Index)
}

// Prediction has the most probable classes of an image.
type Prediction struct {
	// Image is the path of the file.
	Image string `json:"image"`
	// Top are these classes, the most probable first.
	Top []Class `json:"top"`
	// Unturned is that of the [Output].
	Unturned int `json:"unturned,omitempty"`
}

// Predict classifies image files and returns the n most probable classes of each, in the order of paths. Files that cannot be read are left out, and named in an
// *[UnreadError], which comes with the predictions for the others. The errors are those of [Classifier.Files].
func (c *Classifier) Predict(ctx context.Context, paths []string, n int) ([]Prediction, error) {
	outputs, err := c.outputs(ctx, len(paths), c.files(paths))
	if unread := (*UnreadError)(nil); err != nil && !errors.As(err, &unread) {
		return nil, err
	}
	predictions := make([]Prediction, 0, len(outputs))
	for _, output := range outputs {
		if output.Failure == nil {
			predictions = append(predictions, Prediction{Image: output.Name, Top: c.Top(output.Logits, n), Unturned: output.Unturned})
		}
	}
	return predictions, err
}

// Top returns the n most probable classes for a row of finite logits of this classifier, the most probable first; all classes if there are fewer. Equal ones
// are in the order of their indices.
func (c *Classifier) Top(logits []float64, n int) []Class {
	probabilities := c.Function().Apply(logits)
	indices := topk.Of(logits, max(0, n))
	best := make([]Class, len(indices))
	for i, class := range indices {
		best[i] = Class{Index: class, Probability: probabilities[class]}
		if class < len(c.card.Labels) {
			best[i].Label = c.card.Labels[class]
		}
	}
	return best
}

// Function is what turns logits into probabilities.
type Function string

// The functions.
const (
	// SoftmaxFunction makes probabilities that sum to 1, for models of which one class is the right one.
	SoftmaxFunction Function = "softmax"
	// SigmoidFunction makes a probability of each logit by itself, for models whose classes are independent, or that have only one.
	SigmoidFunction Function = "sigmoid"
)

// FunctionFor returns the function for the logits of a model, as the image classification pipeline of transformers chooses it. Source:
// huggingface/transformers pipelines/image_classification.py, postprocess.
func FunctionFor(problem card.Problem, classes int) Function {
	if problem == card.MultiLabel || classes == 1 {
		return SigmoidFunction
	}
	return SoftmaxFunction
}

// Apply returns the probabilities of finite logits, in a new slice.
func (f Function) Apply(logits []float64) []float64 {
	if f == SigmoidFunction {
		return Sigmoid(logits)
	}
	return Softmax(logits)
}

// Sigmoid returns the probabilities of finite logits, each by itself, in a new slice. Large logits do not overflow.
func Sigmoid(logits []float64) []float64 {
	probabilities := make([]float64, len(logits))
	for i, v := range logits {
		if small := math.Exp(-math.Abs(v)); v < 0 {
			probabilities[i] = small / (1 + small)
		} else {
			probabilities[i] = 1 / (1 + small)
		}
	}
	return probabilities
}

// Softmax returns the probabilities of finite logits, in a new slice. They sum to 1 apart from rounding, and large logits do not overflow.
func Softmax(logits []float64) []float64 {
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
