package preprocess

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"
	"strconv"
)

// netpbmFile reads PBM, PGM, PPM and PFM files as Pillow does (python-pillow/Pillow src/PIL/PpmImagePlugin.py): the values of a file of another depth than 8 bits
// are scaled to 8 or, for grey of more, to 16 bits, and these saturate, as 16-bit grey does everywhere in Pillow.
type netpbmFile struct {
	data []byte // what has not been read
	kind byte   // '1' to '6', or 'f'
	image.Config
	most  int     // the value of white
	scale float64 // negative for floats of little endian
}

func netpbmConfig(data []byte) (image.Config, error) {
	p, err := newNetpbm(data)
	if err != nil {
		return image.Config{}, err
	}
	return p.Config, nil
}

// newNetpbm reads the header.
func newNetpbm(data []byte) (*netpbmFile, error) {
	if len(data) < 3 || !isSpace(data[2]) {
		return nil, errors.New("malformed header")
	}
	p := &netpbmFile{data: data[3:], kind: data[1]}
	var err error
	if p.Width, err = p.number(math.MaxInt32); err != nil {
		return nil, err
	}
	if p.Height, err = p.number(math.MaxInt32); err != nil {
		return nil, err
	}
	switch p.kind {
	case '1', '4':
	case 'f':
		var token string
		if token, err = p.token(); err == nil {
			p.scale, err = strconv.ParseFloat(token, 64)
		}
		if err == nil && (p.scale == 0 || math.IsInf(p.scale, 0) || math.IsNaN(p.scale)) {
			err = errors.New("malformed scale")
		}
	default:
		if p.most, err = p.number(math.MaxUint16); err == nil && p.most == 0 {
			err = errors.New("the largest value is 0")
		}
	}
	return p, err
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// token reads up to the next space, and the space. Comments are left out; a token goes on after one.
func (p *netpbmFile) token() (string, error) {
	const longest = 10
	var token []byte
	for len(token) <= longest {
		if len(p.data) == 0 {
			if len(token) == 0 {
				return "", errEndsEarly
			}
			return string(token), nil
		}
		c := p.data[0]
		p.data = p.data[1:]
		switch {
		case c == '#':
			p.skipComment()
		case !isSpace(c):
			token = append(token, c)
		case len(token) > 0:
			return string(token), nil
		}
	}
	return "", errors.New("malformed number: it is too long")
}

func (p *netpbmFile) skipComment() {
	for len(p.data) > 0 {
		c := p.data[0]
		p.data = p.data[1:]
		if c == '\n' || c == '\r' {
			return
		}
	}
}

// number reads a number up to most.
func (p *netpbmFile) number(most int) (int, error) {
	token, err := p.token()
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(token)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("malformed number: %.12q is not one from 0 to %d", token, most)
	}
	return n, nil
}

func decodeNetpbm(data []byte) (*RGB8, error) {
	p, err := newNetpbm(data)
	if err != nil {
		return nil, err
	}
	dst := NewRGB8(p.Width, p.Height)
	switch p.kind {
	case '1':
		return dst, p.plainBits(dst)
	case '2', '3':
		return dst, p.samples(dst, func() (int, error) { return p.number(p.most) })
	case '4':
		return dst, p.bits(dst)
	case 'f':
		return dst, p.floats(dst)
	}
	return dst, p.samples(dst, p.binary())
}

// binary returns what reads the next sample of the binary forms.
func (p *netpbmFile) binary() func() (int, error) {
	size := 1
	if p.most > math.MaxUint8 {
		size = 2
	}
	return func() (int, error) {
		if len(p.data) < size {
			return 0, errEndsEarly
		}
		value := int(p.data[0])
		if size == 2 {
			value = int(binary.BigEndian.Uint16(p.data))
		}
		p.data = p.data[size:]
		return value, nil
	}
}

// samples reads grey or colour.
func (p *netpbmFile) samples(dst *RGB8, next func() (int, error)) error {
	grey := p.kind == '2' || p.kind == '5'
	step, white := 1, 255
	if grey {
		step = 3
		if p.most > math.MaxUint8 {
			white = math.MaxUint16
		}
	}
	for i := 0; i < len(dst.Pix); i += step {
		value, err := next()
		if err != nil {
			return err
		}
		v := uint8(min(255, math.RoundToEven(float64(value)/float64(p.most)*float64(white))))
		for c := range step {
			dst.Pix[i+c] = v
		}
	}
	return nil
}

// plainBits reads digits, between which there may be spaces; 1 is black.
func (p *netpbmFile) plainBits(dst *RGB8) error {
	for i := 0; i < len(dst.Pix); {
		if len(p.data) == 0 {
			return errEndsEarly
		}
		c := p.data[0]
		p.data = p.data[1:]
		switch {
		case c == '#':
			p.skipComment()
		case c == '0' || c == '1':
			greyPixel(dst.Pix[i:i+3], []uint8{255 * ('1' - c)})
			i += 3
		case !isSpace(c):
			return errors.New("malformed bits")
		}
	}
	return nil
}

// bits reads lines of whole bytes; 1 is black.
func (p *netpbmFile) bits(dst *RGB8) error {
	stride := (p.Width + 7) / 8
	if len(p.data)/stride < p.Height {
		return errEndsEarly
	}
	for y := range p.Height {
		line, row := p.data[y*stride:], dst.row(y)
		for x := range p.Width {
			greyPixel(row[3*x:3*x+3], []uint8{255 * (1 - line[x/8]>>(7-x%8)&1)})
		}
	}
	return nil
}

// floats reads grey of floating-point numbers, the bottom line first, without their scale. Like everything else they are cut to 0 to 255.
func (p *netpbmFile) floats(dst *RGB8) error {
	if len(p.data)/4/p.Width < p.Height {
		return errEndsEarly
	}
	var order binary.ByteOrder = binary.BigEndian
	if p.scale < 0 {
		order = binary.LittleEndian
	}
	for y := range p.Height {
		line, row := p.data[4*p.Width*(p.Height-1-y):], dst.row(y)
		for x := range p.Width {
			greyPixel(row[3*x:3*x+3], []uint8{cut(float64(math.Float32frombits(order.Uint32(line[4*x:]))))})
		}
	}
	return nil
}

// cut returns the 8 bits of a number, rounded down, as Pillow converts its modes of floating-point numbers and of large integers.
func cut(v float64) uint8 {
	switch {
	case v >= 255:
		return 255
	case v > 0:
		return uint8(v)
	}
	return 0
}
