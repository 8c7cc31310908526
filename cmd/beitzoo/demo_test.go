package main

import (
	"encoding/json"
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
		"After the round trip all 55 parameters are what they were, bit for bit.",
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
		t.Errorf("%d lines are too many for a demo", lines)
	}
	for _, station := range conversions {
		if _, err := os.Stat(filepath.Join(folder, station.name)); err != nil {
			t.Error(err)
		}
	}
}

func TestDemoAsJSON(t *testing.T) {
	var got struct {
		OK           bool
		Checkpoint   struct{ Scheme string }
		Conversions  []struct{ Proved bool }
		Difference   struct{ Equal bool }
		Verification struct{ OK bool }
		Evaluation   struct {
			Top1 int `json:"top1_correct"`
			Same int `json:"same_prediction"`
		}
	}
	if err := json.Unmarshal([]byte(succeed(t, "demo", "--json")), &got); err != nil {
		t.Fatal(err)
	}
	if !got.OK || got.Checkpoint.Scheme != "passl" || len(got.Conversions) != len(conversions) || !got.Difference.Equal || !got.Verification.OK {
		t.Errorf("got %+v", got)
	}
	if got.Evaluation.Top1 != 346 || got.Evaluation.Same != 360 {
		t.Errorf("got %+v", got.Evaluation)
	}
}
