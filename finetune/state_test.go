package finetune_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/tensor"
)

// trained returns a folder with a training that is over, and what it was.
func trained(t *testing.T) (string, *finetune.Result) {
	t.Helper()
	folder := t.TempDir()
	result, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), options(folder, 45))
	if err != nil {
		t.Fatal(err)
	}
	return folder, result
}

// refused returns the *[finetune.StateError] of a training in a folder.
func refused(t *testing.T, p *finetune.Plan, o finetune.Options) *finetune.StateError {
	t.Helper()
	_, err := finetune.Run(t.Context(), p, newRegression(small(false)), o)
	problem := (*finetune.StateError)(nil)
	if !errors.As(err, &problem) {
		t.Fatalf("%v, and not a StateError", err)
	}
	return problem
}

// TestRun_OtherModel makes sure that a training goes on with the architecture that it began with, whatever of it follows from the parameters.
func TestRun_OtherModel(t *testing.T) {
	t.Parallel()
	folder, _ := trained(t)
	p := plan(t, settings(), 45)
	p.Config.Epsilon, p.Config.Heads = 0.1, p.Config.Heads*2
	got := refused(t, p, options(folder, 45)).Differences
	if want := []string{"the model's epsilon 0.000001, now 0.1", "the model's heads 2, now 4"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestRun_LongDifferences makes sure that what differs far behind is shown.
func TestRun_LongDifferences(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir(), 45)
	o.Identity = map[string]string{"classes": strings.Repeat("species ", 40) + "oak"}
	if _, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o); err != nil {
		t.Fatal(err)
	}
	o.Identity = map[string]string{"classes": strings.Repeat("species ", 40) + "elm"}
	got := refused(t, plan(t, settings(), 45), o).Differences
	if len(got) != 1 || !strings.Contains(got[0], "oak, now ...") || !strings.HasSuffix(got[0], "elm") {
		t.Errorf("%q", got)
	}
}

// TestRun_Conditions makes sure that a training that goes on under other conditions says so.
func TestRun_Conditions(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	o := options(folder, 45)
	o.Conditions = map[string]string{"threads": "1", "machine": "mine"}
	o.Progress = func(p finetune.Progress) {
		if p.Step == 3 {
			cancel()
		}
		if p.Conditions != nil {
			t.Errorf("at first %q", p.Conditions)
		}
	}
	if _, err := finetune.Run(ctx, plan(t, settings(), 45), newRegression(small(false)), o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	o.Conditions = map[string]string{"threads": "2", "machine": "mine"}
	var said [][]string
	o.Progress = func(p finetune.Progress) { said = append(said, p.Conditions) }
	result, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o)
	want := []string{"threads 1, now 2"}
	if err != nil || !slices.Equal(result.Conditions, want) || !slices.Equal(said[0], want) || said[1] != nil {
		t.Errorf("%+v, %q, %v", result, said, err)
	}
}

