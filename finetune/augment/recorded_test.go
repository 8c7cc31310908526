package augment_test

import (
	"os"
	"testing"

	"github.com/beitzoo/beitzoo/finetune/augment/augmenttest"
)

// TestOperations_MatchPillowAndTimm compares with what Pillow, timm and torch made of pictures and batches, to the bit.
func TestOperations_MatchPillowAndTimm(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	checked, problems, err := augmenttest.Check(file)
	if err != nil || checked < 100 {
		t.Fatalf("%d cases, %v", checked, err)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}
