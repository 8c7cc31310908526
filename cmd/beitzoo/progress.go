package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/segmentation"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/zoo"
)

// unit is what long work is measured in.
type unit string

const (
	inBytes  unit = "bytes"
	inImages unit = "images"
	// inTaps counts activations that are compared, each of one image.
	inTaps   unit = "taps"
	inPasses unit = "passes"
	// inFits counts classifiers that were fitted.
	inFits unit = "fits"
	// inSteps counts steps of a training.
	inSteps unit = "steps"
)

// progress shows how much of long work is done, how fast, and how long the rest will take: a bar on a terminal, events with --json, nothing
// otherwise. Safe for concurrent use.
type progress struct {
	mu     sync.Mutex
	bar    *progressbar.ProgressBar
	c      *console
	title  string
	unit   unit
	events bool
	start  time.Time
	last   time.Time
}

// newProgress starts a bar, with a title, for work that is measured in bytes. With --quiet the result shows nothing.
func (c *console) newProgress(title string) *progress { return c.newCount(title, inBytes) }

// newCount is like newProgress, for work that is measured in images or the like.
func (c *console) newCount(title string, measure unit) *progress {
	p := &progress{c: c, title: title, unit: measure, start: time.Now()}
	if c.quiet {
		return p
	}
	p.events = c.asJSON
	if c.terminal && !p.events {
		options := []progressbar.Option{
			progressbar.OptionSetWriter(c.err),
			progressbar.OptionSetDescription(title),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100 * time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(max(10, min(40, c.width-60))),
		}
		if measure == inBytes {
			options = append(options, progressbar.OptionShowBytes(true))
		} else {
			options = append(options, progressbar.OptionShowIts(), progressbar.OptionSetItsString(string(measure)))
		}
		p.bar = progressbar.NewOptions64(-1, options...)
	}
	return p
}

// progressEvent is a line of standard error with --json. Total and the time left are not there while they are not known.
type progressEvent struct {
	Event       string  `json:"event"`
	Task        string  `json:"task"`
	Unit        unit    `json:"unit"`
	Done        int64   `json:"done"`
	Total       int64   `json:"total,omitempty"`
	PerSecond   float64 `json:"per_second"`
	SecondsLeft float64 `json:"seconds_left,omitempty"`
	// Top1 is the accuracy so far, of an evaluation, and MIoU the mean of intersections over unions.
	Top1 *float64 `json:"top1,omitempty"`
	MIoU *float64 `json:"miou,omitempty"`
	// Loss and Rate are those of the last step of a training.
	Loss *float64 `json:"loss,omitempty"`
	Rate float64  `json:"learning_rate,omitempty"`
}

// figure returns what an evaluation has so far, or an empty text.
func (e *progressEvent) figure() string {
	switch {
	case e.Top1 != nil:
		return fmt.Sprintf("top-1 %.2f %%", 100**e.Top1)
	case e.Loss != nil:
		return fmt.Sprintf("loss %.4f", *e.Loss)
	case e.MIoU != nil:
		return fmt.Sprintf("mIoU %.2f %%", 100**e.MIoU)
	}
	return ""
}

// set is the callback for the libraries: how much is done, and of how much. The total is negative as long as it is not known.
func (p *progress) set(done, total int64) {
	p.show(progressEvent{Done: done, Total: total}, done)
}

// setEvaluation is the callback for an evaluation, which may have been resumed, so that not all that is done was done in this time.
func (p *progress) setEvaluation(e evaluate.Progress) {
	p.show(progressEvent{Done: int64(e.Done), Total: int64(e.Total), Top1: &e.Accuracy.Share1}, int64(e.Taken))
}

// setTraining is the callback for a training, of which taken steps were made in this time.
func (p *progress) setTraining(t finetune.Progress, taken int) {
	p.show(progressEvent{Done: int64(t.Step), Total: int64(t.Steps), Loss: &t.Loss, Rate: t.Rate}, int64(taken))
}

// setSegmentation is setEvaluation for maps of classes.
func (p *progress) setSegmentation(e segmentation.Progress) {
	event := progressEvent{Done: int64(e.Done), Total: int64(e.Total)}
	if e.Figures.MeanIoU.Known() {
		miou := float64(e.Figures.MeanIoU)
		event.MIoU = &miou
	}
	p.show(event, int64(e.Taken))
}

// show shows what is done. taken is how much of that since the start.
func (p *progress) show(event progressEvent, taken int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, figure := event.Done-taken, event.figure()
	switch {
	case p.bar != nil && figure != "" && event.Done < event.Total && time.Since(p.last) < 100*time.Millisecond: // a new description draws the bar
	case p.bar != nil:
		p.last = time.Now()
		if left := event.Total - before; p.bar.GetMax64() != left {
			p.bar.ChangeMax64(max(-1, left))
		}
		if figure != "" {
			p.bar.Describe(p.title + ", " + figure)
		}
		p.bar.Set64(taken)
	case p.events && time.Since(p.last) > time.Second:
		p.last = time.Now()
		event.Event, event.Task, event.Unit = "progress", p.title, p.unit
		if seconds := p.last.Sub(p.start).Seconds(); seconds > 0 && taken > 0 {
			event.PerSecond = float64(taken) / seconds
			event.SecondsLeft = float64(max(0, event.Total-event.Done)) / event.PerSecond
		}
		event.Total = max(0, event.Total)
		p.c.event(event)
	}
}

// finish removes the bar from the terminal.
func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Finish()
	}
}

// steps shows a bar for each step of the work. Safe for concurrent use.
type steps struct {
	c    *console
	mu   sync.Mutex
	step zoo.Step
	bar  *progress
}

func (s *steps) set(step zoo.Step, done, total int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar == nil || s.step != step {
		s.end()
		s.step, s.bar = step, s.c.newProgress(string(step))
	}
	s.bar.set(done, total)
}

func (s *steps) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

func (s *steps) end() {
	if s.bar != nil {
		s.bar.finish()
	}
}