// TestRun_FlippedByte damages one byte of each file, anywhere in its tensors.
func TestRun_FlippedByte(t *testing.T) {
	t.Parallel()
	folder, result := trained(t)
	for _, name := range []string{finetune.StateName, finetune.BestName} {
		path := filepath.Join(folder, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, behind := range []int{1, 200} {
			spoilt := bytes.Clone(whole)
			spoilt[len(spoilt)-behind] ^= 1
			if err := os.WriteFile(path, spoilt, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := refused(t, plan(t, settings(), 45), options(folder, 45)); err.Path != path || !strings.Contains(err.Error(), "not what the training wrote") {
				t.Errorf("%s, %d before its end: %v", name, behind, err)
			}
			if best, err := result.OpenBest(t.Context()); (err == nil) != (name == finetune.StateName) {
				t.Errorf("%s: the best parameters: %v", name, err)
			} else if err == nil {
				best.Close()
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(folder, finetune.BestName)); err != nil {
		t.Fatal(err)
	}
	if err := refused(t, plan(t, settings(), 45), options(folder, 45)); filepath.Base(err.Path) != finetune.BestName {
		t.Error(err)
	}
}

// TestRun_StrangeBest makes sure that a file of that name that no state knows is not written over, and that one which is not needed is in nobody's way.
func TestRun_StrangeBest(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, finetune.BestName)
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := refused(t, plan(t, settings(), 45), options(folder, 45)); err.Path != path || !strings.Contains(errdef.Hint(err), "move that file away") {
		t.Error(err)
	}
	o := options(folder, 45)
	o.Evaluate = nil
	if _, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o); err != nil {
		t.Error(err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != "mine" {
		t.Errorf("%q, %v", raw, err)
	}
}

// TestRun_KilledBetween makes sure that a training goes on that was killed when the state knew the best parameters, and these had not got their name yet.
func TestRun_KilledBetween(t *testing.T) {
	t.Parallel()
	folder, want := trained(t)
	best, next := filepath.Join(folder, finetune.BestName), filepath.Join(folder, "best.next.safetensors")
	if err := os.Rename(best, next); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(best, []byte("the best before"), 0o600); err != nil {
		t.Fatal(err)
	}
	result, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), options(folder, 45))
	if err != nil || result.Best != want.Best {
		t.Fatalf("%+v, %v", result, err)
	}
	opened, err := result.OpenBest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	opened.Close()
	if _, err := os.Lstat(next); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestRun_BestIsKnown makes sure that at each moment the folder has the best parameters that its state knows.
func TestRun_BestIsKnown(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	o := options(folder, 45)
	evaluations := 0
	o.Evaluate = func(context.Context, []tensor.Named) (finetune.Score, error) { // each is better than the one before
		evaluations++
		return finetune.Score{Right: evaluations, Images: 60}, nil
	}
	o.Progress = func(p finetune.Progress) {
		moment := t.TempDir()
		if err := os.CopyFS(moment, os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		again := options(moment, 45)
		if _, err := finetune.Run(ctx, plan(t, settings(), 45), newRegression(small(false)), again); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("after step %d: %v", p.Step, err)
		}
	}
	if _, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o); err != nil || evaluations != 3 {
		t.Errorf("%d evaluations, %v", evaluations, err)
	}
}

// TestRun_NothingIsLeft makes sure that nothing stays of a training that was stopped before a step of it was kept, but what others have put there.
func TestRun_NothingIsLeft(t *testing.T) {
	t.Parallel()
	bad := errors.New("no picture")
	for name, spoil := range map[string]func(folder string, o *finetune.Options, learner *regression){
		"picture": func(_ string, o *finetune.Options, _ *regression) {
			o.Pictures = blobs{config: small(false), n: 45, spoil: func(int, int, []float32) error { return bad }}
		},
		"diverged": func(_ string, _ *finetune.Options, learner *regression) {
			learner.fail = func() error { return &engine.GradientError{First: "head.weight"} }
		},
	} {
		folder := filepath.Join(t.TempDir(), "state")
		o, learner := options(folder, 45), newRegression(small(false))
		spoil(folder, &o, learner)
		_, err := finetune.Run(t.Context(), plan(t, settings(), 45), learner, o)
		if err == nil || strings.Contains(errdef.Hint(err), "kept") || strings.Contains(errdef.Hint(err), "goes on") {
			t.Errorf("%s: %v, hint: %s", name, err, errdef.Hint(err))
		}
		if _, err := os.Lstat(folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the folder: %v", name, err)
		}
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "mine"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := finetune.Run(t.Context(), plan(t, settings(), 45), learner, o); err == nil {
			t.Errorf("%s: no error", name)
		}
		if entries, err := os.ReadDir(folder); err != nil || len(entries) != 2 { // that, and the lock of a folder that was there
			t.Errorf("%s: %v, %v", name, entries, err)
		}
	}
}

// TestRun_StoppedWhileEvaluated makes sure that what the last epoch gives is kept, if a run before had made its last step and was stopped in the evaluation.
func TestRun_StoppedWhileEvaluated(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	o := options(folder, 45)
	evaluations := 0
	o.Evaluate = func(context.Context, []tensor.Named) (finetune.Score, error) { // each is better than the one before
		if evaluations++; evaluations == 3 {
			return finetune.Score{}, context.Canceled
		}
		return finetune.Score{Right: evaluations, Images: 60}, nil
	}
	stopped := (*finetune.StoppedError)(nil)
	if _, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o); !errors.As(err, &stopped) || stopped.Kept != 12 {
		t.Fatal(err)
	}
	for range 2 { // the second finds all
		result, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o)
		if err != nil || len(result.Epochs) != 3 || result.Best != 2 {
			t.Fatalf("%+v, %v", result, err)
		}
		best, err := result.OpenBest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		best.Close()
	}
	if evaluations != 4 {
		t.Errorf("%d evaluations", evaluations)
	}
}
