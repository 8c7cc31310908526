package segment

import (
	"context"
	"math"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// fraction is the number of bits of the weights with which OpenCV resizes samples of 8 bits.
const fraction = 11

// tap is a pair of neighbouring samples and their weights.
type tap struct {
	low, high             int
	lowWeight, highWeight int32
}

// resizeOpenCV resizes a picture as OpenCV does by default: bilinear, without antialiasing, in whole numbers. Source: opencv/opencv modules/imgproc/src/resize.cpp.
// The error is that of ctx.
func resizeOpenCV(ctx context.Context, threads int, src *preprocess.RGB8, width, height int) (*preprocess.RGB8, error) {
	if width == src.Width && height == src.Height {
		return src, nil
	}
	out := preprocess.NewRGB8(width, height)
	if src.Width == 2*width && src.Height == 2*height {
		return out, parallel.Until(ctx, threads, height, func(_, y int) { halveLine(out, src, y) })
	}
	across, down := tapsOf(src.Width, width, true), tapsOf(src.Height, height, false)
	lines := make([][2][]int32, threads)
	return out, parallel.Until(ctx, threads, height, func(worker, y int) {
		if lines[worker][0] == nil {
			lines[worker] = [2][]int32{make([]int32, 3*width), make([]int32, 3*width)}
		}
		low, high := lines[worker][0], lines[worker][1]
		t := down[y]
		resizeLine(low, src.Pix[3*src.Width*t.low:][:3*src.Width], across)
		resizeLine(high, src.Pix[3*src.Width*t.high:][:3*src.Width], across)
		into := out.Pix[3*width*y:][:3*width]
		for i := range into {
			into[i] = uint8((t.lowWeight*(low[i]>>4)>>16 + t.highWeight*(high[i]>>4)>>16 + 2) >> 2)
		}
	})
}

// tapsOf returns the taps for each pixel of an axis that is resized. Beyond the first and the last pixel OpenCV repeats them, of lines with weights that are rounded before.
func tapsOf(in, out int, columns bool) []tap {
	scale := 1 / (float64(out) / float64(in))
	taps := make([]tap, out)
	for i := range taps {
		at := float32((float64(i)+0.5)*scale - 0.5)
		low := int(math.Floor(float64(at)))
		part := at - float32(low)
		if columns && low < 0 {
			low, part = 0, 0
		}
		if columns && low >= in-1 {
			low, part = in-1, 0
		}
		weight := func(w float32) int32 { return int32(math.RoundToEven(float64(w * (1 << fraction)))) }
		taps[i] = tap{low: min(max(low, 0), in-1), high: min(max(low+1, 0), in-1), lowWeight: weight(1 - part), highWeight: weight(part)}
	}
	return taps
}

func resizeLine(into []int32, line []uint8, taps []tap) {
	for x, t := range taps {
		for c := range 3 {
			into[3*x+c] = int32(line[3*t.low+c])*t.lowWeight + int32(line[3*t.high+c])*t.highWeight
		}
	}
}

// halveLine averages 2 x 2 pixels: OpenCV takes this way if both edges are halved.
func halveLine(out, src *preprocess.RGB8, y int) {
	into := out.Pix[3*out.Width*y:][:3*out.Width]
	above, below := src.Pix[3*src.Width*2*y:], src.Pix[3*src.Width*(2*y+1):]
	for x := range out.Width {
		for c := range 3 {
			i := 6*x + c
			into[3*x+c] = uint8((int(above[i]) + int(above[i+3]) + int(below[i]) + int(below[i+3]) + 2) >> 2)
		}
	}
}
