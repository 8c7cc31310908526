package evaluate_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

// TestMerge_AddsUpExactly merges 7 parts in drawn orders: every figure, the last bit of the loss included, is that of the whole.
func TestMerge_AddsUpExactly(t *testing.T) {
	t.Parallel()
	classifier, data := digits(t), digitImages(t)
	want, err := evaluate.Classification(t.Context(), classifier, data, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(measured, want.Accuracy); diff != "" {
		t.Fatal(diff)
	}
	var paths []string
	for i := range 7 {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.jsonl", i))
		part, err := evaluateTo(t, classifier, data, path, evaluate.Shard{Index: i + 1, Of: 7})
		if err != nil {
			t.Fatal(err)
		}
		if part.Images != 51 && part.Images != 52 {
			t.Errorf("part %d has %d images", i+1, part.Images)
		}
		paths = append(paths, path)
	}
	drawn := rand.New(rand.NewPCG(7, 0))
	for range 10 {
		drawn.Shuffle(len(paths), func(i, k int) { paths[i], paths[k] = paths[k], paths[i] })
		merged, err := evaluate.Merge(paths...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, merged.Summary()); diff != "" {
			t.Fatalf("%v: %s", paths, diff)
		}
	}
}

func TestMerge_Errors(t *testing.T) {
	t.Parallel()
	classifier, data := digits(t), some(t)
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	for name, shard := range map[string]evaluate.Shard{"1of3": {1, 3}, "2of3": {2, 3}, "3of3": {3, 3}, "again": {2, 3}, "1of4": {1, 4}, "other": {2, 3}} {
		of := data
		if name == "other" {
			of = dataset.NewList("other", digitExamples(t)[:36], tenClasses())
		}
		if _, err := evaluateTo(t, classifier, of, in(name), shard); err != nil {
			t.Fatal(err)
		}
	}
	full, err := os.ReadFile(in("3of3"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in("torn"), full[:len(full)-30], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in("none"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		files []string
		want  any
		words []string
	}{
		{nil, new(*evaluate.PartsError), []string{"there is no file of predictions"}},
		{[]string{"1of3", "3of3"}, new(*evaluate.PartsError), []string{"missing: 2/3"}},
		{[]string{"2of3"}, new(*evaluate.PartsError), []string{"missing: 1/3, 3/3"}},
		{[]string{"again", "1of3", "2of3", "3of3"}, new(*evaluate.PartsError), []string{"part 2/3 is in ", "/again and in ", "/2of3"}},
		{[]string{"1of3", "2of3", "torn"}, new(*evaluate.PartsError), []string{"part 3/3, ", "/torn, is not finished: it has 11 images of 12"}},
		{[]string{"1of3", "2of3", "3of3", "1of4"}, new(*evaluate.PartsError), []string{"/1of4 is part 1/4, ", "/1of3 is part 1/3"}},
		{[]string{"1of3", "other", "3of3"}, new(*evaluate.MismatchError), []string{"/other and ", "/1of3 are not about the same", "digest of the data: sha256:"}},
		{[]string{"1of3", "none", "missing"}, new(*evaluate.FileError), []string{"none, line 1: not a file of predictions", "missing: no such file"}},
	} {
		var paths []string
		for _, name := range c.files {
			paths = append(paths, in(name))
		}
		merged, err := evaluate.Merge(paths...)
		if merged != nil || !errors.As(err, c.want) || errdef.Hint(err) == "" || slices.ContainsFunc(c.words, func(w string) bool { return !strings.Contains(err.Error(), w) }) {
			t.Errorf("%v: %v", c.files, err)
		}
	}
}

// tarSet is a data set of which only the end tells how many images there are, as of tar files.
type tarSet struct{ *dataset.List }

func (s tarSet) Len() int                   { return -1 }
func (s tarSet) Shard(i, n int) dataset.Set { return tarSet{s.List.Shard(i, n).(*dataset.List)} }

// TestMerge_SameTarTwice: two files that claim to be different parts, and have images of the same tar.
func TestMerge_SameTarTwice(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	classifier := digits(t)
	var paths []string
	for part := range 2 {
		examples := digitExamples(t)[:4]
		set := dataset.NewList("", examples, tenClasses())
		for i := range examples {
			examples[i].Tar, examples[i].Index = "a.tar", i/2
		}
		path := filepath.Join(folder, fmt.Sprint(part))
		if _, err := evaluateTo(t, classifier, tarSet{set}, path, evaluate.Shard{Index: part + 1, Of: 2}); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	_, err := evaluate.Merge(paths...)
	if twice := (*evaluate.TwiceError)(nil); !errors.As(err, &twice) || twice.Record.Tar != "a.tar" || !strings.Contains(err.Error(), `image 0 of "a.tar" was counted before`) {
		t.Errorf("%v", err)
	}
}

// TestTally_SumsExactly compares the mean loss of drawn numbers of very different sizes with a sum in 2000 bits.
func TestTally_SumsExactly(t *testing.T) {
	t.Parallel()
	header := evaluate.HeaderFor(digits(t), tarSet{some(t)}, whole)
	drawn := rand.New(rand.NewPCG(5, 0))
	for range 20 {
		tally := evaluate.NewTally(header)
		exact := new(big.Float).SetPrec(2000)
		for i := range 1000 {
			loss := math.Ldexp(drawn.Float64(), drawn.IntN(200)-100)
			exact.Add(exact, big.NewFloat(loss))
			if err := tally.Add(evaluate.Record{Index: i, Rank: 1, Loss: loss, Top: []evaluate.Guess{{Class: 0, Probability: 0.5}}}); err != nil {
				t.Fatal(err)
			}
		}
		sum, _ := exact.Float64()
		if got := *tally.Summary().Loss; got != sum/1000 {
			t.Errorf("%v, want %v", got, sum/1000)
		}
	}
}
