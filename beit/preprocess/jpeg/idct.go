package jpeg

import "unsafe"

// The constants of the inverse transform, in 13 fraction bits: Loeffler, Ligtenberg and Moschytz's with 11 multiplications, as in libjpeg-turbo/libjpeg-turbo
// src/jidctint.c, whose roundings this has.
const (
	f0298631336 = 2446
	f0390180644 = 3196
	f0541196100 = 4433
	f0765366865 = 6270
	f0899976223 = 7373
	f1175875602 = 9633
	f1501321110 = 12299
	f1847759065 = 15137
	f1961570560 = 16069
	f2053119869 = 16819
	f2562915447 = 20995
	f3072711026 = 25172
)

// inverseGo writes the 8 x 8 samples of a block to lines that lie stride apart. Values that no encoder writes overflow as in the vector code of libjpeg-turbo
// (simd/x86_64/jidctint-avx2.asm), which holds them in 16 bits between the steps.
func inverseGo(samples []uint8, stride int, b *[64]int16, quant *[64]uint16) {
	var v [64]int16
	for i := range v {
		v[i] = b[i] * int16(quant[i])
	}
	if _, below := reach(b); !below {
		for x := range 8 {
			shifted := v[x] << 2
			for y := range 8 {
				v[8*y+x] = shifted
			}
		}
	} else {
		for x := range 8 {
			column := butterfly(v[x], v[8+x], v[16+x], v[24+x], v[32+x], v[40+x], v[48+x], v[56+x], 11)
			for y := range 8 {
				v[8*y+x] = column[y]
			}
		}
	}
	for y := range 8 {
		r := v[8*y : 8*y+8 : 8*y+8]
		line := samples[y*stride : y*stride+8 : y*stride+8]
		row := butterfly(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], 18)
		for x := range 8 {
			line[x] = uint8(max(-128, min(127, row[x])) + 128)
		}
	}
}

// butterfly returns the inverse transform of 8 values, without shift of its fraction bits, rounded and held to 16 bits.
func butterfly(v0, v1, v2, v3, v4, v5, v6, v7 int16, shift int) [8]int16 {
	w1, w2, w3, w5, w6, w7 := int32(v1), int32(v2), int32(v3), int32(v5), int32(v6), int32(v7)
	half := int32(1) << (shift - 1)
	m := f0541196100 * (w2 + w6)
	low, high := m-f1847759065*w6, m+f0765366865*w2
	p, n := int32(v0+v4)<<13+half, int32(v0-v4)<<13+half
	e0, e3, e1, e2 := p+high, p-high, n+low, n-low
	z3, z4 := int32(v7+v3), int32(v5+v1)
	a, b := -f0899976223*(w7+w1), -f2562915447*(w5+w3)
	g := f1175875602 * (z3 + z4)
	c, d := g-f1961570560*z3, g-f0390180644*z4
	o0, o1 := f1501321110*w1+a+d, f3072711026*w3+b+c
	o2, o3 := f2053119869*w5+b+d, f0298631336*w7+a+c
	hold := func(v int32) int16 { return int16(max(-1<<15, min(1<<15-1, v>>shift))) }
	return [8]int16{hold(e0 + o0), hold(e1 + o1), hold(e2 + o2), hold(e3 + o3), hold(e3 - o3), hold(e2 - o2), hold(e1 - o1), hold(e0 - o0)}
}

func clamp(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^(v >> 31))
	}
	return uint8(v)
}

// transform computes the samples of a row of blocks, as far as they are wanted, from their coefficients, [stride, 64].
func (c *component) transform(y int, coefficients []int16) {
	if y < c.blocks.Min.Y || y >= c.blocks.Max.Y {
		return
	}
	step := c.pitch
	line := c.samples[8*y*step : 8*(y+1)*step]
	for x := c.blocks.Min.X; x < c.blocks.Max.X; x++ {
		b := (*[64]int16)(coefficients[64*x:])
		first, below := reach(b)
		if !first && !below {
			fill(line[8*x:], step, b[0]*int16(c.quant[0]))
			continue
		}
		if fast && x+1 < c.stride {
			next := (*[64]int16)(coefficients[64*(x+1):])
			_, nextBelow := reach(next)
			if (below || !overflows(b, c.quant)) && (nextBelow || !overflows(next, c.quant)) {
				inversePair(&line[8*x], &line[8*x+8], step, (*[128]int16)(coefficients[64*x:]), c.quant, factors)
				x++
				continue
			}
		}
		inverseGo(line[8*x:], step, b, c.quant)
	}
}

// reach reports whether there are coefficients in the first line of a block, but for the very first, and whether there are some below it.
func reach(b *[64]int16) (first, below bool) {
	words := (*[16]uint64)(unsafe.Pointer(b))
	low := words[2] | words[3] | words[4] | words[5] | words[6] | words[7] | words[8] | words[9]
	low |= words[10] | words[11] | words[12] | words[13] | words[14] | words[15]
	return b[1]|b[2]|b[3] != 0 || words[1] != 0, low != 0
}

// fill writes the samples of a block of which only the first coefficient is not zero.
func fill(samples []uint8, stride int, first int16) {
	v := uint8(max(-128, min(127, (int32(first<<2)+16)>>5)) + 128)
	for y := range 8 {
		line := samples[y*stride : y*stride+8 : y*stride+8]
		for x := range line {
			line[x] = v
		}
	}
}

// overflows reports whether a block with nothing below the first line is one of those that no encoder writes and that inversePair does not transform as
// inverseGo does.
func overflows(b *[64]int16, quant *[64]uint16) bool {
	const most = 1 << 13
	for i, v := range b[:8] {
		if product := int32(v) * int32(quant[i]); product >= most || product < -most {
			return true
		}
	}
	return false
}
