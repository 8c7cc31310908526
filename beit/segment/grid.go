package segment

import (
	"context"
	"math"

	"github.com/beitzoo/beitzoo/internal/parallel"
)

// grid has the logits of all windows of a resized picture.
type grid struct {
	// width and height are those of the resized picture.
	width, height             int
	windowWidth, windowHeight int
	// xs and ys are where windows begin; logits has those of each, [classes, mapHeight, mapWidth], row by row of windows.
	xs, ys                       []int
	classes, mapHeight, mapWidth int
	logits                       [][]float32
	// mirrored says that the model saw the picture mirrored.
	mirrored, padded bool
}

// line is the sum of all windows on one line of the resized picture, over their number, [classes, width].
type line struct {
	y      int
	values []float32
}

// band is how many lines of the picture a task computes: lines of the resized picture that two of them share are computed twice.
const band = 16

// choose resizes the logits to the picture and writes the class with the largest one to m, or, if sum is not nil, adds their probabilities to it. As
// open-mmlab/mmsegmentation does it, logits of a window are resized to its pixels, averaged where windows overlap, and resized again. The error is that of ctx.
func (g *grid) choose(ctx context.Context, threads int, m *Map, sum *probabilities) error {
	across, down := bilinearTaps(g.width, m.Width), bilinearTaps(g.height, m.Height)
	inside, below := bilinearTaps(g.mapWidth, g.windowWidth), bilinearTaps(g.mapHeight, g.windowHeight)
	return parallel.Chunks(ctx, threads, m.Height, band, func(_, from, to int) {
		low, high := line{y: -1, values: make([]float32, g.classes*g.width)}, line{y: -1, values: make([]float32, g.classes*g.width)}
		pixel := make([]float32, g.classes*m.Width)
		for y := from; y < to; y++ {
			t := down[y]
			if high.y == t.low {
				low, high = high, low
			}
			g.compute(&low, t.low, inside, below)
			g.compute(&high, t.high, inside, below)
			for class := range g.classes {
				above, under := low.values[class*g.width:][:g.width], high.values[class*g.width:][:g.width]
				for x, a := range across {
					top := (1-a.part)*above[a.low] + a.part*above[a.high]
					bottom := (1-a.part)*under[a.low] + a.part*under[a.high]
					if g.mirrored {
						x = m.Width - 1 - x
					}
					pixel[x*g.classes+class] = (1-t.part)*top + t.part*bottom
				}
			}
			for x := range m.Width {
				logits := pixel[x*g.classes:][:g.classes]
				if sum != nil {
					sum.add(y*m.Width+x, logits)
				} else {
					m.Classes[y*m.Width+x] = largest(logits)
				}
			}
		}
	})
}

// compute makes a line of the resized picture, unless it is that already.
func (g *grid) compute(into *line, y int, inside, below []bilinearTap) {
	if into.y == y {
		return
	}
	into.y = y
	clear(into.values)
	counts := make([]float32, g.width)
	for row, top := range g.ys {
		if y < top || y >= top+g.windowHeight {
			continue
		}
		t := below[y-top]
		for column, left := range g.xs {
			logits := g.logits[row*len(g.xs)+column]
			end := min(g.windowWidth, g.width-left)
			for class := range g.classes {
				plane := logits[class*g.mapHeight*g.mapWidth:]
				above, under := plane[t.low*g.mapWidth:][:g.mapWidth], plane[t.high*g.mapWidth:][:g.mapWidth]
				values := into.values[class*g.width+left:][:end]
				for x, a := range inside[:end] {
					high := (1-a.part)*above[a.low] + a.part*above[a.high]
					lower := (1-a.part)*under[a.low] + a.part*under[a.high]
					values[x] += (1-t.part)*high + t.part*lower
				}
			}
			for x := range counts[left : left+end] {
				counts[left+x]++
			}
		}
	}
	for class := range g.classes {
		values := into.values[class*g.width:][:g.width]
		for x, n := range counts {
			values[x] /= n
		}
	}
}

// largest returns the index of the largest value, of the first one if several are.
func largest(values []float32) uint32 {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return uint32(best)
}

// probabilities are sums of those of several passes, [pixels, classes].
type probabilities struct {
	classes int
	values  []float32
}

func newProbabilities(classes, pixels int) *probabilities {
	return &probabilities{classes, make([]float32, classes*pixels)}
}

// add adds the softmax of logits, which it changes.
func (p *probabilities) add(pixel int, logits []float32) {
	most := logits[largest(logits)]
	var total float32
	for i, v := range logits {
		logits[i] = float32(math.Exp(float64(v - most)))
		total += logits[i]
	}
	into := p.values[pixel*p.classes:][:p.classes]
	for i, v := range logits {
		into[i] += v / total
	}
}

func (p *probabilities) choose(m *Map) {
	for i := range m.Classes {
		m.Classes[i] = largest(p.values[i*p.classes:][:p.classes])
	}
}
