package adapt

import "math"

// bicubic returns the sums that make n values of m, as torch's interpolate does with mode "bicubic" and align_corners false. Without antialias the parameter
// of the cubic is -0.75, and neighbours beyond the ends are the values at the ends; with antialias it is -0.5, the filter is widened where values become
// fewer, and neighbours beyond the ends are left out.
func bicubic(m, n int, antialias bool) []sum {
	scale := float64(m) / float64(n)
	sums := make([]sum, n)
	for i := range sums {
		centre := scale * (float64(i) + 0.5)
		if antialias {
			sums[i] = antialiased(centre, scale, m)
			continue
		}
		first := math.Floor(centre - 0.5)
		for k := -1; k <= 2; k++ {
			at := int(first) + k
			sums[i] = append(sums[i], term{min(max(at, 0), m-1), cubic(centre-0.5-float64(at), -0.75)})
		}
	}
	return sums
}

func antialiased(centre, scale float64, m int) sum {
	wide := max(scale, 1)
	from, to := max(int(centre-2*wide+0.5), 0), min(int(centre+2*wide+0.5), m)
	var s sum
	var total float64
	for at := from; at < to; at++ {
		weight := cubic((float64(at)-centre+0.5)/wide, -0.5)
		s = append(s, term{at, weight})
		total += weight
	}
	for i := range s {
		s[i].weight /= total
	}
	return s
}

// cubic is the convolution kernel of R. Keys (1981) with parameter a.
func cubic(x, a float64) float64 {
	switch x = math.Abs(x); {
	case x < 1:
		return float64(float64(float64((a+2)*x)-(a+3))*float64(x*x)) + 1
	case x < 2:
		return float64((float64((float64((x-5)*x)+8)*x) - 4) * a)
	}
	return 0
}
