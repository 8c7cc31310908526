//go:build amd64 || arm64

package elementary

import "unsafe"

// The functions in assembly take n values, a multiple of 8, and not 0. Value i belongs to sum i%8, which they add to; the largest are eight, too.

//go:noescape
func sumFloat32By8(values *float32, n int, sums *[8]float32)

//go:noescape
func sumFloat64By8(values *float64, n int, sums *[8]float64)

//go:noescape
func squaresFloat32By8(values *float32, n int, from float32, sums *[8]float32)

//go:noescape
func squaresFloat64By8(values *float64, n int, from float64, sums *[8]float64)

//go:noescape
func normaliseFloat32By8(y, x *float32, n int, mean, scale float32, weight, bias *float32)

//go:noescape
func normaliseFloat64By8(y, x *float64, n int, mean, scale float64, weight, bias *float64)

//go:noescape
func addFloat32By8(sums, values *float32, n int)

//go:noescape
func addFloat64By8(sums, values *float64, n int)

//go:noescape
func addScaledFloat32By8(sums, values, factors *float32, n int)

//go:noescape
func addScaledFloat64By8(sums, values, factors *float64, n int)

//go:noescape
func scaleFloat32By8(values *float32, n int, by float32)

//go:noescape
func scaleFloat64By8(values *float64, n int, by float64)

//go:noescape
func largestFloat32By8(values *float32, n int, largest *[8]float32)

//go:noescape
func largestFloat64By8(values *float64, n int, largest *[8]float64)

//go:noescape
func roundBF16By8(values *float32, n int)

//go:noescape
func roundF16By8(values *float32, n int)

// whole returns how many of the values are a multiple of 8, where they are, and whether they are of float32.
func whole[T Float](values []T) (n int, at unsafe.Pointer, narrow bool) {
	return len(values) &^ 7, place(values), unsafe.Sizeof(T(0)) == 4
}

func place[T Float](values []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(values)) }

// The functions below take as many values as are a multiple of 8, and return how many these are.

func sumsBy8[T Float](values []T, sums *[8]T) (done int) {
	done, at, narrow := whole(values)
	if done > 0 && narrow {
		sumFloat32By8((*float32)(at), done, (*[8]float32)(unsafe.Pointer(sums)))
	} else if done > 0 {
		sumFloat64By8((*float64)(at), done, (*[8]float64)(unsafe.Pointer(sums)))
	}
	return done
}

func squaresBy8[T Float](values []T, from T, sums *[8]T) (done int) {
	done, at, narrow := whole(values)
	if done > 0 && narrow {
		squaresFloat32By8((*float32)(at), done, float32(from), (*[8]float32)(unsafe.Pointer(sums)))
	} else if done > 0 {
		squaresFloat64By8((*float64)(at), done, float64(from), (*[8]float64)(unsafe.Pointer(sums)))
	}
	return done
}

func normaliseBy8[T Float](y, x []T, mean, scale T, weight, bias []T) (done int) {
	done, at, narrow := whole(x)
	if done > 0 && narrow {
		normaliseFloat32By8((*float32)(place(y)), (*float32)(at), done, float32(mean), float32(scale), (*float32)(place(weight)), (*float32)(place(bias)))
	} else if done > 0 {
		normaliseFloat64By8((*float64)(place(y)), (*float64)(at), done, float64(mean), float64(scale), (*float64)(place(weight)), (*float64)(place(bias)))
	}
	return done
}

func addBy8[T Float](sums, values []T) (done int) {
	done, at, narrow := whole(values)
	if done > 0 && narrow {
		addFloat32By8((*float32)(place(sums)), (*float32)(at), done)
	} else if done > 0 {
		addFloat64By8((*float64)(place(sums)), (*float64)(at), done)
	}
	return done
}

func addScaledBy8[T Float](sums, values, factors []T) (done int) {
	done, at, narrow := whole(values)
	if done > 0 && narrow {
		addScaledFloat32By8((*float32)(place(sums)), (*float32)(at), (*float32)(place(factors)), done)
	} else if done > 0 {
		addScaledFloat64By8((*float64)(place(sums)), (*float64)(at), (*float64)(place(factors)), done)
	}
	return done
}

func scaleBy8[T Float](values []T, by T) (done int) {
	done, at, narrow := whole(values)
	if done > 0 && narrow {
		scaleFloat32By8((*float32)(at), done, float32(by))
	} else if done > 0 {
		scaleFloat64By8((*float64)(at), done, float64(by))
	}
	return done
}

// largestBy8 replaces the largest by what is larger.
func largestBy8[T Float](values []T, largest *[8]T) (done int) {
	done, at, narrow := whole(values)
	if done > 0 && narrow {
		largestFloat32By8((*float32)(at), done, (*[8]float32)(unsafe.Pointer(largest)))
	} else if done > 0 {
		largestFloat64By8((*float64)(at), done, (*[8]float64)(unsafe.Pointer(largest)))
	}
	return done
}
