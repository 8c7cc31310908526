package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/internal/webpage"
)

// Curve is a chart of values along an axis, such as the losses of epochs. Values that are not finite are gaps.
type Curve struct {
	// Title says what is drawn, and Axis what the places on the horizontal axis are, such as "epoch".
	Title, Axis string
	// From and To are places that the horizontal axis reaches at least, so that charts below one another agree; both 0 for none.
	From, To float64
	Lines    []Line
	// Shares says that values are shares, which are shown in percent; and Log that the places are above 0, on a logarithmic axis.
	Shares, Log bool
	// Marked is a place that a line goes through, called Mark; none if Mark is empty.
	Marked float64
	Mark   string
	// Note is what has to be known of it, in sentences, or empty.
	Note string
}

// Line is a line of a [Curve].
type Line struct {
	// Name says what its values are.
	Name string
	// X are the places of its points, ascending, and Y their values. Low and High bound them, such as intervals; nil for nothing.
	X, Y, Low, High []float64
	// Plain says that the points are too many, or too little apart, to be drawn as such.
	Plain bool
}

// drawnCurve is a curve as a page draws it, in units of about one pixel.
type drawnCurve struct {
	Curve
	Width, Height            float64
	Left, Top, Right, Bottom float64
	Rows, Columns            []axisTick
	Drawn                    []drawnLine
	// MarkX is where the marked place is, and MarkAnchor how its word stands there, at MarkTextX.
	MarkX, MarkTextX float64
	MarkAnchor       string
}

// drawnLine is a line of a curve.
type drawnLine struct {
	Name string
	// Class is that of its colours: "one", "two".
	Class string
	// Band is the attribute of a polygon, or empty.
	Band  string
	Parts []string
	Dots  []dot
}

type dot struct {
	X, Y float64
	Text string
}

// The most points of a line that are marked each, and the most lines, each of which has colours of its own.
const mostDots = 64

var lineClasses = []string{"one", "two"}

// axis says where a value is on an axis.
type axis struct {
	low, high, from, to float64
	log                 bool
}

func (a axis) at(value float64) float64 {
	low, high := a.low, a.high
	if a.log {
		low, high, value = math.Log(low), math.Log(high), math.Log(value)
	}
	return a.from + (a.to-a.from)*(value-low)/(high-low)
}

// draw returns the drawing of a curve, or nil if it has no finite value. It panics if there are more lines than colours.
func (c Curve) draw() *drawnCurve {
	var xs, ys []float64
	for _, line := range c.Lines {
		for i, y := range line.Y {
			if !finite(y) {
				continue
			}
			xs, ys = append(xs, line.X[i]), append(ys, y)
			if line.Low != nil {
				ys = append(ys, line.Low[i], line.High[i])
			}
		}
	}
	if len(ys) == 0 {
		return nil
	}
	d := &drawnCurve{Curve: c, Width: 350, Height: 260, Left: 58, Top: 24, Right: 338, Bottom: 216}
	y := d.rows(slices.Min(ys), slices.Max(ys))
	if c.From < c.To {
		xs = append(xs, c.From, c.To)
	}
	x := d.columns(slices.Min(xs), slices.Max(xs))
	for i, line := range c.Lines {
		d.Drawn = append(d.Drawn, c.drawLine(line, lineClasses[i], x, y))
	}
	if c.Mark != "" {
		d.MarkX, d.MarkAnchor = x.at(c.Marked), "start"
		if d.MarkTextX = d.MarkX + 5; d.MarkX > (d.Left+d.Right)/2 {
			d.MarkTextX, d.MarkAnchor = d.MarkX-5, "end"
		}
	}
	return d
}

func finite(value float64) bool { return !math.IsNaN(value) && !math.IsInf(value, 0) }

// rows sets the ticks of the vertical axis for values between two, and returns it. It begins at 0 if that is not far from the values.
func (d *drawnCurve) rows(low, high float64) axis {
	if low > 0 && low < 0.7*high {
		low = 0
	}
	if high-low <= 1e-9*math.Abs(high) { // all the same
		low, high = low-math.Abs(low)/2, high+math.Abs(high)/2
		if high == low {
			low, high = 0, 1
		}
	}
	const most = 5
	ticks := webpage.Ticks(low, high, most)
	a := axis{low: ticks[0], high: ticks[len(ticks)-1], from: d.Bottom, to: d.Top}
	for _, value := range ticks {
		shown := value
		if d.Shares {
			shown *= 100
		}
		d.Rows = append(d.Rows, axisTick{d.Left, a.at(value), strconv.FormatFloat(shown, 'g', 4, 64)})
	}
	return a
}

// columns sets the ticks of the horizontal axis for places between two, and returns it.
func (d *drawnCurve) columns(low, high float64) axis {
	a := axis{low: low, high: high, from: d.Left + 8, to: d.Right - 8, log: d.Log}
	add := func(value float64) {
		d.Columns = append(d.Columns, axisTick{a.at(value), d.Bottom, strconv.FormatFloat(value, 'g', 4, 64)})
	}
	switch {
	case low == high: // in the middle
		a.low, a.high = low-1, high+1
		if d.Log {
			a.low, a.high = low/10, high*10
		}
		add(low)
	case d.Log:
		for power := math.Ceil(math.Log10(low) - 1e-9); power <= math.Log10(high)+1e-9; power += math.Ceil(math.Log10(high/low) / 5) {
			add(math.Pow(10, power))
		}
	default:
		const most = 8
		for _, value := range webpage.Ticks(low, high, most) {
			if value >= low && value <= high && value == math.Round(value) {
				add(value)
			}
		}
	}
	return a
}

// drawLine returns the drawing of a line between two axes.
func (c Curve) drawLine(line Line, class string, x, y axis) drawnLine {
	d := drawnLine{Name: line.Name, Class: class}
	xs, ys := make([]float64, len(line.Y)), make([]float64, len(line.Y))
	var above, below []string
	for i, value := range line.Y {
		if xs[i], ys[i] = x.at(line.X[i]), math.NaN(); !finite(value) {
			continue
		}
		ys[i] = y.at(value)
		if !line.Plain && len(line.Y) <= mostDots {
			d.Dots = append(d.Dots, dot{xs[i], ys[i], fmt.Sprintf("%s %g: %s %s", c.Axis, line.X[i], line.Name, c.shown(value))})
		}
		if line.Low != nil {
			above = append(above, fmt.Sprintf("%.1f,%.1f", xs[i], y.at(line.High[i])))
			below = append(below, fmt.Sprintf("%.1f,%.1f", xs[i], y.at(line.Low[i])))
		}
	}
	d.Parts = webpage.Polylines(xs, ys)
	slices.Reverse(below)
	around := strings.Join(append(above, below...), " ")
	if len(above) == 1 { // the band of one point has no width
		d.Parts = append(d.Parts, around)
	} else {
		d.Band = around
	}
	return d
}

// shown returns a value in words.
func (c Curve) shown(value float64) string {
	if c.Shares {
		return percent(value)
	}
	return strconv.FormatFloat(value, 'g', 4, 64)
}
