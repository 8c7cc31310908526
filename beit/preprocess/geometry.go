package preprocess

import (
	"image"
	"math"
)

// shorterEdge returns the size of a w by h image resized so that its shorter edge is edge pixels.
// The longer edge is truncated, not rounded, as torchvision does.
func shorterEdge(w, h, edge int) (int, int) {
	if w <= h {
		return edge, scaled(edge, h, w)
	}
	return scaled(edge, w, h), edge
}

func scaled(edge, long, short int) int {
	return int(float64(edge*long) / float64(short))
}

// centreWindow returns the square of the given side in the middle of a w by h image, in the
// coordinates of that image. Where the image is smaller the window reaches beyond it, and what
// lies outside is black.
func centreWindow(w, h, side int) image.Rectangle {
	x, y := centreOffset(w, side), centreOffset(h, side)
	return image.Rect(x, y, x+side, y+side)
}

// centreOffset is where a crop of the given side starts on an axis of n pixels. torchvision rounds
// half to even when it crops, and pads the smaller half in front.
func centreOffset(n, side int) int {
	if side > n {
		return -((side - n) / 2)
	}
	return int(math.RoundToEven(float64(n-side) / 2))
}
