package jpeg

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

// inverseGo writes the 8 x 8 samples of a block to lines that lie stride apart.
func inverseGo(samples []uint8, stride int, b *[64]int16, quant *[64]uint16) {
	var w [64]int32
	const first, second = 11, 18
	for x := range 8 {
		q := func(i int) int32 { return int32(b[8*i+x]) * int32(quant[8*i+x]) }
		if b[8+x]|b[16+x]|b[24+x]|b[32+x]|b[40+x]|b[48+x]|b[56+x] == 0 { // the same, sooner
			v := q(0) << 2
			for y := range 8 {
				w[8*y+x] = v
			}
			continue
		}
		out := butterfly(q(0), q(1), q(2), q(3), q(4), q(5), q(6), q(7), 1<<(first-1))
		for y := range 8 {
			w[8*y+x] = out[y] >> first
		}
	}
	for y := range 8 {
		v := w[8*y : 8*y+8 : 8*y+8]
		line := samples[y*stride : y*stride+8 : y*stride+8]
		out := butterfly(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], 1<<(second-1))
		for x := range 8 {
			line[x] = clamp(out[x]>>second + 128)
		}
	}
}

// butterfly returns the inverse transform of 8 values, with 13 more fraction bits, plus half.
func butterfly(v0, v1, v2, v3, v4, v5, v6, v7, half int32) [8]int32 {
	m := f0541196100 * (v2 + v6)
	low, high := m-f1847759065*v6, m+f0765366865*v2
	p, n := (v0+v4)<<13+half, (v0-v4)<<13+half
	e0, e3, e1, e2 := p+high, p-high, n+low, n-low
	a, b := -f0899976223*(v7+v1), -f2562915447*(v5+v3)
	g := f1175875602 * (v7 + v3 + v5 + v1)
	c, d := g-f1961570560*(v7+v3), g-f0390180644*(v5+v1)
	o0, o1 := f1501321110*v1+a+d, f3072711026*v3+b+c
	o2, o3 := f2053119869*v5+b+d, f0298631336*v7+a+c
	return [8]int32{e0 + o0, e1 + o1, e2 + o2, e3 + o3, e3 - o3, e2 - o2, e1 - o1, e0 - o0}
}

func clamp(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^(v >> 31))
	}
	return uint8(v)
}

// inverse writes the samples of a block.
func inverse(samples []uint8, stride int, b *[64]int16, quant *[64]uint16) {
	inverseGo(samples, stride, b, quant)
}
