package elementary

import (
	"math"
	"math/big"
	"testing"
)

const precision = 600

func number(v float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(v) }

// series returns the sum of terms, each of which next computes from the one before, until they are too small to matter.
func series(term *big.Float, next func(term *big.Float, n int64)) *big.Float {
	sum := new(big.Float).SetPrec(precision).Set(term)
	for n := int64(1); term.Sign() != 0 && term.MantExp(nil) > -precision/2; n++ {
		next(term, n)
		sum.Add(sum, term)
	}
	return sum
}

// exactExp returns exp v by its series, halved first.
func exactExp(v *big.Float) *big.Float {
	const halvings = 12
	small := new(big.Float).SetMantExp(v, -halvings)
	power := series(number(1), func(term *big.Float, n int64) { term.Mul(term, small).Quo(term, number(float64(n))) })
	for range halvings {
		power.Mul(power, power)
	}
	return power
}

// exactGELU returns x times the normal distribution at x, by the series 1/2 + x exp(-x²/2)/√(2π) (1 + x²/3 + x⁴/(3 5) + ...).
func exactGELU(v float64) *big.Float {
	x := number(v)
	square := new(big.Float).Mul(x, x)
	odd := series(number(v), func(term *big.Float, n int64) { term.Mul(term, square).Quo(term, number(float64(2*n+1))) })
	density := exactExp(new(big.Float).Quo(square, number(-2)))
	circle, _, _ := big.ParseFloat("6.28318530717958647692528676655900576839433879875021164194988918461563281257241799725606965068423413596429617302656461329", 10, precision, big.ToNearestEven)
	odd.Mul(odd, density).Quo(odd, circle.Sqrt(circle))
	return odd.Add(odd, number(0.5)).Mul(odd, x)
}

// ulps returns how far got is from want, in units of the last place of want.
func ulps(got float64, want *big.Float) float64 {
	nearest, _ := want.Float64()
	unit := math.Nextafter(math.Abs(nearest), math.Inf(1)) - math.Abs(nearest)
	off, _ := new(big.Float).Sub(number(got), want).Float64()
	return math.Abs(off) / unit
}

// spread returns values from low to high whose distance is irregular.
func spread(low, high float64, count int) []float64 {
	values := make([]float64, count)
	for i := range values {
		values[i] = low + (high-low)*(float64(i)+math.Mod(float64(i)*math.Phi, 1))/float64(count)
	}
	return values
}

func TestExp_WithinAnUlp(t *testing.T) {
	t.Parallel()
	values := append(spread(-707, 0, 1500), spread(-2, 709, 500)...)
	got, plain := append([]float64(nil), values...), append([]float64(nil), values...)
	Exp(got, 0)
	plainExp(plain, 0)
	for i, v := range values {
		want := exactExp(number(v))
		most, mostPlain := 1.0, 1.3 // that of math.Exp
		if !fast {
			most = mostPlain
		}
		if off, offPlain := ulps(got[i], want), ulps(plain[i], want); !(off <= most && offPlain <= mostPlain) {
			t.Errorf("exp %v is %v, off by %.2f ulp, and %v without assembly, off by %.2f", v, got[i], off, plain[i], offPlain)
		}
	}
}

// TestGELU_WithinUlps allows two ulps, and more where x is below -1: the result is small there, and a few of its own ulps are far below one of x.
func TestGELU_WithinUlps(t *testing.T) {
	t.Parallel()
	values := append(spread(-10, 10, 3000), spread(-0.01, 0.01, 300)...)
	got, plain := append([]float64(nil), values...), append([]float64(nil), values...)
	GELU(got)
	plainGELU(plain)
	for i, v := range values {
		most, mostPlain := 2.0, 2.0
		if v < -1 {
			most, mostPlain = 6, 6+2*v*v // math.Erfc is of a rounded argument
		}
		if !fast {
			most = mostPlain
		}
		want := exactGELU(v)
		if off, offPlain := ulps(got[i], want), ulps(plain[i], want); !(off <= most && offPlain <= mostPlain) {
			t.Errorf("GELU of %v is %v, off by %.2f ulp, and %v without assembly, off by %.2f", v, got[i], off, plain[i], offPlain)
		}
	}
}

