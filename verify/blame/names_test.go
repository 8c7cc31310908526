package blame

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// TestHypotheses_AreDocumented compares the names of hypotheses with the table of docs/verify.md.
func TestHypotheses_AreDocumented(t *testing.T) {
	t.Parallel()
	code := map[string]bool{
		Healthy: true, "non-finite": true, Unexplained: true, "checkpoints-differ": true, anotherVector: true, "half-precision": true, recordedElsewhere: true, "one-row": true,
		"damaged": true, ConstantRecording: true, "absent-parameters": true,
	}
	for _, h := range slices.Concat(hypotheses(), fromOthers(0)) {
		code[h.name] = true
	}
	segmenter, err := arch.ByName("tiny_seg_p16_48")
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range inSegmentation(segmenter) {
		code[h.name] = true
	}
	for _, name := range []string{"digits_dvae_encoder", "digits_dvae_decoder", "dvae_encoder_112", "tiny_vqkd_p16_64"} {
		config, err := arch.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mistakes(config) {
			code[m.name] = true
		}
	}
	for _, l := range lostNames {
		code[l.name] = true
	}
	solvers, err := filepath.Glob("solve*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range solvers {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:hypothesis\{|\n\t\t\{)name: "([a-z-]+)"|(?:reordered|assigning|program|add)\("([a-z-]+)",|\{"([a-z-]+)", "(?:is|has) `).FindAllStringSubmatch(string(source), -1) {
			if !strings.HasSuffix(file, "_test.go") {
				code[m[1]+m[2]+m[3]] = true
			}
		}
	}
	page, err := os.ReadFile("../../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| hypothesis | what is wrong |")
	documented := make(map[string]bool)
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) > 1 {
			for _, m := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(cells[1], -1) {
				documented[m[1]] = true
			}
		}
	}
	if want, got := slices.Sorted(maps.Keys(code)), slices.Sorted(maps.Keys(documented)); !slices.Equal(want, got) {
		t.Errorf("the code has  %q\nthe page has %q", want, got)
	}
}
