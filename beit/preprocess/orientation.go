package preprocess

// turn returns a picture as it is to be seen, if its file says that it is stored in one of eight orientations (EXIF 2.32, tag Orientation). The result may
// be p itself.
func turn(p *RGB8, orientation int) *RGB8 {
	if orientation < 2 || orientation > 8 {
		return p
	}
	width, height := p.Width, p.Height
	if orientation >= 5 {
		width, height = height, width
	}
	out := NewRGB8(width, height)
	for y := range height {
		row := out.row(y)
		for x := range width {
			sx, sy := stored(orientation, x, y, width, height)
			copy(row[3*x:3*x+3], p.Pix[3*(sy*p.Width+sx):])
		}
	}
	return out
}

// stored returns where pixel (x, y) of a picture of width by height pixels, as it is to be seen, is stored.
func stored(orientation, x, y, width, height int) (sx, sy int) {
	switch orientation {
	case 2:
		return width - 1 - x, y
	case 3:
		return width - 1 - x, height - 1 - y
	case 4:
		return x, height - 1 - y
	case 5:
		return y, x
	case 6:
		return y, width - 1 - x
	case 7:
		return height - 1 - y, width - 1 - x
	case 8:
		return height - 1 - y, x
	}
	return x, y
}
