package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/internal/text"
)

// trainResult is what `beitzoo finetune --json` prints.
type trainResult struct {
	classifierFacts
	// Changes say what was done to the model before it was trained.
	Changes  []adapt.Step      `json:"changes"`
	Data     trainedData       `json:"data"`
	Settings finetune.Settings `json:"settings"`
	Augment  bool              `json:"augment"`
	Mix      bool              `json:"mix"`
	Steps    int               `json:"steps"`
	// Trained is the number of parameters that are trained, of Parameters.
	Trained    int64           `json:"trained"`
	Parameters int64           `json:"parameters"`
	Memory     finetune.Memory `json:"memory_estimate"`
	Run        evaluate.Run    `json:"run"`
	State      string          `json:"state"`
	// Resumed is the number of steps that an earlier run had done, Epochs what all epochs gave, and Best the index of the best, or -1. Chosen is "best" or "last".
	Resumed int              `json:"resumed"`
	Epochs  []finetune.Epoch `json:"epochs"`
	Best    int              `json:"best"`
	Chosen  string           `json:"chosen"`
	Target  *savedFile       `json:"target,omitempty"`
	// Report is the page that was written.
	Report  string `json:"report,omitempty"`
	Version string `json:"version"`
}

// trainedData says which pictures they are.
type trainedData struct {
	Source string `json:"source"`
	Digest string `json:"digest"`
	// Pictures is the number of those that are learnt from.
	Pictures int `json:"pictures"`
	// Test and TestDigest say what is tested: of the data itself Held percent of each class, if that is not 0. Tested is the number of pictures; -1 if only the end
	// tells. All are empty if nothing is tested.
	Test       string `json:"test_source,omitempty"`
	TestDigest string `json:"test_digest,omitempty"`
	Tested     int    `json:"tested,omitempty"`
	Held       int    `json:"held_out_percent,omitempty"`
	// Contents and TestContents are digests of names, classes and bytes of the pictures that are learnt from, and of those that are tested, as [finetune.Contents]
	// has them; empty of a training that was only planned. The other two are of the whole list: of names and classes, or of names and sizes of tar files.
	Contents     string `json:"contents,omitempty"`
	TestContents string `json:"test_contents,omitempty"`
	// Twice is how many pictures that are tested are, byte for byte, one to learn from.
	Twice   int      `json:"test_in_train,omitempty"`
	Classes []string `json:"classes"`
}

// text says how many pictures are learnt from, and which are tested.
func (d *trainedData) text() string {
	learnt, tested := text.Count(d.Pictures, "picture", "pictures"), text.Count(d.Tested, "picture", "pictures")
	switch {
	case d.Held > 0:
		return fmt.Sprintf("%s to learn from, %d to test on: %d %% of each class, drawn by the seed", learnt, d.Tested, d.Held)
	case d.TestDigest == "":
		return learnt + " to learn from, and none is tested"
	case d.Tested < 0:
		tested = "those"
	}
	return fmt.Sprintf("%s to learn from; tested on %s of %s", learnt, tested, text.Name(d.Test))
}

// progress returns the callback that shows how far the training is.
func (t *training) progress() func(finetune.Progress) {
	bar, began := t.newCount("training", inSteps), -1
	return func(p finetune.Progress) {
		if began < 0 {
			if began = p.Step; began > 0 {
				t.remark(fmt.Sprintf("%s has the state after step %d of %d: the training goes on from there", t.result.State, began, p.Steps))
				if len(p.Conditions) > 0 && began < p.Steps {
					t.remark("the bits will not be those of a training that never stopped: " + strings.Join(p.Conditions, "; "))
				}
			}
			return
		}
		bar.setTraining(p, p.Step-began)
		if p.Over != nil && !t.quiet {
			t.epoch(p)
		}
		if p.Step == p.Steps {
			bar.finish()
		}
	}
}

// epochEvent is a line of standard error with --json, after each epoch.
type epochEvent struct {
	Event  string `json:"event"`
	Number int    `json:"epoch"`
	finetune.Epoch
	Best        bool    `json:"best"`
	SecondsLeft float64 `json:"seconds_left"`
}

// epoch says what an epoch gave.
func (t *training) epoch(p finetune.Progress) {
	if t.asJSON {
		t.event(epochEvent{"epoch", p.Epoch, *p.Over, p.Best, p.Left.Seconds()})
		return
	}
	line := fmt.Sprintf("epoch %d of %d: %s", p.Epoch, t.settings.Epochs, epochText(p.Over))
	if p.Best {
		line += ", the best so far"
	}
	if p.Left > 0 {
		line += fmt.Sprintf("; %s left", p.Left.Round(time.Second))
	}
	t.notef("%s", line)
}

// epochText says in words what an epoch gave.
func epochText(e *finetune.Epoch) string {
	line := fmt.Sprintf("loss %.4f, learning rate %.2e", e.Loss, e.Rate)
	if e.Score != nil {
		line += fmt.Sprintf(", accuracy %.2f %% (%d of %d)", 100*e.Score.Top1(), e.Score.Right, e.Score.Images)
	}
	return line
}

// printPlan says what would be trained.
func (t *training) printPlan() {
	r := t.result
	t.printf("%s: %s", t.argument, r.line(r.Data.Classes))
	for _, step := range r.Changes {
		t.printf("change  %s", step)
	}
	t.printf("data    %s: %s, %s", text.Name(r.Data.Source), text.Count(len(r.Data.Classes), "class", "classes"), r.Data.text())
	t.printf("train   %s of %s parameters, in %s of %d steps of %d pictures", humanize.Comma(r.Trained), humanize.Comma(r.Parameters),
		text.Count(r.Settings.Epochs, "epoch", "epochs"),
		t.plan.PerEpoch, r.Settings.Batch)
	t.printf("rates   the head's is %.3g at first, %.3g in the middle, %.3g at the end", t.plan.Rate(0), t.plan.Rate(r.Steps/2), t.plan.Rate(r.Steps-1))
	t.printf("memory  about %s: parameters %s, gradients %s, optimiser %s, activations %s (an estimate)", humanize.Bytes(uint64(r.Memory.Total())),
		humanize.Bytes(uint64(r.Memory.Parameters)), humanize.Bytes(uint64(r.Memory.Gradients)), humanize.Bytes(uint64(r.Memory.Optimiser)), humanize.Bytes(uint64(r.Memory.Activations)))
	t.printf("state   %s; nothing was trained (--dry-run)", r.State)
}

// print says what was trained.
func (t *training) print() {
	r := t.result
	t.printf("%s: %s", t.argument, r.line(r.Data.Classes))
	for _, step := range r.Changes {
		t.printf("change  %s", step)
	}
	for i := range r.Epochs {
		mark := ""
		if i == r.Best {
			mark = ", the best"
		}
		t.printf("epoch %d: %s%s", i+1, epochText(&r.Epochs[i]), mark)
	}
	if w := r.Target; w != nil {
		t.printf("wrote  %s (the %s): %s, scheme %s, %d tensors, %s", w.Path, r.Chosen, w.Format, w.Scheme, w.Tensors, humanize.Bytes(uint64(w.Bytes)))
		printLost(t.console, w.Saved.Lost)
		remarkAll(t.console, w.Notes)
	}
	if r.Report != "" {
		t.printf("report %s", r.Report)
	}
	own, strange := finetune.Files(r.State)
	if strange {
		t.printf("state  %s: of it %s may be removed; the other files there are not of this training", r.State, text.List(own, len(own), ""))
		return
	}
	t.printf("state  %s: may be removed", r.State)
}
