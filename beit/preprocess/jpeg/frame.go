package jpeg

import (
	"encoding/binary"
	"image"
)

// frame is the picture as a whole.
type frame struct {
	width, height int
	progressive   bool
	// multiple means that there may be more than one scan.
	multiple   bool
	components []component
	// maxH and maxV are the largest sampling factors, and unitsX by unitsY are the units of interleaved scans.
	maxH, maxV, unitsX, unitsY int
	// window is the part that is wanted.
	window image.Rectangle
}

// component is a plane of the picture.
type component struct {
	id   byte
	h, v int
	// table is the number of the quantisers, and quant what these were when the first scan began.
	table byte
	quant *[64]uint16
	// width by height samples are real, in columns by rows blocks; with padding there are stride by lines blocks.
	width, height int
	columns, rows int
	// blocks are those of which samples are wanted.
	blocks        image.Rectangle
	stride, lines int
	coefficients  []int16 // [lines, stride, 64] if there may be several scans, else [v, stride, 64], one row of units
	samples       []uint8 // lines of which each begins pitch after the one before
	pitch         int
	// known has, for each coefficient in the order of the file, the bits that are still missing after the scans so far, or -1 for all; previous has the same
	// before the last scan.
	known, previous [64]int8
}

// frameHeader reads the size and the components.
func (d *decoder) frameHeader(m byte, body []byte) error {
	switch {
	case d.components != nil:
		return malformed("a second frame")
	case m > sof2:
		return &UnsupportedError{kinds[m]}
	case len(body) < 6:
		return malformed("a frame header of %d bytes", len(body))
	}
	d.progressive = m == sof2
	d.height, d.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	count := int(body[5])
	switch {
	case body[0] != 8:
		return &UnsupportedError{"JPEG of other than 8 bits"}
	case d.width == 0 || d.height == 0 || count == 0:
		return malformed("%d x %d pixels of %d components", d.width, d.height, count)
	case len(body) != 6+3*count:
		return malformed("a frame header of %d bytes for %d components", len(body), count)
	case count == 2 || count > 4:
		return &UnsupportedError{"JPEG of other than 1, 3 or 4 components"}
	}
	components := make([]component, count)
	for i := range components {
		c, b := &components[i], body[6+3*i:]
		c.id, c.h, c.v, c.table = b[0], int(b[1]>>4), int(b[1]&15), b[2]
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return malformed("sampling factors %d x %d", c.h, c.v)
		}
		d.maxH, d.maxV = max(d.maxH, c.h), max(d.maxV, c.v)
	}
	d.components = components
	return d.measure()
}

var kinds = map[byte]string{
	0xc3: "lossless JPEG", 0xc5: "hierarchical JPEG", 0xc6: "hierarchical JPEG", 0xc7: "hierarchical JPEG", 0xc9: "JPEG with arithmetic coding",
	0xca: "JPEG with arithmetic coding", 0xcb: "lossless JPEG", 0xcd: "hierarchical JPEG", 0xce: "hierarchical JPEG", 0xcf: "hierarchical JPEG",
}

// measure sets the sizes of components.
func (d *decoder) measure() error {
	d.unitsX, d.unitsY = ceil(d.width, 8*d.maxH), ceil(d.height, 8*d.maxV)
	for i := range d.components {
		c := &d.components[i]
		if d.maxH%c.h != 0 || d.maxV%c.v != 0 {
			return &UnsupportedError{"JPEG whose samples do not cover whole pixels"}
		}
		c.width, c.height = ceil(d.width*c.h, d.maxH), ceil(d.height*c.v, d.maxV)
		c.columns, c.rows = ceil(d.width*c.h, 8*d.maxH), ceil(d.height*c.v, 8*d.maxV)
		c.stride, c.lines = d.unitsX*c.h, d.unitsY*c.v
		for k := range c.known {
			c.known[k], c.previous[k] = -1, -1
		}
	}
	return nil
}

// look notes which part is wanted, and with it which blocks: the samples beside those of the part are interpolated with them.
func (f *frame) look(window image.Rectangle) {
	f.window = window.Intersect(image.Rect(0, 0, f.width, f.height))
	for i := range f.components {
		c := &f.components[i]
		stepX, stepY := f.maxH/c.h, f.maxV/c.v
		if f.window.Empty() {
			c.blocks = image.Rectangle{}
			continue
		}
		left, top := max(0, f.window.Min.X/stepX-1), max(0, f.window.Min.Y/stepY-1)
		right, bottom := (f.window.Max.X-1)/stepX+1, (f.window.Max.Y-1)/stepY+1
		c.blocks = image.Rect(left/8, top/8, min(c.columns, right/8+1), min(c.rows, bottom/8+1))
	}
}

func ceil(a, b int) int { return (a + b - 1) / b }

// allocate makes room for samples, and for coefficients if there may be several scans.
func (d *decoder) allocate() {
	d.multiple = d.progressive || len(d.current.components) < len(d.components)
	for i := range d.components {
		c := &d.components[i]
		c.pitch = 8 * c.stride
		c.samples = d.memory.samples[i].take(c.pitch * 8 * c.lines) // all that are read are written before, in whatever scan
		lines := c.v
		if d.multiple {
			lines = c.lines
		}
		c.coefficients = d.memory.coefficients[i].cleared(64 * c.stride * lines)
	}
}
