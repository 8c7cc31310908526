package synth

import "fmt"

// Image is probe image n: normalised values in [-2, 2), [3, height, width], row-major. The slice belongs to the caller.
func Image(n, height, width int, seed uint64) []float32 {
	state := key(fmt.Sprintf("input.%d", n), seed) + golden
	pixels := make([]float32, 3*height*width)
	for i := range pixels {
		pixels[i] = 2 * unit(state)
		state += golden
	}
	return pixels
}

// Images is a batch of the first probe images: [count, 3, height, width].
func Images(count, height, width int, seed uint64) []float32 {
	batch := make([]float32, 0, count*3*height*width)
	for n := range count {
		batch = append(batch, Image(n, height, width, seed)...)
	}
	return batch
}
