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
}

// cell is a square with a number, in units of about one pixel.
type cell struct {
	X, Y, Side float64
	Images     int
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

// newMatrix returns the confusion of a page, or nil if there is none to see.
func newMatrix(page Page) (*matrix, error) {
	s := page.Summary
	var classes []int
	for _, c := range s.Classes {
		classes = append(classes, c.Class)
	}
	for _, c := range s.Confusions {
		classes = append(classes, c.Right, c.Taken)
	}
	slices.Sort(classes)
	classes = slices.Compact(classes)
	if len(classes) < 2 {
		return nil, nil
	}
	m := &matrix{Classes: len(classes), Group: (len(classes) + mostCells - 1) / mostCells}
	cells := (len(classes) + m.Group - 1) / m.Group
	counts, rows := make(map[[2]int]int), make([]int, cells)
	at := func(class int) int {
		place, _ := slices.BinarySearch(classes, class)
		return place / m.Group
	}
	for _, c := range s.Classes {
		counts[[2]int{at(c.Class), at(c.Class)}] += c.Top1
		rows[at(c.Class)] += c.Images
	}
	for _, c := range s.Confusions {
		counts[[2]int{at(c.Right), at(c.Taken)}] += c.Images
	}
	share := func(row, column int) float64 {
		return float64(counts[[2]int{row, column}]) / float64(max(1, rows[row]))
	}
	if len(classes) <= fewClasses {
		m.cells(page, classes, func(row, column int) (int, float64) { return counts[[2]int{row, column}], share(row, column) })
		return m, nil
	}
	m.Scale = mostSide / cells
	m.Side = cells * m.Scale
	return m, m.draw(counts, share)
}

// cells makes the drawing for few classes.
func (m *matrix) cells(page Page, classes []int, at func(row, column int) (images int, share float64)) {
	step := (cellsTo - cellsFrom) / float64(len(classes))
	place := func(i int) float64 { return cellsFrom + step*float64(i) }
	for row, class := range classes {
		name, index := page.nameOf(class), strconv.Itoa(class)
		m.Ticks = append(m.Ticks, classTick{cellsFrom - 6, place(row) + step/2 + 4.5, index, name, "end"}, classTick{place(row) + step/2, cellsFrom - 10, index, name, "middle"})
		if labels := page.Header.Model.Labels; class < len(labels) && name != index {
			m.Names = append(m.Names, classTick{Text: index, Name: name})
		}
		for column, other := range classes {
			images, share := at(row, column)
			words := fmt.Sprintf("%s of %s taken for %s: %s", text.Count(images, "image", "images"), name, page.nameOf(other), percent(share))
			m.Cells = append(m.Cells, cell{X: place(column) + 1, Y: place(row) + 1, Side: step - 2, Images: images, Shade: shade(share), Text: words})
		}
	}
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
func (m *matrix) draw(counts map[[2]int]int, share func(row, column int) float64) error {
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
	var file bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&file, drawn); err != nil {
		return fmt.Errorf("the picture of the confusion: %w", err)
	}
	m.Source = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(file.Bytes()))
	return nil
}

// fill gives a cell its colour.
func (m *matrix) fill(drawn *image.Paletted, place [2]int, index uint8) {
	for y := range m.Scale {
		for x := range m.Scale {
			drawn.SetColorIndex(place[1]*m.Scale+x, place[0]*m.Scale+y, index)
		}
	}
}
