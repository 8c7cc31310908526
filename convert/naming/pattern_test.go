package naming

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPatternsOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, pattern string
		block         int
	}{
		{"blocks.11.gamma_1", "blocks.{i}.gamma_1", 11},
		{"block_3/mlp/dense_0/kernel", "block_{i}/mlp/dense_0/kernel", 3},
		{"encoderblock_3", "encoderblock_{i+1}", 2},
		{"layer_07/w", "layer_{i:02}/w", 7},
		{"layer_12/w", "layer_{i:02}/w", 12},
		{"layer_112/w", "layer_{i:02}/w", 112},
		{"layer_08/w", "layer_{i+1:02}/w", 7},
		{"stages.0.blocks.4.x", "stages.0.blocks.{i}.x", 4},
		{"cls_token", "cls_token", -1},
	} {
		found := false
		for pattern, block := range patternsOf(c.name) {
			if pattern == c.pattern && block == c.block {
				found = true
			}
			if block >= 0 && fill(pattern, block) != c.name {
				t.Errorf("%s: %s of block %d is written %s", c.name, pattern, block, fill(pattern, block))
			}
		}
		if !found {
			t.Errorf("%s is not an instance of %s with block %d", c.name, c.pattern, c.block)
		}
	}
	for _, c := range []struct{ name, never string }{
		{"layer_07/w", "layer_{i}/w"}, {"layer_7/w", "layer_{i:02}/w"}, {"layer_112/w", "layer_{i:04}/w"}, {"layer_0", "layer_{i+1}"}, {"blocks.{i}.gamma_1", "blocks.{i}.gamma_1"},
	} {
		for pattern := range patternsOf(c.name) {
			if pattern == c.never {
				t.Errorf("%s is taken for %s", c.name, c.never)
			}
		}
	}
	count := 0
	for range patternsOf(strings.Repeat("1.", 10_000)) {
		count++
	}
	if count > 1+2*mostRuns {
		t.Errorf("a name of many numbers has %d patterns", count)
	}
}

func TestMatchesGlob(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern string
		yes, no []string
	}{
		{"criterion.*", []string{"criterion.weight", "criterion.a.b/c"}, []string{"criterion", "my.criterion.weight"}},
		{"*.num_batches_tracked", []string{"a.b.num_batches_tracked"}, []string{"num_batches_tracked"}},
		{"*", []string{"", "a"}, nil},
		{"a?c*d*", []string{"abcd", "a.cxdy"}, []string{"acd", "abc"}},
		{"", []string{""}, []string{"a"}},
	} {
		if at := slices.IndexFunc(c.yes, func(name string) bool { return !MatchesGlob(c.pattern, name) }); at >= 0 {
			t.Errorf("%q does not match %q", c.pattern, c.yes[at])
		}
		if at := slices.IndexFunc(c.no, func(name string) bool { return MatchesGlob(c.pattern, name) }); at >= 0 {
			t.Errorf("%q matches %q", c.pattern, c.no[at])
		}
	}
	start := time.Now()
	if MatchesGlob(strings.Repeat("*a", 100), strings.Repeat("a", 10_000)+"b") {
		t.Error("a name that ends otherwise matches")
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("a hostile pattern takes %s", took)
	}
}
