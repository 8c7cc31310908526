package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/webpage"
	"github.com/beitzoo/beitzoo/verify"
)

// plot shows the share of the tolerance of each tap, in the order of the forward pass, on a logarithmic scale.
type plot struct {
	// Wide is for wide windows, and Narrow for telephones.
	Wide, Narrow drawing
	// Alone says that there is a line for the stages alone.
	Alone bool
	// Description says in words what it shows.
	Description string
}

// drawing is a plot of some size, in units of about one pixel.
type drawing struct {
	Class                    string
	Width, Height            float64
	Left, Top, Right, Bottom float64
	// Limit is the height of the tolerance.
	Limit         float64
	Rows, Columns []tick
	// Whole has the taps with all stages before them, Alone the stages alone.
	Whole, Alone series
	// First marks the first divergence, if there is one.
	First *tick
}

type tick struct {
	At   float64
	Text string
	// Anchor is the end of the text that is at the tick: "start", "middle" or "end".
	Anchor string
}

// series is a line with marks.
type series struct {
	// Lines are the attributes of polylines: there is a gap where nothing is known.
	Lines []string
	Marks []mark
}

type mark struct {
	X, Y float64
	// Radius is that of the circle, and half the side of the square.
	Radius float64
	Fails  bool
	Text   string
}

// Side returns the width of the square.
func (m mark) Side() float64 { return 2 * m.Radius }

// Left returns the left edge of the square.
func (m mark) Left() float64 { return m.X - m.Radius }

// Top returns the upper edge of the square.
func (m mark) Top() float64 { return m.Y - m.Radius }

// shares are the coordinates of a plot: NaN where nothing is known.
type shares struct {
	values []float64
	fails  []bool
}

// newPlot returns the plot of a result, or nil if there are fewer than two taps.
func newPlot(r *verify.Result) *plot {
	if len(r.Taps) < 2 {
		return nil
	}
	var whole, alone shares
	p := &plot{}
	for _, t := range r.Taps {
		whole.values, whole.fails = append(whole.values, share(t)), append(whole.fails, !t.OK)
		if t.Local == nil {
			alone.values, alone.fails = append(alone.values, math.NaN()), append(alone.fails, false)
			continue
		}
		p.Alone = true
		alone.values, alone.fails = append(alone.values, shareOf(t.Local.MaxAbs, t.Local.Tolerance)), append(alone.fails, !t.Local.OK)
	}
	p.Wide = draw(r, "wide", 1080, 380, whole, alone)
	p.Narrow = draw(r, "narrow", 350, 320, whole, alone)
	at := worst(r)
	p.Description = fmt.Sprintf("The largest share is %s, at %s; the table below has the figures.", formatNumber(share(r.Taps[at])), r.Taps[at].Name)
	return p
}

// draw returns a drawing of that size.
func draw(r *verify.Result, class string, width, height float64, whole, alone shares) drawing {
	d := drawing{Class: class, Width: width, Height: height, Left: 56, Top: 22, Right: width - 14, Bottom: height - 48}
	low, high := bounds(append(slices.Clone(whole.values), alone.values...))
	y := func(share float64) float64 {
		at := (math.Log(max(share, low)) - math.Log(low)) / (math.Log(high) - math.Log(low))
		return d.Bottom - min(1, at)*(d.Bottom-d.Top)
	}
	step := (d.Right - d.Left - 2*margin) / float64(len(r.Taps)-1)
	x := func(n int) float64 { return d.Left + margin + step*float64(n) }
	d.Limit = y(1)
	for _, value := range append([]float64{1}, webpage.LogTicks(low, high)...) { // the tolerance comes first
		near := func(other tick) bool { return math.Abs(other.At-y(value)) < rowDistance }
		if value == math.Pow(10, math.Round(math.Log10(value))) && !slices.ContainsFunc(d.Rows, near) {
			d.Rows = append(d.Rows, tick{At: y(value), Text: powerText(value)})
		}
	}
	d.Columns = columnTicks(r, x)
	radius := max(1.8, min(3.6, step/2))
	d.Whole, d.Alone = newSeries(r, whole, radius, x, y), newSeries(r, alone, radius, x, y)
	for n, t := range r.Taps {
		if t.Name == r.FirstDivergence {
			d.First = &tick{At: x(n), Text: t.Name, Anchor: anchor(x(n), d)}
		}
	}
	return d
}

