package segmentation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Record is a line of a file of predictions: what was counted in one picture.
type Record struct {
	// Index is the place of the picture in the whole data set, from 0, also in a part.
	Index int `json:"index"`
	// Image and Labels are the names of its files, below the folders of the data. A byte that is no UTF-8 is written as \xff, and a backslash that begins such a form as \x5c.
	Image  string `json:"image"`
	Labels string `json:"labels"`
	// Content is the CRC-32C of the file of labels, as 8 hexadecimal digits.
	Content string `json:"labels_crc32c,omitempty"`
	Width   int    `json:"width,omitempty"`
	Height  int    `json:"height,omitempty"`
	// Ignored is the number of pixels that do not count. Pairs are all others: the class by the labels, that by the model, and how many pixels have both, in the order of
	// the classes. All areas follow from them.
	Ignored int      `json:"ignored,omitempty"`
	Pairs   [][3]int `json:"pairs,omitempty"`
	// Windows is how many the model saw, and Padded says that one of them was larger than the picture.
	Windows int  `json:"windows,omitempty"`
	Padded  bool `json:"padded,omitempty"`
	// Map is the map of classes made small, a PNG whose grey samples are their numbers, for a page about the evaluation. No figure follows from it.
	Map []byte `json:"map,omitempty"`
	// Error says why the picture could not be evaluated; empty if it was.
	Error string `json:"error,omitempty"`
}

// Figures returns the figures of the picture alone.
func (r *Record) Figures(classes int) Figures {
	areas := make([]Area, classes)
	for _, p := range r.Pairs {
		addPair(areas, p)
	}
	return figuresOf(areas)
}

// recordOf returns the record of a pair of which nothing was counted.
func recordOf(p Pair) Record {
	return Record{Index: p.Index, Image: text.Valid(p.Image), Labels: text.Valid(p.Labels)}
}

// fill sets what was counted.
func (r *Record) fill(m *segment.Map, labels *preprocess.Indices, table [256]int, classes int) error {
	r.Width, r.Height, r.Windows, r.Padded = m.Width, m.Height, m.Windows, m.Padded
	r.Pairs, r.Ignored = count(m.Classes, labels.Values, table)
	small := Shrink(m.Width, m.Height, func(i int) int { return int(m.Classes[i]) })
	var err error
	r.Map, err = small.encode(classes)
	return err
}

// Small is a map of classes that was made small. Classes are row by row; -1 is unlabelled.
type Small struct {
	Width, Height int
	Classes       []int
}

// SmallSide is the largest edge of a small map.
const SmallSide = 160

// Factor returns by what a picture is made small: a whole number.
func Factor(width, height int) int { return (max(width, height) + SmallSide - 1) / SmallSide }

// Shrink returns a map that is made smaller: every [Factor]-th pixel of every such line.
func Shrink(width, height int, class func(i int) int) *Small {
	f := Factor(width, height)
	s := &Small{Width: max(1, width/f), Height: max(1, height/f)}
	for y := range s.Height {
		for x := range s.Width {
			s.Classes = append(s.Classes, class(min(height-1, y*f+f/2)*width+min(width-1, x*f+f/2)))
		}
	}
	return s
}

// Shrink returns labels made small, with their classes.
func (l Labelling) Shrink(labels *preprocess.Indices) *Small {
	table := l.classes()
	return Shrink(labels.Width, labels.Height, func(i int) int { return table[labels.Values[i]] })
}

// mostGrey is how many classes the samples of 8 bits can tell.
const mostGrey = 256

// encode returns the map as PNG.
func (s *Small) encode(classes int) ([]byte, error) {
	bounds := image.Rect(0, 0, s.Width, s.Height)
	var drawn image.Image
	if classes <= mostGrey {
		grey := image.NewGray(bounds)
		for i, class := range s.Classes {
			grey.Pix[i] = uint8(class)
		}
		drawn = grey
	} else {
		grey := image.NewGray16(bounds)
		for i, class := range s.Classes {
			grey.SetGray16(i%s.Width, i/s.Width, color.Gray16{Y: uint16(class)})
		}
		drawn = grey
	}
	var file bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&file, drawn)
	return file.Bytes(), err
}

