package finetune_test

import (
	"bytes"
	"context"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/evaluate/report"
	"github.com/beitzoo/beitzoo/finetune"
)

// TestDescribe looks at the curves and figures of a training that was interrupted: those of the epochs before are there too.
func TestDescribe(t *testing.T) {
	t.Parallel()
	p, folder := plan(t, settings(), 45), t.TempDir()
	stop := options(folder, 45)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop.Progress = func(now finetune.Progress) {
		if now.Step == 6 {
			cancel()
		}
	}
	if _, err := finetune.Run(ctx, p, newRegression(small(false)), stop); err == nil {
		t.Fatal("the training did not stop")
	}
	result, err := finetune.Run(t.Context(), p, newRegression(small(false)), options(folder, 45))
	if err != nil || result.Resumed != 6 {
		t.Fatalf("%+v, %v", result, err)
	}
	whole, err := finetune.Run(t.Context(), p, newRegression(small(false)), options("", 45))
	if err != nil {
		t.Fatal(err)
	}
	var page, undisturbed report.TrainingPage
	p.Describe(&page, result, result.Best)
	p.Describe(&undisturbed, whole, whole.Best)
	if !reflect.DeepEqual(page, undisturbed) {
		t.Error("the page of a training that was interrupted is another one")
	}
	titles := []string{"Loss", "Accuracy on the pictures that are tested, %", "Learning rate of the head", "Largest norm of the gradients in an epoch"}
	if len(page.Curves) != len(titles) || len(page.Table.Rows) != 3 || page.Table.Marked != result.Best {
		t.Fatalf("%d curves, table %+v", len(page.Curves), page.Table)
	}
	for i, title := range titles {
		if page.Curves[i].Title != title {
			t.Errorf("curve %d is %q, want %q", i, page.Curves[i].Title, title)
		}
	}
	for i, e := range result.Epochs {
		loss, accuracy, norm := page.Curves[0], page.Curves[1], page.Curves[3]
		if loss.Lines[0].Y[i] != e.Loss || loss.Lines[1].Y[i] != e.Score.Loss || accuracy.Lines[0].Y[i] != e.Score.Top1() || norm.Lines[0].Y[i] != e.Norm || loss.Lines[0].X[i] != float64(i+1) {
			t.Errorf("epoch %d is drawn otherwise", i+1)
		}
		if band := accuracy.Lines[0]; !(band.Low[i] < band.Y[i] && band.Y[i] < band.High[i]) {
			t.Errorf("epoch %d: the interval %g to %g does not have %g", i+1, band.Low[i], band.High[i], band.Y[i])
		}
	}
	if c := page.Curves[1]; c.Mark != "best" || c.Marked != float64(result.Best+1) {
		t.Errorf("marked is %q at %g", c.Mark, c.Marked)
	}
	if rates := page.Curves[2].Lines[0]; len(rates.Y) != p.Steps || rates.Y[5] != p.Rate(5) || rates.X[5] != 5/float64(p.PerEpoch) {
		t.Errorf("%d rates: %g at %g", len(rates.Y), rates.Y[5], rates.X[5])
	}
	var html bytes.Buffer
	if err := report.TrainingHTML(&html, page); err != nil || strings.Contains(html.String(), "NaN") {
		t.Errorf("the page has NaN, or %v", err)
	}
}

// TestDescribe_LongTraining: of 300 epochs of 900 steps not every rate is drawn, and the highest is.
func TestDescribe_LongTraining(t *testing.T) {
	t.Parallel()
	s := finetune.Defaults()
	s.Epochs = 300
	p := plan(t, s, 900*s.Batch)
	epochs := make([]finetune.Epoch, 300)
	var page report.TrainingPage
	p.Describe(&page, &finetune.Result{Epochs: epochs, Best: -1}, -1)
	rates := page.Curves[1].Lines[0]
	highest := 0.0
	for step := range p.Steps {
		highest = math.Max(highest, p.Rate(step))
	}
	if len(page.Curves) != 3 || len(rates.Y) > 410 || slices.Max(rates.Y) != highest || rates.Y[len(rates.Y)-1] != p.Rate(p.Steps-1) {
		t.Errorf("%d curves, %d rates up to %g, want %g", len(page.Curves), len(rates.Y), slices.Max(rates.Y), highest)
	}
	var html bytes.Buffer
	if err := report.TrainingHTML(&html, page); err != nil || html.Len() > 100_000 || !strings.Contains(html.String(), "100 before them are drawn above") {
		t.Errorf("%d bytes, %v", html.Len(), err)
	}
}

// TestDescribe_Settings: each setting is among the facts of a page.
func TestDescribe_Settings(t *testing.T) {
	t.Parallel()
	base := settings()
	base.Schedule, base.Epochs, base.Blocks = finetune.Unilm, 9, 1
	facts := func(s finetune.Settings) string {
		var page report.TrainingPage
		plan(t, s, 45).Describe(&page, &finetune.Result{Best: -1}, -1)
		var words []string
		for _, f := range page.Settings {
			words = append(words, f.Name+": "+f.Value)
		}
		return strings.Join(words, "\n")
	}
	before := facts(base)
	for i := range reflect.TypeFor[finetune.Settings]().NumField() {
		s := base
		field := reflect.ValueOf(&s).Elem().Field(i)
		switch field.Kind() {
		case reflect.Int:
			field.SetInt(field.Int() + 1)
		case reflect.Uint64:
			field.SetUint(field.Uint() + 1)
		case reflect.Float64:
			field.SetFloat(field.Float()*0.75 + 1e-5)
		case reflect.String:
			field.SetString(string(finetune.Overlapping))
		}
		if name := reflect.TypeFor[finetune.Settings]().Field(i).Name; facts(s) == before {
			t.Errorf("no fact is about %s", name)
		}
	}
}
