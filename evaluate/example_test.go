package evaluate_test

import (
	"fmt"

	"github.com/beitzoo/beitzoo/evaluate"
)

// Computes the accuracy of logits that any program computed for a data set.
func ExampleScore() {
	classes := []int{0, 0, 1}
	logits := [][]float64{{2.5, 0.1}, {0.3, 0.4}, {-1, 1}}
	var score evaluate.Score
	for i, class := range classes {
		score.Add(logits[i], class)
	}
	result := score.Accuracy()
	fmt.Printf("top-1 %d of %d\n", result.Top1, result.Images)
	// Output: top-1 2 of 3
}
