package jpeg

// A progressive file may end before all scans that it announced. What the missing coefficients of low frequency must be is estimated from the DC
// coefficients around the block (libjpeg-turbo/libjpeg-turbo src/jdcoefct.c).

// estimated are the positions of the first coefficients in a block, of which all but the first are estimated.
const estimated = 10

// kernels are the weights of the DC coefficients around a block, [5, 5] from the top left one, for each coefficient that is estimated: near if something is
// known of them, and wide if nothing is, which also smooths DC.
var (
	near = [estimated][25]int{
		1: {11 - 1: -7, 12 - 1: 50, 14 - 1: -50, 15 - 1: 7},
		2: {3 - 1: -7, 8 - 1: 50, 18 - 1: -50, 23 - 1: 7},
		3: {3 - 1: -1, 8 - 1: 13, 13 - 1: -24, 18 - 1: 13, 23 - 1: -1},
		4: {10 - 1: 1, 16 - 1: 1, 17 - 1: -10, 19 - 1: 10, 2 - 1: -1, 20 - 1: -1, 22 - 1: 1, 24 - 1: -1, 4 - 1: 1, 6 - 1: -1, 7 - 1: 10, 9 - 1: -10},
		5: {11 - 1: -1, 12 - 1: 13, 13 - 1: -24, 14 - 1: 13, 15 - 1: -1},
	}
	wide = [estimated][25]int{
		0: {-2, -6, -8, -6, -2, -6, 6, 42, 6, -6, -8, 42, 152, 42, -8, -6, 6, 42, 6, -6, -2, -6, -8, -6, -2},
		1: {-1, -1, 0, 1, 1, -3, 13, 0, -13, 3, -3, 38, 0, -38, 3, -3, 13, 0, -13, 3, -1, -1, 0, 1, 1},
		2: {-1, -3, -3, -3, -1, -1, 13, 38, 13, -1, 0, 0, 0, 0, 0, 1, -13, -38, -13, 1, 1, 3, 3, 3, 1},
		3: {0, 0, 1, 0, 0, 0, 2, 7, 2, 0, 0, -5, -14, -5, 0, 0, 2, 7, 2, 0, 0, 0, 1, 0, 0},
		4: {-1, 0, 0, 0, 1, 0, 9, 0, -9, 0, 0, 0, 0, 0, 0, 0, -9, 0, 9, 0, 1, 0, 0, 0, -1},
		5: {0, 0, 0, 0, 0, 0, 2, -5, 2, 0, 1, 7, -14, 7, 1, 0, 2, -5, 2, 0, 0, 0, 0, 0, 0},
		6: {6: 1, 8: -1, 11: 2, 13: -2, 16: 1, 18: -1},
		7: {6: 1, 7: -3, 8: 1, 16: -1, 17: 3, 18: -1},
		8: {6: 1, 8: -1, 11: -3, 13: 3, 16: 1, 18: -1},
		9: {6: 1, 7: 2, 8: 1, 16: -1, 17: -2, 18: -1},
	}
)

// smooths reports whether coefficients are to be estimated.
func (d *decoder) smooths() bool {
	if !d.progressive {
		return false
	}
	useful := false
	for i := range d.components {
		c := &d.components[i]
		if c.quant == nil || c.known[0] < 0 {
			return false
		}
		for k := range estimated {
			if c.quant[natural[k]] == 0 {
				return false
			}
			useful = useful || k > 0 && c.known[k] != 0
		}
	}
	return useful
}

// smoothing estimates coefficients of one component.
type smoothing struct {
	*component
	known   *[64]int8
	kernels *[estimated][25]int
	// last is how many coefficients are estimated, and dc whether the first one is replaced.
	last int
	dc   bool
}

// smoothing returns what estimates in a row of units, which is good if its data was complete.
func (c *component) smoothing(good bool, scans int) smoothing {
	s := smoothing{component: c, known: &c.known, kernels: &near, last: 6}
	if !good {
		s.known = &c.previous
		if scans < 2 {
			s.known = &[64]int8{1: -1, 2: -1, 3: -1, 4: -1, 5: -1, 6: -1, 7: -1, 8: -1, 9: -1}
		}
	}
	s.dc = true
	for _, bits := range s.known[1:estimated] {
		s.dc = s.dc && bits == -1
	}
	if s.dc {
		s.kernels, s.last = &wide, estimated
	}
	return s
}

// line writes a row of blocks with the coefficients that are estimated.
func (s smoothing) line(out []int16, rows [5]int) {
	for x := range s.columns {
		block := s.block(x, rows)
		copy(out[64*x:], block[:])
	}
}

// block returns a block with the coefficients that are estimated. above and below are the rows of blocks that are seen around it.
func (s smoothing) block(x int, rows [5]int) [64]int16 {
	b := *(*[64]int16)(s.coefficients[64*(rows[2]*s.stride+x):])
	var around [25]int
	for i, y := range rows {
		for j := range 5 {
			column := max(0, min(s.columns-1, x+j-2))
			around[5*i+j] = int(s.coefficients[64*(y*s.stride+column)])
		}
	}
	for k := 1; k < s.last; k++ {
		if at := natural[k]; s.known[k] != 0 && b[at] == 0 {
			b[at] = s.estimate(k, around, int(s.known[k]))
		}
	}
	if s.dc {
		b[0] = s.estimate(0, around, 0)
	}
	return b
}

// estimate returns a coefficient of which so many bits are missing, or -1 for all.
func (s smoothing) estimate(k int, around [25]int, missing int) int16 {
	sum := 0
	for i, weight := range s.kernels[k] {
		sum += weight * around[i]
	}
	sum *= int(s.quant[0])
	q := int(s.quant[natural[k]])
	size := (q<<7 + max(sum, -sum)) / (q << 8)
	if missing > 0 && size >= 1<<missing {
		size = 1<<missing - 1
	}
	if sum < 0 {
		size = -size
	}
	return int16(size)
}

// rowsAround returns the rows of blocks that are seen around a row of a component, of a picture with so many rows of units. Beyond the last row of units that
// is looked at, the last row counts again.
func (c *component) rowsAround(y, units int) [5]int {
	unit, blocks := y/c.v, c.v
	if unit == units-1 {
		if blocks = c.rows % c.v; blocks == 0 {
			blocks = c.v
		}
	}
	// Counted as if all units had as many rows as this one.
	at, all := unit*blocks+y%c.v, blocks*units
	rows := [5]int{y, y, y, y, y}
	if at > 0 {
		rows[1], rows[0] = y-1, y-1
	}
	if at > 1 {
		rows[0] = y - 2
	}
	if at < all-1 {
		rows[3], rows[4] = y+1, y+1
	}
	if at < all-2 {
		rows[4] = y + 2
	}
	return rows
}
