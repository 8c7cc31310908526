package site

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/beitzoo/beitzoo/internal/webpage"
)

// chart shows the accuracy of models over their number of parameters, for one data set: accuracies on different data sets can't be compared.
type chart struct {
	// ID is part of the ids of its elements.
	ID      string
	Dataset string
	// Points are the models, the most accurate first. A narrow drawing has their numbers, counted from 1.
	Points []point
	// Wide is for wide windows, with names at the points, and Narrow for telephones, with numbers.
	Wide, Narrow drawing
}

// point is a model in a chart.
type point struct {
	Name string
	// Parameters and Top1 (per cent) are its coordinates.
	Parameters int64
	Top1       float64
}

// drawing is a chart of some size, in units of about one pixel.
type drawing struct {
	Width, Height float64
	// Plot is the part inside the axes.
	Plot          rectangle
	Columns, Rows []tick
	Dots          []dot
	Labels        []label
	LabelsLeftOut int
}

type rectangle struct{ Left, Top, Right, Bottom float64 }

type tick struct {
	// At is the coordinate of the line.
	At   float64
	Text string
}

type dot struct {
	X, Y float64
	Text string
}

// label is the text beside a dot. From and To are the ends of the line between them; there is none if the label touches its dot.
type label struct {
	Text    string
	X, Y    float64
	Width   float64
	HasLine bool
	From    [2]float64
	To      [2]float64
	box     rectangle
}

// Sizes of a drawing.
const (
	dotRadius  = 5.0
	lineHeight = 17.0
	// tickDistance is how far apart the lines of the horizontal axis are at least, since there are words under them.
	tickDistance = 56.0
	// characterWidth is that of the font of labels; the page makes texts exactly that wide.
	characterWidth = 8.0
)

// charts returns a chart for each data set on which at least two models were measured, the one with the most models first.
func charts(models []*model) []chart {
	byDataset := map[string][]point{}
	var datasets []string
	for _, m := range models {
		best := m.Best()
		if best == nil || m.Status.IsWithdrawn() || m.Parameters < 1 || !(best.Top1 > 0 && best.Top1 <= 100) {
			continue
		}
		if byDataset[best.Dataset] == nil {
			datasets = append(datasets, best.Dataset)
		}
		byDataset[best.Dataset] = append(byDataset[best.Dataset], point{m.ID, m.Parameters, best.Top1})
	}
	slices.SortFunc(datasets, func(a, b string) int { return cmp.Or(len(byDataset[b])-len(byDataset[a]), cmp.Compare(a, b)) })
	var all []chart
	for _, dataset := range datasets {
		points := byDataset[dataset]
		if len(points) < 2 {
			continue
		}
		slices.SortFunc(points, func(a, b point) int { return cmp.Or(cmp.Compare(b.Top1, a.Top1), cmp.Compare(a.Name, b.Name)) })
		c := chart{ID: "chart-" + strconv.Itoa(len(all)+1), Dataset: dataset, Points: points}
		c.Wide = draw(points, 1080, 460, func(n int) string { return points[n].Name })
		c.Narrow = draw(points, 350, 340, func(n int) string { return strconv.Itoa(n + 1) })
		all = append(all, c)
	}
	return all
}

// view is one drawing of a chart, for a template.
type view struct {
	// Class is "wide" or "narrow", and ID is part of the ids of its elements.
	Class, ID string
	Chart     chart
	Drawing   drawing
}

// View returns the wide or the narrow drawing.
func (c chart) View(class string) view {
	drawing := c.Wide
	if class == "narrow" {
		drawing = c.Narrow
	}
	return view{class, c.ID + "-" + class, c, drawing}
}

// Count returns the number of parameters in short.
func (p point) Count() string { return shortCount(p.Parameters) }

// Description says in words what the chart shows.
func (c chart) Description() string {
	first, last := c.Points[0], c.Points[len(c.Points)-1]
	return fmt.Sprintf("A dot for each of %d models; to the right are more parameters, above is a higher accuracy. The most accurate is %s with %s %% and %s parameters, "+
		"the least accurate %s with %s %% and %s parameters. The table below has the figures.",
		len(c.Points), first.Name, formatPercent(first.Top1), shortCount(first.Parameters), last.Name, formatPercent(last.Top1), shortCount(last.Parameters))
}

// draw returns a drawing of that size. name returns the label of a point.
func draw(points []point, width, height float64, name func(n int) string) drawing {
	d := drawing{Width: width, Height: height, Plot: rectangle{Left: 46, Top: 14, Right: width - 12, Bottom: height - 46}}
	lowX, highX, lowY, highY := bounds(points)
	x := func(parameters float64) float64 {
		return d.Plot.Left + (math.Log(parameters)-math.Log(lowX))/(math.Log(highX)-math.Log(lowX))*(d.Plot.Right-d.Plot.Left)
	}
	y := func(top1 float64) float64 {
		return d.Plot.Bottom - (top1-lowY)/(highY-lowY)*(d.Plot.Bottom-d.Plot.Top)
	}
	for _, parameters := range webpage.LogTicks(lowX, highX) {
		at := x(parameters)
		if !slices.ContainsFunc(d.Columns, func(other tick) bool { return math.Abs(other.At-at) < tickDistance }) {
			d.Columns = append(d.Columns, tick{at, shortCount(int64(math.Round(parameters)))})
		}
	}
	step := tickStep(lowY, highY)
	digits := max(0, int(math.Ceil(-math.Log10(step))))
	for n := math.Ceil(lowY / step); n*step <= highY; n++ {
		d.Rows = append(d.Rows, tick{y(n * step), strconv.FormatFloat(n*step, 'f', digits, 64)})
	}
	for _, p := range points {
		d.Dots = append(d.Dots, dot{x(float64(p.Parameters)), y(p.Top1), fmt.Sprintf("%s: %s %%, %s parameters", p.Name, formatPercent(p.Top1), shortCount(p.Parameters))})
	}
	for n := range points {
		d.addLabel(n, name(n))
	}
	return d
}

