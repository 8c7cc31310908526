package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/beitzoo/beitzoo/zoo"
)

// progress shows how much of long work is done: a bar on a terminal, events with --json, nothing otherwise. Safe for concurrent use.
type progress struct {
	mu     sync.Mutex
	bar    *progressbar.ProgressBar
	c      *console
	title  string
	events bool
	last   time.Time
}

// newProgress starts a bar, with a title, for work that is measured in bytes. With --quiet the result shows nothing.
func (c *console) newProgress(title string) *progress { return c.progress(title, true) }

// newCount is like newProgress, for work that is measured in images or the like.
func (c *console) newCount(title string) *progress { return c.progress(title, false) }

func (c *console) progress(title string, bytes bool) *progress {
	p := &progress{c: c, title: title}
	if c.quiet {
		return p
	}
	p.events = c.asJSON
	if c.terminal && !p.events {
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(c.err),
			progressbar.OptionSetDescription(title),
			progressbar.OptionShowBytes(bytes),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(max(10, min(40, c.width-60))))
	}
	return p
}

// set is the callback for the libraries: how much is done, and of how much.
func (p *progress) set(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.bar != nil:
		if p.bar.GetMax64() != total {
			p.bar.ChangeMax64(total)
		}
		p.bar.Set64(done)
	case p.events && time.Since(p.last) > time.Second:
		p.last = time.Now()
		fmt.Fprintf(p.c.err, "{\"event\":\"progress\",\"task\":%q,\"done\":%d,\"total\":%d}\n", p.title, done, total)
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

// steps shows a bar for each step of the work.
type steps struct {
	c    *console
	step zoo.Step
	bar  *progress
}

func (s *steps) set(step zoo.Step, done, total int64) {
	if s.bar == nil || s.step != step {
		s.finish()
		s.step, s.bar = step, s.c.newProgress(string(step))
	}
	s.bar.set(done, total)
}

func (s *steps) finish() {
	if s.bar != nil {
		s.bar.finish()
	}
}