// powerText returns a power of ten in at most five characters.
func powerText(value float64) string {
	if value >= 0.001 && value <= 1000 {
		return strconv.FormatFloat(value, 'g', -1, 64)
	}
	return "1e" + strconv.Itoa(int(math.Round(math.Log10(value))))
}

// Sizes of a drawing.
const (
	// margin is between the axes and the first and last marks.
	margin = 14.0
	// rowDistance is how far apart the lines of the vertical axis are at least.
	rowDistance = 30.0
	// characterWidth is about that of the font, and columnGap what is between the words of the horizontal axis.
	characterWidth = 7.5
	columnGap      = 8.0
)

// anchor returns how a text at x is placed so that it stays inside.
func anchor(x float64, d drawing) string {
	switch {
	case x > d.Right-100:
		return "end"
	case x < d.Left+100:
		return "start"
	}
	return "middle"
}

// bounds returns the ends of the axis: powers of ten around all shares that are finite, with room above for those that are not, and the tolerance well inside.
func bounds(values []float64) (low, high float64) {
	low, high = 1e-2, 1e1
	infinite := false
	for _, v := range values {
		switch {
		case math.IsInf(v, 1):
			infinite = true
		case v > 0: // not NaN
			low, high = min(low, math.Pow(10, math.Floor(math.Log10(v)))), max(high, math.Pow(10, math.Ceil(math.Log10(v))))
		}
	}
	if infinite {
		high *= 10
	}
	return max(low, 1e-9), min(high, 1e30)
}

// columnTicks returns words under the taps: stages outside of the blocks by their names, blocks by their numbers, as many as there is room for.
func columnTicks(r *verify.Result, x func(int) float64) []tick {
	type candidate struct {
		tick
		half float64
	}
	var taken []candidate
	place := func(n int, word string) {
		c := candidate{tick{At: x(n), Text: word, Anchor: "middle"}, characterWidth * float64(len(word)) / 2}
		for _, other := range taken {
			if math.Abs(other.At-c.At) < other.half+c.half+columnGap {
				return
			}
		}
		taken = append(taken, c)
	}
	blocks := map[int]int{}
	for n, t := range slices.Backward(r.Taps) { // the logits are more telling than what is before them
		stage, err := engine.ParseStage(t.Name)
		switch {
		case err != nil || !stage.InBlock():
			place(n, t.Name)
		case stage.Kind == engine.Block:
			blocks[stage.Block] = n
		}
	}
	for _, step := range []int{10, 5, 2, 1} {
		for _, block := range slices.Sorted(maps.Keys(blocks)) {
			if block%step == 0 {
				place(blocks[block], strconv.Itoa(block))
			}
		}
	}
	ticks := make([]tick, len(taken))
	for i, c := range taken {
		ticks[i] = c.tick
	}
	return ticks
}

// newSeries returns the line and the marks of shares.
func newSeries(r *verify.Result, s shares, radius float64, x func(int) float64, y func(float64) float64) series {
	var drawn series
	xs, ys := make([]float64, len(s.values)), make([]float64, len(s.values))
	for n, share := range s.values {
		if xs[n], ys[n] = x(n), math.NaN(); math.IsNaN(share) {
			continue
		}
		ys[n] = y(share)
		m := mark{X: xs[n], Y: ys[n], Radius: radius, Fails: s.fails[n], Text: fmt.Sprintf("%s: %s of the tolerance", r.Taps[n].Name, formatNumber(share))}
		if m.Fails {
			m.Radius *= 1.3
		}
		drawn.Marks = append(drawn.Marks, m)
	}
	drawn.Lines = webpage.Polylines(xs, ys)
	return drawn
}