// errNoMap says that the map of a record, which comes from a file, is none.
var errNoMap = errdef.New(errdef.ErrInput, "its map is not a PNG with numbers of classes")

// Prediction returns the small map of the record, or nil if it has none.
func (r *Record) Prediction(classes int) (*Small, error) {
	if r.Map == nil {
		return nil, nil
	}
	config, err := png.DecodeConfig(bytes.NewReader(r.Map))
	if err != nil || config.Width > SmallSide || config.Height > SmallSide {
		return nil, errNoMap
	}
	drawn, err := png.Decode(bytes.NewReader(r.Map))
	if err != nil {
		return nil, errNoMap
	}
	var at func(x, y int) int
	switch grey := drawn.(type) {
	case *image.Gray:
		at = func(x, y int) int { return int(grey.GrayAt(x, y).Y) }
	case *image.Gray16:
		at = func(x, y int) int { return int(grey.Gray16At(x, y).Y) }
	default:
		return nil, errNoMap
	}
	s := &Small{Width: config.Width, Height: config.Height}
	for y := range s.Height {
		for x := range s.Width {
			class := at(x, y)
			if class >= classes {
				return nil, errNoMap
			}
			s.Classes = append(s.Classes, class)
		}
	}
	return s, nil
}

// line is any line but the first. Index tells 0 from a field that is not there.
type line struct {
	Record
	Index *int    `json:"index"`
	End   *ending `json:"end,omitempty"`
}

// ending is the last line of an evaluation that reached the end of its pictures.
type ending struct {
	Images int `json:"images"`
}

// lineFields are those of a line.
var lineFields = text.Fields[line]()

// readLine reads a line that is not the first.
func readLine(raw []byte) (line, error) {
	var l line
	err := json.Unmarshal(raw, &l)
	if err == nil {
		err = text.CheckFields(raw, lineFields...)
	}
	switch {
	case err != nil:
		return l, fmt.Errorf("not a record: %w", err)
	case l.End != nil:
	case l.Index == nil:
		return l, errors.New("not a record: it has no index")
	default:
		l.Record.Index = *l.Index
	}
	return l, nil
}

// checkRecord returns an error if a record, which comes from a file, is not one of this header, or contradicts itself.
func (h *Header) checkRecord(r Record) error {
	switch {
	case r.Index < 0 || r.Index >= h.Data.Images:
		return fmt.Errorf("there is no picture %d", r.Index)
	case r.Index%h.Data.Shard.Of != h.Data.Shard.Index-1:
		return fmt.Errorf("picture %d is not one of part %s", r.Index, h.Data.Shard)
	case r.Error != "" && (r.Width != 0 || r.Height != 0 || r.Ignored != 0 || r.Pairs != nil || r.Windows != 0 || r.Padded || r.Map != nil):
		return errors.New("a picture that could not be evaluated has areas")
	case r.Error != "":
		return nil
	case r.Width <= 0 || r.Height <= 0 || r.Width > preprocess.MaxPixels/r.Height:
		return fmt.Errorf("it has %d x %d pixels", r.Width, r.Height)
	case r.Ignored < 0 || r.Windows < 1:
		return fmt.Errorf("it has %d ignored pixels and %d windows", r.Ignored, r.Windows)
	}
	sum, last := r.Ignored, [3]int{-1, -1}
	for _, p := range r.Pairs {
		switch classes := h.Model.Config.Classes; {
		case p[0] < 0 || p[0] >= classes || p[1] < 0 || p[1] >= classes:
			return fmt.Errorf("a class is not one of %d", classes)
		case comparePairs(last, p) >= 0:
			return errors.New("its pairs of classes are not in their order, each once")
		case p[2] <= 0 || p[2] > r.Width*r.Height-sum:
			return fmt.Errorf("its areas are not those of %d x %d pixels", r.Width, r.Height)
		}
		sum, last = sum+p[2], p
	}
	if sum != r.Width*r.Height {
		return fmt.Errorf("its areas are not those of %d x %d pixels", r.Width, r.Height)
	}
	return nil
}
