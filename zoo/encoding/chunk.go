package encoding

import (
	"slices"
	"sync"
)

// Methods of encoding a chunk.
const (
	methodStored = 0 // the bytes themselves, if encoding does not shorten them
	methodPlanes = 1 // groups of blocks, one block for each byte of an element
)

// coder encodes and decodes single chunks. It has buffers, so each goroutine needs its own.
type coder struct {
	blocks
	buffer []byte // blockElements for each of 8 planes
	coded  []byte
	raw    []byte
}

// coders are the coders that are not in use.
var coders = sync.Pool{New: func() any { return &coder{buffer: make([]byte, 8*blockElements)} }}

// planes returns width parts of the buffer, each of n bytes.
func (c *coder) planes(width, n int) [][]byte {
	var planes [8][]byte
	for k := range width {
		planes[k] = c.buffer[k*blockElements:][:n]
	}
	return planes[:width]
}

// encode returns the encoded form of raw, which is valid until the next call, or raw itself if encoding does not make it shorter.
func (c *coder) encode(raw []byte, form Region) (coded []byte, method byte) {
	c.coded = slices.Grow(c.coded[:0], len(raw))
	for rest := raw; len(rest) > 0; {
		n := min(len(rest)/form.Width, blockElements)
		planes := c.planes(form.Width, n)
		split(planes, rest[:n*form.Width], form.Rotation)
		for _, plane := range planes {
			c.coded = c.appendBlock(c.coded, plane)
		}
		rest = rest[n*form.Width:]
	}
	if len(c.coded) >= len(raw) {
		return raw, methodStored
	}
	return c.coded, methodPlanes
}

// decode decodes coded into raw, whose length is that of the chunk.
func (c *coder) decode(raw, coded []byte, method byte, form Region) error {
	if method == methodStored {
		if len(coded) != len(raw) {
			return errBlock
		}
		copy(raw, coded)
		return nil
	}
	for len(raw) > 0 {
		n := min(len(raw)/form.Width, blockElements)
		planes := c.planes(form.Width, n)
		for k := range planes {
			var err error
			if planes[k], coded, err = c.takeBlock(coded, planes[k], n); err != nil {
				return err
			}
		}
		merge(raw[:n*form.Width], planes, form.Rotation)
		raw = raw[n*form.Width:]
	}
	if len(coded) > 0 {
		return errBlock
	}
	return nil
}

// scratch returns n bytes that are valid until the next call.
func (c *coder) scratch(n int) []byte {
	if cap(c.raw) < n {
		c.raw = make([]byte, n)
	}
	return c.raw[:n]
}
