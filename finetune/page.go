package finetune

import (
	"fmt"
	"strconv"

	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/report"
)

// Describe puts into a page how a training of the plan went: curves by epoch, a table of their figures, in which the epoch of the index written is marked, and the
// settings. written is -1 for none.
func (p *Plan) Describe(page *report.TrainingPage, result *Result, written int) {
	page.Curves = p.curves(result)
	page.Table = table(result.Epochs, written)
	page.Settings = p.Settings.facts()
}

// curves returns the charts of a page.
func (p *Plan) curves(result *Result) []report.Curve {
	var numbers, losses, norms, tested, testLosses, shares, low, high []float64
	for i, e := range result.Epochs {
		number := float64(i + 1)
		numbers, losses, norms = append(numbers, number), append(losses, e.Loss), append(norms, e.Norm)
		if e.Score == nil {
			continue
		}
		interval := evaluate.Wilson(e.Score.Right, e.Score.Images)
		tested, testLosses = append(tested, number), append(testLosses, e.Score.Loss)
		shares, low, high = append(shares, e.Score.Top1()), append(low, interval.Low), append(high, interval.High)
	}
	last := float64(p.Settings.Epochs)
	loss := report.Curve{
		Title: "Loss", Axis: "epoch", To: last, Lines: []report.Line{{Name: "training", X: numbers, Y: losses}},
		Note: "The training\u2019s is of what it makes smaller: the mean over an epoch, of smoothed and mixed targets, while the parameters change.",
	}
	var curves []report.Curve
	if tested != nil {
		loss.Lines = append(loss.Lines, report.Line{Name: "pictures that are tested", X: tested, Y: testLosses})
		accuracy := report.Curve{
			Title: "Accuracy on the pictures that are tested, %", Axis: "epoch", To: last, Shares: true,
			Lines: []report.Line{{Name: "accuracy", X: tested, Y: shares, Low: low, High: high}}, Note: "The band is the 95 % interval of so many pictures.",
		}
		if result.Best >= 0 {
			accuracy.Marked, accuracy.Mark = float64(result.Best+1), "best"
			loss.Marked, loss.Mark = accuracy.Marked, accuracy.Mark
		}
		curves = append(curves, accuracy)
	}
	steps, rates := p.sampledRates()
	return append(
		append([]report.Curve{loss}, curves...),
		report.Curve{Title: "Learning rate of the head", Axis: "epoch", To: last, Lines: []report.Line{{Name: "learning rate", X: steps, Y: rates, Plain: true}}},
		report.Curve{Title: "Largest norm of the gradients in an epoch", Axis: "epoch", To: last, Lines: []report.Line{{Name: "norm", X: numbers, Y: norms}}},
	)
}

// mostRates is how many steps a curve of learning rates has.
const mostRates = 400

// sampledRates returns learning rates, and after how many epochs they are those, of all steps or of some evenly apart. Where the rate is highest is always there.
func (p *Plan) sampledRates() (epochs, rates []float64) {
	highest := 0
	for step := range p.Steps {
		if p.Rate(step) > p.Rate(highest) {
			highest = step
		}
	}
	every := (p.Steps + mostRates - 1) / mostRates
	for step := range p.Steps {
		if step%every == 0 || step == highest || step == p.Steps-1 {
			epochs, rates = append(epochs, float64(step)/float64(p.PerEpoch)), append(rates, p.Rate(step))
		}
	}
	return epochs, rates
}

// table returns the figures of epochs.
func table(epochs []Epoch, written int) report.Table {
	t := report.Table{Title: "Epochs", Heads: []string{"Epoch", "Loss", "Learning rate", "Norm"}, Marked: written}
	tested := false
	for _, e := range epochs {
		tested = tested || e.Score != nil
	}
	if tested {
		t.Heads = append(t.Heads, "Tested loss", "Right", "Accuracy")
	}
	for i, e := range epochs {
		row := []string{strconv.Itoa(i + 1), fmt.Sprintf("%.4f", e.Loss), fmt.Sprintf("%.3g", e.Rate), fmt.Sprintf("%.3g", e.Norm)}
		switch {
		case e.Score != nil:
			row = append(row, fmt.Sprintf("%.4f", e.Score.Loss), fmt.Sprintf("%d of %d", e.Score.Right, e.Score.Images), fmt.Sprintf("%.2f %%", 100*e.Score.Top1()))
		case tested:
			row = append(row, "–", "–", "–")
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// facts returns the settings in words.
func (s Settings) facts() []report.Fact {
	number := func(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }
	orNone := func(value float64) string {
		if value == 0 {
			return "none"
		}
		return number(value)
	}
	batch := fmt.Sprintf("%d pictures", s.Batch)
	if s.Part > 0 && s.Part < s.Batch {
		batch += fmt.Sprintf(", %d at once", s.Part)
	}
	warmup := number(s.WarmupEpochs) + " epochs"
	rate := fmt.Sprintf("%s at most, schedule %s", number(s.Rate), s.Schedule)
	if s.Schedule == Unilm {
		warmup += ", from a rate of " + number(s.WarmupRate)
		rate += ", at the end " + number(s.LeastRate)
	}
	trained := "all parameters"
	if s.Blocks != All {
		trained = fmt.Sprintf("the head, its norm, and %d blocks before them", s.Blocks)
	}
	return []report.Fact{
		{Name: "Epochs", Value: strconv.Itoa(s.Epochs)},
		{Name: "Batch", Value: batch},
		{Name: "Learning rate", Value: rate},
		{Name: "Warm-up", Value: warmup},
		{Name: "Layer decay", Value: number(s.LayerDecay)},
		{Name: "Weight decay", Value: number(s.WeightDecay)},
		{Name: "AdamW", Value: fmt.Sprintf("betas %s and %s, epsilon %s", number(s.Beta1), number(s.Beta2), number(s.Epsilon))},
		{Name: "Label smoothing", Value: number(s.Smoothing)},
		{Name: "Drop path", Value: orNone(s.DropPath)},
		{Name: "Clipping", Value: orNone(s.Clip)},
		{Name: "Moving average", Value: orNone(s.Average)},
		{Name: "Trained", Value: trained},
		{Name: "Seed", Value: strconv.FormatUint(s.Seed, 10)},
	}
}