// bounds returns the ends of the axes, a little outside the points. They are at least a factor of 2 and 2 per cent apart, so that a small
// difference looks small.
func bounds(points []point) (lowX, highX, lowY, highY float64) {
	lowX, highX, lowY, highY = math.Inf(1), 0, 100, 0
	for _, p := range points {
		lowX, highX = min(lowX, float64(p.Parameters)), max(highX, float64(p.Parameters))
		lowY, highY = min(lowY, p.Top1), max(highY, p.Top1)
	}
	margin := max(math.Pow(highX/lowX, 0.15), math.Sqrt(2/(highX/lowX)), 1.05)
	extra := max((highY-lowY)*0.08, (2-(highY-lowY))/2)
	return lowX / margin, highX * margin, max(0, lowY-extra), min(100, highY+extra)
}

// tickStep returns a round distance of which about 4 to 8 fit between the ends of an axis.
func tickStep(low, high float64) float64 {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, factor := range []float64{5, 2} {
		if (high-low)/(step*factor) >= 4 {
			return step * factor
		}
	}
	return step
}

// addLabel puts a label beside a dot, as near as it can without covering another label, a dot or a line. If there is no room, the dot stays without one.
func (d *drawing) addLabel(n int, text string) {
	width := float64(len([]rune(text))) * characterWidth
	for shift := 0.0; shift < d.Height; shift += lineHeight / 2 {
		for _, side := range []float64{1, -1} {
			for _, down := range []float64{-1, 1} {
				l := labelAt(d.Dots[n], text, width, side, down*shift)
				if d.hasRoom(n, l) {
					d.Labels = append(d.Labels, l)
					return
				}
			}
		}
	}
	d.LabelsLeftOut++
}

// labelAt returns a label to the right (side 1) or left (-1) of a dot, that many units below it.
func labelAt(at dot, text string, width, side, below float64) label {
	gap := dotRadius + 5
	if below != 0 {
		gap += 16
	}
	near := at.X + side*gap
	left := near
	if side < 0 {
		left = near - width
	}
	middle := at.Y + below
	return label{
		Text: text, X: left, Y: middle + 4.5, Width: width, HasLine: below != 0,
		From: [2]float64{at.X, at.Y}, To: [2]float64{near - side*3, middle},
		box: rectangle{left, middle - lineHeight/2, left + width, middle + lineHeight/2},
	}
}

// hasRoom reports whether a label of dot n is inside the plot and meets nothing else.
func (d *drawing) hasRoom(n int, l label) bool {
	if l.box.Left < d.Plot.Left+2 || l.box.Right > d.Plot.Right || l.box.Top < d.Plot.Top || l.box.Bottom > d.Plot.Bottom {
		return false
	}
	for i, other := range d.Dots {
		around := rectangle{other.X - dotRadius - 1, other.Y - dotRadius - 1, other.X + dotRadius + 1, other.Y + dotRadius + 1}
		if l.box.meets(around) || i != n && l.HasLine && around.crossed(l.From, l.To) && !d.sameSpot(i, n) {
			return false
		}
	}
	for _, other := range d.Labels {
		switch {
		case l.box.meets(other.box),
			l.HasLine && other.box.crossed(l.From, l.To),
			other.HasLine && l.box.crossed(other.From, other.To),
			l.HasLine && other.HasLine && cross(l.From, l.To, other.From, other.To):
			return false
		}
	}
	return true
}

// sameSpot reports whether two dots cover one another, so that a line from one cannot avoid the other.
func (d *drawing) sameSpot(a, b int) bool {
	return math.Hypot(d.Dots[a].X-d.Dots[b].X, d.Dots[a].Y-d.Dots[b].Y) < 2*dotRadius+2
}

// meets reports whether two rectangles have a point in common.
func (r rectangle) meets(o rectangle) bool {
	return r.Left < o.Right && o.Left < r.Right && r.Top < o.Bottom && o.Top < r.Bottom
}

// crossed reports whether a line between two points meets the rectangle, by clipping the line to it.
func (r rectangle) crossed(from, to [2]float64) bool {
	enter, leave := 0.0, 1.0
	for axis, limits := range [2][2]float64{{r.Left, r.Right}, {r.Top, r.Bottom}} {
		start, way := from[axis], to[axis]-from[axis]
		if way == 0 {
			if start <= limits[0] || start >= limits[1] {
				return false
			}
			continue
		}
		a, b := (limits[0]-start)/way, (limits[1]-start)/way
		enter, leave = max(enter, min(a, b)), min(leave, max(a, b))
	}
	return enter < leave
}

// cross reports whether two lines between points cross, other than at their ends.
func cross(a, b, c, d [2]float64) bool {
	turn := func(p, q, r [2]float64) float64 { return (q[0]-p[0])*(r[1]-p[1]) - (q[1]-p[1])*(r[0]-p[0]) }
	return turn(a, b, c)*turn(a, b, d) < 0 && turn(c, d, a)*turn(c, d, b) < 0
}
