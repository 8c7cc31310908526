//go:build !amd64

package jpeg

const fast = false

var factors *[10]int32

var colourFactors *[8]int32

func rgbVector(_, _, _, _ *uint8, _ int, _ *[8]int32) { panic("jpeg: no vector code") }

func blendVector(_ *uint16, _, _ *uint8, _ int) { panic("jpeg: no vector code") }

func widenVector(_ *uint8, _ *uint16, _ int, _ *[8]int32) { panic("jpeg: no vector code") }

func inversePair(_, _ *uint8, _ int, _ *[128]int16, _ *[64]uint16, _ *[10]int32) {
	panic("jpeg: no vector code") // fast is false
}
