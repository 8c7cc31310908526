package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/internal/measure"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// verifyWorker is a worker that verifies the model FILES.safetensors. It answers with wall and CPU seconds, and with the seconds of each phase.
func verifyWorker(ctx context.Context, in io.Reader, out io.Writer, files string, f verifyFlags) error {
	fmt.Fprintln(out, "ready")
	for requests := bufio.NewScanner(in); requests.Scan(); {
		s := newStopwatch()
		if err := verifyOnce(ctx, files, f, s); err != nil {
			return err
		}
		fmt.Fprintln(out, s)
	}
	return nil
}

func verifyOnce(ctx context.Context, files string, f verifyFlags, s *stopwatch) error {
	model, err := convert.Open(ctx, files+".safetensors", convert.OpenOptions{})
	if err != nil {
		return err
	}
	defer model.Close()
	subject, reference := verify.Subject{Name: files, Config: model.Config, Weights: model.Tensors}, verify.Oracle()
	if f.epsilon != 0 {
		subject.Config.Epsilon = f.epsilon
	}
	if f.fault {
		if subject.Weights, err = transposed(model.Tensors); err != nil {
			return err
		}
	}
	if f.recorded {
		r, err := recording.Read(ctx, files+".recording.safetensors")
		if err != nil {
			return err
		}
		if f.logits {
			r.Activations = slices.DeleteFunc(r.Activations, func(a engine.Activation) bool { return a.Name != engine.Stage{Kind: engine.Logits}.String() })
		}
		reference = verify.Recorded("", r)
	}
	result, err := verify.Verify(ctx, subject, reference, verify.Options{NoBlame: f.noReasons, Phase: s.turn})
	if err == nil && result.OK != (!f.fault && f.epsilon == 0) {
		err = fmt.Errorf("the verdict is wrong: OK is %t", result.OK)
	}
	return err
}

// stopwatch measures phases.
type stopwatch struct {
	start, last time.Time
	cpu         time.Duration
	phase       verify.Phase
	spent       map[verify.Phase]time.Duration
}

func newStopwatch() *stopwatch {
	now := time.Now()
	return &stopwatch{start: now, last: now, cpu: measure.ProcessorTime(), phase: verify.Opening, spent: map[verify.Phase]time.Duration{}}
}

// turn ends a phase and begins another.
func (s *stopwatch) turn(next verify.Phase) {
	now := time.Now()
	s.spent[s.phase] += now.Sub(s.last)
	s.phase, s.last = next, now
}

// String ends the last phase, and returns the answer of verifyWorker.
func (s *stopwatch) String() string {
	s.turn(s.phase)
	answer := []string{fmt.Sprint(s.last.Sub(s.start).Seconds()), fmt.Sprint((measure.ProcessorTime() - s.cpu).Seconds())}
	for _, p := range timed {
		answer = append(answer, fmt.Sprint(s.spent[p].Seconds()))
	}
	return strings.Join(answer, " ")
}
