package dataset_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

// tenImages returns a list of images 0 to 9, of classes 0, 1, 2, 0, 1, 2, ...
func tenImages() *dataset.List {
	var examples []dataset.Example
	for i := range 10 {
		examples = append(examples, dataset.Example{Image: classify.Image{Name: fmt.Sprint(i)}, Class: i % 3})
	}
	return dataset.NewList("ten", examples, dataset.Mapping{Of: 3})
}

// The parts of a list have all of its examples, each once and with its place in the whole, and the digest of the whole.
func TestList_Shards(t *testing.T) {
	t.Parallel()
	whole := tenImages()
	for n := 1; n <= 12; n++ {
		var indices []int
		for i := range n {
			part := whole.Shard(i, n)
			count := 0
			for e, err := range part.Examples(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Name != fmt.Sprint(e.Index) || e.Class != e.Index%3 {
					t.Errorf("%d of %d: %+v", i, n, e)
				}
				indices, count = append(indices, e.Index), count+1
			}
			if count != part.Len() || part.Digest() != whole.Digest() || part.Source() != "ten" {
				t.Errorf("%d of %d: %d of %d, %s", i, n, count, part.Len(), part.Digest())
			}
		}
		slices.Sort(indices)
		if !slices.Equal(indices, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("%d parts have %v", n, indices)
		}
	}
}

// The digest was computed by Python's hashlib, from the digests of lines such as: 0 "0" 0 []
func TestList_Digest(t *testing.T) {
	t.Parallel()
	if got := tenImages().Digest(); got != "sha256:c2497fa3b0f4db624551b08dfc26f859de07114a5b69ad421d65c708bbd410b9" {
		t.Error(got)
	}
}
