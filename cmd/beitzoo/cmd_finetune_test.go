package main

import (
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

// TestClassNames makes sure that the names of classes are in the order of the logits, and not in that of the names.
func TestClassNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		names  []string
		logits []int
		of     int
		want   []string
	}{
		{[]string{"0", "1", "10", "2"}, []int{0, 1, 3, 2}, 4, []string{"0", "1", "2", "10"}},
		{[]string{"cat", "dog"}, []int{2, 0}, 3, []string{"dog", "class 1", "cat"}},
		{[]string{"cat", "kitten", "none"}, []int{0, 0, -1}, 1, []string{"cat"}},
	} {
		if got := classNames(dataset.Mapping{Names: c.names, Logits: c.logits, Of: c.of}); !slices.Equal(got, c.want) {
			t.Errorf("%q at %v: %q, want %q", c.names, c.logits, got, c.want)
		}
	}
}
