package jpeg

// rgbVector converts count pixels, a multiple of 8. It writes 4 bytes beyond the last one.
//
//go:noescape
func rgbVector(out, luma, blue, red *uint8, count int, table *[8]int32)

// blendVector sums three times near and far, of count samples, a multiple of 16.
//
//go:noescape
func blendVector(sums *uint16, near, far *uint8, count int)

// widenVector widens count samples, a multiple of 16, which have one on each side.
//
//go:noescape
func widenVector(out *uint8, sums *uint16, count int, table *[8]int32)

// colourFactors is the table of the assembly; the last entry has two numbers of 16 bits.
var colourFactors = &[8]int32{redOfCr, greenOfCr, greenOfCb, blueOfCb, half, 128, 255, 7 | 8<<16}
