package elementary

import (
	"math"
	"slices"
	"testing"
)

// TestStep_MatchesDefinition compares to the bit with one value after the other, for every length of the rest.
func TestStep_MatchesDefinition(t *testing.T) {
	t.Parallel()
	t.Run("float32", stepDefinition[float32])
	t.Run("float64", stepDefinition[float64])
}

func stepDefinition[T Float](t *testing.T) {
	t.Parallel()
	const before, most = 2, 37
	for _, still := range []bool{false, true} {
		a := Adam{ToFirst: 0.1, ToSecond: 0.001, Kept: 0.999, Scale: -3.5, Shift: -1e-6, Still: still}
		for n := range most {
			var lists, want [4][]T // parameter, gradient, first, second
			for k := range lists {
				for _, v := range spread(float64(-2+k), float64(3+k), before+most+1) {
					if k == 3 {
						v = math.Abs(v)
					}
					lists[k] = append(lists[k], T(v))
				}
				want[k] = slices.Clone(lists[k])
			}
			for i := before; i < before+n; i++ {
				g := want[1][i]
				want[2][i] += T((g - want[2][i]) * T(a.ToFirst))
				want[3][i] += T((T(g*g) - want[3][i]) * T(a.ToSecond))
				if !still {
					root := T(T(math.Sqrt(float64(want[3][i])))*T(a.Scale)) + T(a.Shift)
					want[0][i] = T(want[0][i]*T(a.Kept)) + want[2][i]/root
				}
			}
			part := func(k int) []T { return lists[k][before : before+n] }
			Step(a, part(0), part(1), part(2), part(3))
			for k := range lists {
				if !slices.Equal(lists[k], want[k]) {
					t.Fatalf("%d values, still %v: list %d is %v, want %v", n, still, k, lists[k], want[k])
				}
			}
		}
	}
}
