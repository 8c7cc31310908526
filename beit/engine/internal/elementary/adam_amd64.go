package elementary

// stepFloat32By8 takes n values, a multiple of 8, and not 0. numbers are those of Adam, in their order.
//
//go:noescape
func stepFloat32By8(parameter, gradient, first, second *float32, n int, numbers *[5]float32)

// stepBy8 makes the step for as many values as are a multiple of 8, if they are of float32, and returns how many.
func stepBy8[T Float](a Adam, parameter, gradient, first, second []T) (done int) {
	done, at, narrow := whole(gradient)
	if !fast || done == 0 || !narrow || a.Still {
		return 0
	}
	numbers := [5]float32{float32(a.ToFirst), float32(a.ToSecond), float32(a.Kept), float32(a.Scale), float32(a.Shift)}
	stepFloat32By8((*float32)(place(parameter)), (*float32)(at), (*float32)(place(first)), (*float32)(place(second)), done, &numbers)
	return done
}
