package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// The markers, without their 0xff.
const (
	sof0, sof1, sof2 = 0xc0, 0xc1, 0xc2
	sof15            = 0xcf
	dht, jpg, dac    = 0xc4, 0xc8, 0xcc
	rst0, rst7       = 0xd0, 0xd7
	soi, eoi, sos    = 0xd8, 0xd9, 0xda
	dqt, dnl, dri    = 0xdb, 0xdc, 0xdd
	app0, app14      = 0xe0, 0xee
	app15, com       = 0xef, 0xfe
	tem              = 0x01
)

// decoder reads one file.
type decoder struct {
	data   []byte
	memory *memory
	pos    int
	// pending is a marker that was read and not acted on, or 0.
	pending byte

	frame
	quant  [4]*[64]uint16 // in natural order
	dc, ac [4]*huffman
	// restart is the restart interval in units, or 0.
	restart        int
	jfif, adobe    bool
	adobeTransform byte
	// current is the scan whose header was read last.
	current *scan
	// count is the number of scans, and lastGood the last row of units that had data in the last scan.
	count, lastGood int
	bits            bitReader
}

// header reads up to the data of the first scan.
func (d *decoder) header() error {
	if len(d.data) < 2 || d.data[0] != 0xff || d.data[1] != soi {
		return malformed("no start marker")
	}
	d.pos = 2
	for {
		done, err := d.segment()
		if err != nil {
			return err
		}
		if done == eoi {
			return malformed("no scan")
		}
		if done == sos {
			return nil
		}
	}
}

// scans reads the data of all scans, up to the end marker.
func (d *decoder) scans() error {
	d.allocate()
	for {
		if err := d.scan(d.current); err != nil {
			return err
		}
		for {
			done, err := d.segment()
			if done == eoi || errors.Is(err, ErrTruncated) && !d.multiple { // Pillow has all pixels then, and looks no further
				return nil
			}
			if err != nil {
				return err
			}
			if done == sos {
				break
			}
		}
		if !d.multiple {
			return malformed("a scan too many")
		}
	}
}

// next reads the next marker; what stands before it is skipped.
func (d *decoder) next() (byte, error) {
	if m := d.pending; m != 0 {
		d.pending = 0
		return m, nil
	}
	for {
		at := bytes.IndexByte(d.data[d.pos:], 0xff)
		if at < 0 {
			d.pos = len(d.data)
			return 0, ErrTruncated
		}
		d.pos += at
		for d.pos < len(d.data) && d.data[d.pos] == 0xff {
			d.pos++
		}
		if d.pos == len(d.data) {
			return 0, ErrTruncated
		}
		m := d.data[d.pos]
		d.pos++
		if m != 0 {
			return m, nil
		}
	}
}

// segment reads one marker and what belongs to it. It returns sos after the header of a scan, eoi at the end, and else 0.
func (d *decoder) segment() (byte, error) {
	m, err := d.next()
	if err != nil {
		return 0, err
	}
	switch {
	case m == eoi:
		return eoi, nil
	case m == soi:
		return 0, malformed("a second start marker")
	case m >= rst0 && m <= rst7 || m == tem:
		return 0, nil
	case m < sof0:
		return 0, malformed("unknown marker 0x%02x", m)
	}
	body, err := d.body()
	if err != nil {
		return 0, err
	}
	switch {
	case m == sos:
		return sos, d.scanHeader(body)
	case m == dht:
		return 0, d.huffmanTables(body)
	case m == dqt:
		return 0, d.quantTables(body)
	case m == dri:
		if len(body) != 2 {
			return 0, malformed("restart interval of %d bytes", len(body))
		}
		d.restart = int(binary.BigEndian.Uint16(body))
	case m == app0:
		d.jfif = d.jfif || len(body) >= 14 && bytes.HasPrefix(body, []byte("JFIF\x00"))
	case m == app14:
		if len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")) {
			d.adobe, d.adobeTransform = true, body[11]
		}
	case m == dac, m == dnl, m > app0 && m <= app15, m == com:
	case m <= sof15 && m != jpg:
		return 0, d.frameHeader(m, body)
	default:
		return 0, malformed("unknown marker 0x%02x", m)
	}
	return 0, nil
}

// body returns what belongs to a marker with a length.
func (d *decoder) body() ([]byte, error) {
	if len(d.data)-d.pos < 2 {
		return nil, ErrTruncated
	}
	n := int(binary.BigEndian.Uint16(d.data[d.pos:]))
	if n < 2 {
		return nil, malformed("a segment of %d bytes", n)
	}
	if len(d.data)-d.pos < n {
		return nil, ErrTruncated
	}
	body := d.data[d.pos+2 : d.pos+n]
	d.pos += n
	return body, nil
}

// natural is the position in a block, line by line, of each coefficient in the order of the file. Runs may lead 15 beyond the last one.
var natural = [64 + 16]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
	63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
}

// quantTables reads quantisers.
func (d *decoder) quantTables(body []byte) error {
	for len(body) > 0 {
		precision, at := body[0]>>4, body[0]&15
		if at > 3 {
			return malformed("quantisers number %d", at)
		}
		size := 1
		if precision > 0 {
			size = 2
		}
		body = body[1:]
		if len(body) < 64*size {
			return malformed("quantisers of %d bytes", len(body))
		}
		table := new([64]uint16)
		for i := range 64 {
			if size == 1 {
				table[natural[i]] = uint16(body[i])
			} else {
				table[natural[i]] = binary.BigEndian.Uint16(body[2*i:])
			}
		}
		d.quant[at], body = table, body[64*size:]
	}
	return nil
}
