//go:build !amd64

package jpeg

const fast = false

var factors *[10]int32

func inversePair(_, _ *uint8, _ int, _ *[128]int16, _ *[64]uint16, _ *[10]int32) {
	panic("jpeg: no vector code") // fast is false
}
