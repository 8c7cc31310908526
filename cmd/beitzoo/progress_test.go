package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/evaluate"
)

// TestProgress_Unit: a bar and an event say what is counted, and nothing is shown that is neither asked for nor a terminal.
func TestProgress_Unit(t *testing.T) {
	for unit, want := range map[unit]string{inImages: "images/", inTaps: "taps/", inPasses: "passes/", inBytes: "kB/"} {
		var errs bytes.Buffer
		bar := (&console{err: &errs, terminal: true, width: 80}).newCount("working", unit)
		for done := range int64(4) {
			bar.set(100_000*done, 1_000_000)
			time.Sleep(120 * time.Millisecond)
		}
		bar.finish()
		if said := errs.String(); !strings.Contains(said, "working") || !strings.Contains(said, want) && !strings.Contains(said, strings.ToUpper(want[:1])+want[1:]) {
			if unit != inBytes || !strings.Contains(said, "B/s") {
				t.Errorf("%s: the bar is %q", unit, said)
			}
		}
	}
	var errs bytes.Buffer
	events := (&console{err: &errs, asJSON: true}).newCount("working", inImages)
	events.start = time.Now().Add(-2 * time.Second)
	events.set(10, 40)
	events.set(20, 40) // within a second of the first
	var event progressEvent
	if err := json.Unmarshal(errs.Bytes(), &event); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	if event.Unit != inImages || event.Done != 10 || event.Total != 40 || event.PerSecond < 4 || event.PerSecond > 5 || event.SecondsLeft < 6 || event.SecondsLeft > 8 {
		t.Errorf("event %+v", event)
	}
	errs.Reset()
	for _, c := range []*console{{err: &errs}, {err: &errs, quiet: true, asJSON: true}, {err: &errs, quiet: true, terminal: true}} {
		silent := c.newProgress("working")
		silent.set(1, 2)
		silent.finish()
	}
	if errs.Len() > 0 {
		t.Errorf("printed %q", errs.String())
	}
}

func TestParseAge(t *testing.T) {
	t.Parallel()
	for age, want := range map[string]time.Duration{
		"30d": 720 * time.Hour, "2w": 336 * time.Hour, "12h": 12 * time.Hour, "1d12h": 36 * time.Hour, "5m30s": 330 * time.Second,
		"": 0, "0d": 0, "d": 0, "3": 0, "-3d": 0, "1.5d": 0, "3x": 0, "3d ": 0, "9223372036854775807w": 0, "99999999999999999999d": 0,
	} {
		if got, ok := parseAge(age); ok != (want > 0) || ok && got != want {
			t.Errorf("%q: %s, %t, want %s", age, got, ok, want)
		}
	}
}

// TestProgress_Evaluation: the accuracy so far is shown, and what was done before an evaluation was resumed does not count for its speed.
func TestProgress_Evaluation(t *testing.T) {
	progress := evaluate.Progress{Done: 310, Taken: 10, Total: 350, Accuracy: evaluate.Accuracy{Images: 310, Share1: 0.8842}}
	var errs bytes.Buffer
	events := (&console{err: &errs, asJSON: true}).newCount("classifying", inImages)
	events.start = time.Now().Add(-2 * time.Second)
	events.setEvaluation(progress)
	var event progressEvent
	if err := json.Unmarshal(errs.Bytes(), &event); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	if event.Done != 310 || event.Total != 350 || event.PerSecond < 4 || event.PerSecond > 5 || event.SecondsLeft < 8 || event.SecondsLeft > 10 || event.Top1 == nil || *event.Top1 != 0.8842 {
		t.Errorf("event %+v", event)
	}
	errs.Reset()
	bar := (&console{err: &errs, terminal: true, width: 100}).newCount("classifying", inImages)
	for range 4 {
		bar.setEvaluation(progress)
		time.Sleep(120 * time.Millisecond)
	}
	bar.finish()
	if said := errs.String(); !strings.Contains(said, "classifying, top-1 88.42 %") || !strings.Contains(said, "10/50") {
		t.Errorf("the bar is %q", said)
	}
}