// TestGELU_Torch compares with values of torch.nn.functional.gelu in float64.
func TestGELU_Torch(t *testing.T) {
	t.Parallel()
	for x, want := range map[float64]float64{
		-6.0: -5.919525869479969e-09, -1.5: -0.10021080190328704, -0.1: -0.0460172162722971, 0.0: 0.0, 0.3: 0.1853734266566858, 1.0: 0.841344746068543,
		2.5: 2.4844758366855597,
	} {
		got := []float64{x}
		if GELU(got); math.Abs(got[0]-want) > 1e-15 {
			t.Errorf("GELU(%v) = %v, want %v", x, got[0], want)
		}
	}
}

// TestElementary_EveryLength makes sure that the values behind the last one stay as they are, and that a value does not depend on its place.
func TestElementary_EveryLength(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		wide, narrow := spread(-9, 3, 41), make([]float32, 41)
		for i, v := range wide {
			narrow[i] = float32(v)
		}
		gelu, short := append([]float64(nil), wide...), append([]float32(nil), narrow...)
		Exp(wide[:n], 0.5)
		Exp(narrow[:n], 0.5)
		GELU(gelu[:n])
		GELU(short[:n])
		for i, v := range spread(-9, 3, 41) {
			one, other, small, less := []float64{v}, []float64{v}, []float32{float32(v)}, []float32{float32(v)}
			if i < n {
				Exp(one, 0.5)
				GELU(other)
				Exp(small, 0.5)
				GELU(less)
			}
			if wide[i] != one[0] || gelu[i] != other[0] || narrow[i] != small[0] || short[i] != less[0] {
				t.Fatalf("value %d of %d: %v %v %v %v, alone %v %v %v %v", i, n, wide[i], gelu[i], narrow[i], short[i], one[0], other[0], small[0], less[0])
			}
		}
	}
}

func TestElementary_SpecialValues(t *testing.T) {
	t.Parallel()
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct{ v, exp, gelu float64 }{
		{0, 1, 0}, {inf, inf, inf}, {-inf, 0, nan}, {nan, nan, nan}, {-2000, 0, 0}, {2000, inf, 2000}, {1e-300, 1, 5e-301}, {-745, 5e-324, 0},
	} {
		power, gelu, narrow := []float64{c.v}, []float64{c.v}, []float32{float32(c.v)}
		Exp(power, 0)
		GELU(gelu)
		Exp(narrow, 0)
		if !same(power[0], c.exp) || !same(gelu[0], c.gelu) || !same(float64(narrow[0]), float64(float32(c.exp))) {
			t.Errorf("%v: exp %v and %v, GELU %v, want %v and %v", c.v, power[0], narrow[0], gelu[0], c.exp, c.gelu)
		}
	}
}

// TestSoftmax_Definition compares with the definition, for every length of the rest.
func TestSoftmax_Definition(t *testing.T) {
	t.Parallel()
	for n := 1; n < 40; n++ {
		values := spread(-30, 5, n)
		total, narrow := 0.0, make([]float32, n)
		for i, v := range values {
			total += math.Exp(v)
			narrow[i] = float32(v)
		}
		got := append([]float64(nil), values...)
		Softmax(got)
		Softmax(narrow)
		for i, v := range values {
			want := math.Exp(v) / total
			if math.Abs(got[i]-want) > 1e-14*want || math.Abs(float64(narrow[i])-want) > 1e-5*want {
				t.Errorf("value %d of %d: %v and %v, want %v", i, n, got[i], narrow[i], want)
			}
		}
	}
	bad := append(spread(-1, 1, 20), math.NaN())
	Softmax(bad)
	for i, v := range bad {
		if !math.IsNaN(v) {
			t.Errorf("value %d beside NaN is %v", i, v)
		}
	}
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func BenchmarkElementary(b *testing.B) {
	values := spread(-5, 5, 1000)
	for _, f := range []struct {
		name string
		do   func([]float64)
	}{{"Softmax", Softmax[float64]}, {"GELU", GELU[float64]}} {
		b.Run(f.name, func(b *testing.B) {
			work := make([]float64, len(values))
			for b.Loop() {
				copy(work, values)
				f.do(work)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(values)), "ns/value")
		})
	}
}
