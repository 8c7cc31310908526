//go:build !amd64

package preprocess

const fast = false

func weighPixels(_, _ *uint8, _, _ *int32, _, _ int, _ int32, _ uint64) {
	panic("preprocess: no vector code") // fast is false
}

func weighLines(_, _ *uint8, _ int, _ *int32, _, _ int, _ int32, _ uint64) {
	panic("preprocess: no vector code")
}
