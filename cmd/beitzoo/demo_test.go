package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
	folder := t.TempDir()
	out := succeed(t, "demo", "--keep", folder)
	for _, want := range []string{
		"Once around: all 55 parameters are what they were, bit for bit.",
		"top-1 346/360 = 96.11 %, top-5 359/360 = 99.72 %",
		"the same prediction as PASSL on 360 of 360",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the demo does not say %q", want)
		}
	}
	if !regexp.MustCompile(`largest difference is \d\.\de-0[5-9]`).MatchString(out) {
		t.Error("the demo does not say how far logits are off")
	}
	if lines := strings.Count(out, "\n"); lines >= 40 {
		t.Errorf("%d lines are too many for a story", lines)
	}
	for _, station := range conversions {
		if _, err := os.Stat(filepath.Join(folder, station.name)); err != nil {
			t.Error(err)
		}
	}
}
