package evaluate_test

import (
	"fmt"
	"testing/fstest"

	"github.com/beitzoo/beitzoo/evaluate"
)

// Computes the accuracy of logits that any program computed for a data set.
func ExampleScore() {
	files := fstest.MapFS{"cat/1.jpg": {}, "cat/2.jpg": {}, "dog/3.jpg": {}}
	data, err := evaluate.ClassFolders(files)
	if err != nil {
		fmt.Println(err)
		return
	}
	logits := [][]float64{{2.5, 0.1}, {0.3, 0.4}, {-1, 1}}
	var score evaluate.Score
	for i, img := range data.Images {
		score.Add(logits[i], img.Class)
	}
	result := score.Accuracy()
	fmt.Printf("%v: top-1 %d of %d\n", data.Classes, result.Top1, result.Images)
	// Output: [cat dog]: top-1 2 of 3
}
