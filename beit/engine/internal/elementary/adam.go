package elementary

import "math"

// Adam are the numbers of a step of AdamW:
//
//	first += (gradient - first) * ToFirst
//	second += (gradient * gradient - second) * ToSecond
//	parameter = parameter * Kept + first / (sqrt(second) * Scale + Shift)
//
// The last line is left out if Still is set.
type Adam struct {
	ToFirst, ToSecond, Kept, Scale, Shift float64
	Still                                 bool
}

// Step changes parameters and their averages, all of the length of their gradient, each operation rounded.
func Step[T Float](a Adam, parameter, gradient, first, second []T) {
	parameter, first, second = parameter[:len(gradient)], first[:len(gradient)], second[:len(gradient)]
	done := stepBy8(a, parameter, gradient, first, second)
	toFirst, toSecond, kept, scale, shift := T(a.ToFirst), T(a.ToSecond), T(a.Kept), T(a.Scale), T(a.Shift)
	for i := done; i < len(gradient); i++ {
		g := gradient[i]
		m := first[i] + T((g-first[i])*toFirst)
		v := second[i] + T((T(g*g)-second[i])*toSecond)
		first[i], second[i] = m, v
		if !a.Still {
			parameter[i] = T(parameter[i]*kept) + m/(T(T(math.Sqrt(float64(v)))*scale)+shift)
		}
	}
}
