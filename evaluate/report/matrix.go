package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strconv"

	"github.com/beitzoo/beitzoo/internal/text"
)

// matrix is the confusion: rows are right classes, columns those that were taken for them.
type matrix struct {
	// Source is a PNG as an address, of Side pixels each way. Each cell has Scale pixels, and stands for Group classes.
	Source             template.URL
	Side, Scale, Group int
	Classes            int
	// Cells are drawn instead, with their numbers, for few classes. Ticks are the indices of the classes at both sides, and Names those with names.
	Cells        []cell
	Ticks, Names []classTick
	// Shows says what the numbers of the cells are.
	Shows string
}

// confusion is what a matrix is made of, by the indices of classes.
type confusion struct {
	labels []string
	// unit is what is counted, one and many; shares says that cells show shares of their rows.
	unit   [2]string
	shares bool
	// right is how many of a class are right, rows is how many it has, and taken is how many of a class were taken for another one.
	right, rows map[int]int64
	taken       map[[2]int]int64
}

// cell is a square with a number, in units of about one pixel.
type cell struct {
	X, Y, Side float64
	// Shown is what stands in it; empty for nothing.
	Shown string
	// Shade is the class of its colour, 0 to 5.
	Shade int
	Text  string
}

// MiddleX returns the middle of a cell.
func (c cell) MiddleX() float64 { return c.X + c.Side/2 }

// MiddleY returns the middle of a cell.
func (c cell) MiddleY() float64 { return c.Y + c.Side/2 }

// classTick names a row or a column.
type classTick struct {
	X, Y               float64
	Text, Name, Anchor string
}

// The drawing for few classes has cells from cellsFrom on, to cellsTo.
const cellsFrom, cellsTo = 44.0, 346.0

const (
	// fewClasses is the largest number of classes of which a table is made.
	fewClasses = 12
	// mostCells is the largest number of cells of a picture each way, so that each can be seen; more classes share cells. mostSide is the most pixels that it has.
	mostCells, mostSide = 125, 750
)

// newMatrix returns the matrix, or nil if there is none to see.
func newMatrix(c confusion) (*matrix, error) {
	var classes []int
	for class := range c.rows {
		classes = append(classes, class)
	}
	for pair := range c.taken {
		classes = append(classes, pair[0], pair[1])
	}
	slices.Sort(classes)
	classes = slices.Compact(classes)
	if len(classes) < 2 {
		return nil, nil
	}
	m := &matrix{Classes: len(classes), Group: (len(classes) + mostCells - 1) / mostCells, Shows: "numbers of " + c.unit[1]}
	if c.shares {
		m.Shows = "shares of their row in percent"
	}
	cells := (len(classes) + m.Group - 1) / m.Group
	counts, rows := make(map[[2]int]int64), make([]int64, cells)
	at := func(class int) int {
		place, _ := slices.BinarySearch(classes, class)
		return place / m.Group
	}
	for class, n := range c.rows {
		counts[[2]int{at(class), at(class)}] += c.right[class]
		rows[at(class)] += n
	}
	for pair, n := range c.taken {
		counts[[2]int{at(pair[0]), at(pair[1])}] += n
	}
	share := func(row, column int) float64 {
		return float64(counts[[2]int{row, column}]) / float64(max(1, rows[row]))
	}
	if len(classes) <= fewClasses {
		m.cells(&c, classes, func(row, column int) (int64, float64) { return counts[[2]int{row, column}], share(row, column) })
		return m, nil
	}
	m.Scale = mostSide / cells
	m.Side = cells * m.Scale
	return m, m.draw(counts, share)
}

// cells makes the drawing for few classes.
func (m *matrix) cells(c *confusion, classes []int, at func(row, column int) (count int64, share float64)) {
	step := (cellsTo - cellsFrom) / float64(len(classes))
	place := func(i int) float64 { return cellsFrom + step*float64(i) }
	for row, class := range classes {
		name, index := nameOf(c.labels, class), strconv.Itoa(class)
		m.Ticks = append(m.Ticks, classTick{cellsFrom - 6, place(row) + step/2 + 4.5, index, name, "end"}, classTick{place(row) + step/2, cellsFrom - 10, index, name, "middle"})
		if class < len(c.labels) && name != index {
			m.Names = append(m.Names, classTick{Text: index, Name: name})
		}
		for column, other := range classes {
			count, share := at(row, column)
			words := fmt.Sprintf("%s of %s taken for %s: %s", text.Count(int(count), c.unit[0], c.unit[1]), name, nameOf(c.labels, other), percent(share))
			m.Cells = append(m.Cells, cell{X: place(column) + 1, Y: place(row) + 1, Side: step - 2, Shown: c.shown(count, share), Shade: shade(share), Text: words})
		}
	}
}

// shown returns what stands in a cell.
func (c *confusion) shown(count int64, share float64) string {
	switch {
	case count == 0:
		return ""
	case c.shares:
		return strconv.FormatFloat(100*share, 'f', 0, 64)
	}
	return strconv.FormatInt(count, 10)
}

// shade returns which of six colours a share has: the first is for nothing.
func shade(share float64) int {
	switch {
	case share == 0:
		return 0
	case share < 0.02:
		return 1
	case share < 0.1:
		return 2
	case share < 0.3:
		return 3
	case share < 0.7:
		return 4
	}
	return 5
}

// shades is the number of colours of the diagonal, and of all else.
const shades = 32

// draw draws the picture: white is nothing. The diagonal is the darker blue, the larger its share of its row, and all else the darker red, the nearer it is to the
// largest share beside the diagonal; both by the square root.
func (m *matrix) draw(counts map[[2]int]int64, share func(row, column int) float64) error {
	palette := color.Palette{color.White}
	for _, ends := range [][2][3]float64{{{225, 236, 244}, {8, 48, 107}}, {{253, 220, 205}, {140, 10, 20}}} {
		for i := range shades {
			mix := func(c int) uint8 {
				return uint8(math.Round(ends[0][c] + (ends[1][c]-ends[0][c])*float64(i)/(shades-1)))
			}
			palette = append(palette, color.RGBA{mix(0), mix(1), mix(2), 0xff})
		}
	}
	largest := 0.0
	for place := range counts {
		if place[0] != place[1] {
			largest = max(largest, share(place[0], place[1]))
		}
	}
	drawn := image.NewPaletted(image.Rect(0, 0, m.Side, m.Side), palette)
	for place := range counts {
		value, first := min(1, share(place[0], place[1])), 1
		if place[0] != place[1] {
			value, first = value/largest, 1+shades
		}
		if !(value > 0) {
			continue
		}
		m.fill(drawn, place, uint8(first+int(math.Round(math.Sqrt(value)*(shades-1)))))
	}
	var err error
	m.Source, err = pngAddress(drawn)
	return err
}

// pngAddress returns a drawing as an address.
func pngAddress(drawn image.Image) (template.URL, error) {
	var file bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&file, drawn); err != nil {
		return "", fmt.Errorf("a drawing of the page: %w", err)
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(file.Bytes())), nil
}

// fill gives a cell its colour.
func (m *matrix) fill(drawn *image.Paletted, place [2]int, index uint8) {
	for y := range m.Scale {
		for x := range m.Scale {
			drawn.SetColorIndex(place[1]*m.Scale+x, place[0]*m.Scale+y, index)
		}
	}
}
