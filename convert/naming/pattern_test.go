package naming

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/tensor"
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

// TestMatchesGlob_AsRegularExpressions compares with package regexp, on all short patterns and names of three characters.
func TestMatchesGlob_AsRegularExpressions(t *testing.T) {
	t.Parallel()
	texts := func(letters string, longest int) (all []string) {
		all = []string{""}
		for begin, length := 0, 0; length < longest; length++ {
			end := len(all)
			for _, text := range all[begin:end] {
				for _, letter := range letters {
					all = append(all, text+string(letter))
				}
			}
			begin = end
		}
		return all
	}
	names := texts("ab", 5)
	for _, pattern := range texts("ab*?", 5) {
		expression := regexp.MustCompile("^" + strings.NewReplacer("*", ".*", "?", ".").Replace(pattern) + "$")
		for _, name := range names {
			if got, want := MatchesGlob(pattern, name), expression.MatchString(name); got != want {
				t.Fatalf("%q with %q: %v, want %v", pattern, name, got, want)
			}
		}
	}
}

// TestRead_MapThatWouldTakeLong has as many patterns and names as a map and a file can have.
func TestRead_MapThatWouldTakeLong(t *testing.T) {
	t.Parallel()
	letters := strings.Repeat("a", 90)
	var document strings.Builder
	document.WriteString("rows:\n")
	for range 490 {
		document.WriteString("- nothing: '*" + letters + "*" + letters + "b*'\n  why: x\n")
	}
	custom, err := ParseMap("long.yaml", []byte(document.String()))
	if err != nil {
		t.Fatal(err)
	}
	tensors := make([]tensor.Named, 5000)
	for i := range tensors {
		tensors[i].Name = strings.Repeat("a", 1000) + strconv.Itoa(i)
		tensors[i].View = tensor.View{DType: tensor.F32, Shape: tensor.Shape{0}, Data: tensor.Memory(nil)}
	}
	_, err = Read(t.Context(), tensors, Options{Map: custom})
	var long *MatchingError
	if !errors.As(err, &long) || long.Patterns != 490 || long.Names != 5000 {
		t.Errorf("got %v", err)
	}
	if _, err := Read(t.Context(), tensors[:200], Options{Map: custom}); err == nil || errors.As(err, &long) {
		t.Errorf("200 names: got %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Read(stopped, tensors[:200], Options{Map: custom}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got %v", err)
	}
}
