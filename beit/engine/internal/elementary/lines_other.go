//go:build !amd64 && !arm64

package elementary

// There is no assembly for this processor: these functions are never called.

func sumsBy8[T Float]([]T, *[8]T) (done int)                      { return 0 }
func squaresBy8[T Float]([]T, T, *[8]T) (done int)                { return 0 }
func normaliseBy8[T Float](_, _ []T, _, _ T, _, _ []T) (done int) { return 0 }
func addBy8[T Float](_, _ []T) (done int)                         { return 0 }
func addScaledBy8[T Float](_, _, _ []T) (done int)                { return 0 }
func scaleBy8[T Float]([]T, T) (done int)                         { return 0 }
func largestBy8[T Float]([]T, *[8]T) (done int)                   { return 0 }

func roundBF16By8(*float32, int) {}
func roundF16By8(*float32, int)  {}
