package jpeg

// colours returns what turns lines of planes into a line of pixels.
func (d *decoder) colours() func(out []uint8, planes [4][]uint8) {
	switch {
	case len(d.components) == 1:
		return func(out []uint8, planes [4][]uint8) { copy(out, planes[0]) }
	case len(d.components) == 4 && d.adobe && d.adobeTransform != 0:
		return inverted
	case len(d.components) == 4:
		return interleaved
	case d.differences():
		return rgb
	}
	return interleaved
}

// differences reports whether the planes of a file with three are luma and colour differences, not colours.
func (d *decoder) differences() bool {
	switch {
	case d.jfif:
		return true
	case d.adobe:
		return d.adobeTransform != 0
	}
	c := d.components
	return c[0].id != 'R' || c[1].id != 'G' || c[2].id != 'B'
}

func interleaved(out []uint8, planes [4][]uint8) {
	count := len(out) / max(1, len(planes[0]))
	for c := range count {
		for x, v := range planes[c] {
			out[count*x+c] = v
		}
	}
}

// The colours of BT.601 over the whole range, from the JFIF specification, in 16 fraction bits.
const (
	redOfCr   = 91881  // 1.40200
	greenOfCr = -46802 // 0.71414
	greenOfCb = -22554 // 0.34414
	blueOfCb  = 116130 // 1.77200
	half      = 1 << 15
)

// rgb converts luma and colour differences.
func rgb(out []uint8, planes [4][]uint8) {
	luma := planes[0]
	blue, red := planes[1][:len(luma)], planes[2][:len(luma)]
	if n := (len(luma) - 2) / 8 * 8; fast && n > 0 { // what is written beyond the last one is written again
		rgbVector(&out[0], &luma[0], &blue[0], &red[0], n, colourFactors)
		out, luma, blue, red = out[3*n:], luma[n:], blue[n:], red[n:]
	}
	for x, v := range luma {
		y, cb, cr := int32(v), int32(blue[x])-128, int32(red[x])-128
		p := out[3*x : 3*x+3 : 3*x+3]
		p[0] = clamp(y + (redOfCr*cr+half)>>16)
		p[1] = clamp(y + (greenOfCb*cb+greenOfCr*cr+half)>>16)
		p[2] = clamp(y + (blueOfCb*cb+half)>>16)
	}
}

// inverted converts YCCK: luma and colour differences of inverted inks, and black.
func inverted(out []uint8, planes [4][]uint8) {
	colours := make([]uint8, 3*len(planes[0]))
	rgb(colours, planes)
	for x, black := range planes[3] {
		p := out[4*x : 4*x+4 : 4*x+4]
		p[0], p[1], p[2], p[3] = 255-colours[3*x], 255-colours[3*x+1], 255-colours[3*x+2], black
	}
}
