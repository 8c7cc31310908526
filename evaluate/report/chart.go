package report

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/evaluate"
)

// chart shows for each range of probability how many answers are right, in units of about one pixel.
type chart struct {
	Width, Height            float64
	Left, Top, Right, Bottom float64
	Bars                     []bar
	// Ticks are those of both axes.
	Ticks []axisTick
	// Error is the expected calibration error.
	Error float64
}

// bar is a range of probability: its share of right answers, and the mean probability of the answers.
type bar struct {
	X, Y, Width, Height float64
	// MeanX and MeanY are where it would be if the share were the mean probability.
	MeanX, MeanY float64
	Text         string
}

type axisTick struct {
	X, Y float64
	Text string
}

// newChart returns the chart of a calibration, or nil if there are no answers.
func newChart(c evaluate.Calibration) *chart {
	d := &chart{Width: 350, Height: 330, Left: 44, Top: 12, Right: 340, Bottom: 284, Error: c.Error}
	x := func(share float64) float64 { return d.Left + share*(d.Right-d.Left) }
	y := func(share float64) float64 { return d.Bottom - share*(d.Bottom-d.Top) }
	answers := 0
	for _, b := range c.Bins {
		answers += b.Images
		if b.Images == 0 {
			continue
		}
		right := float64(b.Right) / float64(b.Images)
		d.Bars = append(d.Bars, bar{
			X: x(b.From) + 1, Width: max(1, x(b.To)-x(b.From)-2), Y: y(right), Height: d.Bottom - y(right), MeanX: x(b.Probability), MeanY: y(b.Probability),
			Text: fmt.Sprintf("%s to %s: %d answers, %d right (%s), mean probability %s", percent(b.From), percent(b.To), b.Images, b.Right, percent(right), percent(b.Probability)),
		})
	}
	if answers == 0 {
		return nil
	}
	for _, share := range []float64{0, 0.25, 0.5, 0.75, 1} {
		d.Ticks = append(d.Ticks, axisTick{x(share), y(share), fmt.Sprintf("%d", int(math.Round(100*share)))})
	}
	return d
}
