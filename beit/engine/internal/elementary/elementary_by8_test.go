//go:build amd64 || arm64

package elementary

import (
	"math"
	"testing"
)

// stepwise are EXP and GELU as the assembly computes them, one operation after the other.
type stepwise struct{}

func horner(coefficients []float64, x float64) float64 {
	sum := coefficients[0]
	for _, c := range coefficients[1:] {
		sum = math.FMA(sum, x, c)
	}
	return sum
}

// The parts of the table: see elementary_avx512_amd64.s.
func (stepwise) exp(x float64) float64 {
	x = math.Min(math.Max(x, table[3]), table[4])
	n := math.RoundToEven(x * table[0])
	x = math.FMA(-n, table[1], x)
	x = math.FMA(-n, table[2], x)
	p := horner(table[5:19], x)
	if math.IsNaN(p) {
		return p
	}
	half := math.Floor(n / 2)
	return p * math.Ldexp(1, int(half)) * math.Ldexp(1, int(n-half))
}

func (s stepwise) gelu(x float64) float64 {
	away := math.Min(math.Abs(x), table[19])
	square := float64(away * away)
	lost := math.FMA(away, away, -square)
	power := s.exp(-0.5 * square)
	power = math.FMA(-0.5*lost, power, power)
	z := float64(away * table[20]) // rounded: on Arm, Go would add 4 to the exact product
	plus, double := z+4, float64(z+z)+1
	inverse := 1 / float64(double*plus)
	u := float64(float64(z-4)*double) * inverse
	p := float64(float64(float64(inverse*plus)*horner(table[25:48], u))*power) * 0.5
	if !(x < 0) {
		p = 1 - p
	}
	if away < 1 {
		p = math.FMA(horner(table[48:64], square), x, 0.5)
	}
	return x * p
}

// fma32 returns a b + c, rounded once. The sum in float64 is rounded to odd, so that rounding it to float32 is as good as rounding the exact one.
func fma32(a, b, c float32) float32 {
	product := float64(a) * float64(b)
	sum := product + float64(c)
	part := sum - product
	if lost := (product - (sum - part)) + (float64(c) - part); lost != 0 && math.Float64bits(sum)&1 == 0 && !math.IsInf(sum, 0) {
		sum = math.Nextafter(sum, math.Copysign(math.Inf(1), lost))
	}
	return float32(sum)
}

func horner32(coefficients []float32, x float32) float32 {
	sum := coefficients[0]
	for _, c := range coefficients[1:] {
		sum = fma32(sum, x, c)
	}
	return sum
}

// exp32 and gelu32 are EXP_NARROW and GELU_NARROW as the assembly computes them.
func (stepwise) exp32(x float32) float32 {
	x = min(max(x, narrow[3]), narrow[4])
	n := float32(math.RoundToEven(float64(float32(x * narrow[0]))))
	r := fma32(-n, narrow[1], x)
	r = fma32(-n, narrow[2], r)
	p := 1 + fma32(float32(r*r), horner32(narrow[5:11], r), r)
	if p != p {
		return p
	}
	half := math.Floor(float64(n) / 2)
	return float32(p*float32(math.Ldexp(1, int(half)))) * float32(math.Ldexp(1, int(float64(n)-half)))
}

func (s stepwise) gelu32(x float32) float32 {
	away := min(float32(math.Abs(float64(x))), narrow[14])
	square := float32(away * away)
	lost := fma32(away, away, -square)
	power := s.exp32(float32(-0.5 * square))
	power = fma32(float32(-0.5*lost), power, power)
	u := 1 / (away + 3)
	tail := float32(u * horner32(narrow[19:27], fma32(u, narrow[17], narrow[18])))
	got := max(x, 0) - float32(float32(max(-x, away)*tail)*power)
	if away < 1 {
		got = x * fma32(horner32(narrow[27:33], square), x, 0.5)
	}
	return got
}

// TestElementary_Stepwise makes sure that all assemblies compute the same bits: those of the operations that they share, rounded one by one.
func TestElementary_Stepwise(t *testing.T) {
	t.Parallel()
	if !fast {
		t.Skip("this processor runs none of them")
	}
	inf := math.Inf(1)
	values := append(spread(-760, 720, 5000), spread(-12, 12, 5000)...)
	values = append(values, spread(-1.001, 1.001, 2003)...)
	values = append(values, 0, math.Copysign(0, -1), inf, -inf, math.NaN(), 1e-310, -744.9, -708.5, 709.7, 41, -41)
	power, gelu, narrow, short := append([]float64(nil), values...), append([]float64(nil), values...), make([]float32, len(values)), make([]float32, len(values))
	for i, v := range values {
		narrow[i], short[i] = float32(v), float32(v)
	}
	Exp(power, 0.25)
	GELU(gelu)
	Exp(narrow, 0.25)
	GELU(short)
	for i, v := range values {
		less := float32(v)
		for _, c := range []struct {
			what      string
			got, want float64
		}{
			{"exp", power[i], stepwise{}.exp(v - 0.25)},
			{"GELU", gelu[i], stepwise{}.gelu(v)},
			{"exp in float32", float64(narrow[i]), float64(stepwise{}.exp32(less - 0.25))},
			{"GELU in float32", float64(short[i]), float64(stepwise{}.gelu32(less))},
		} {
			if math.Float64bits(c.got) != math.Float64bits(c.want) && !(math.IsNaN(c.got) && math.IsNaN(c.want)) {
				t.Fatalf("%s of %v, number %d: %v, want %v", c.what, v, i, c.got, c.want)
			}
		}
	}
}

// TestElementary_SumsOfEight makes sure that the sum of exponentials is that of eight sums, whatever the instructions.
func TestElementary_SumsOfEight(t *testing.T) {
	t.Parallel()
	if !fast {
		t.Skip("this processor runs none of them")
	}
	for n := range 40 {
		values := spread(-9, 3, n)
		var sums [8]float64
		for i, v := range values {
			sums[i%8] += stepwise{}.exp(v)
		}
		want := ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
		if got := Exp(values, 0); got != want {
			t.Errorf("the sum of %d is %v, want %v", n, got, want)
		}
	}
}

// TestElementary_NoMemory makes sure that a line takes no memory of its own.
func TestElementary_NoMemory(t *testing.T) {
	values, narrow := spread(-9, 3, 197), make([]float32, 197)
	if n := testing.AllocsPerRun(100, func() { Softmax(values); GELU(values); Softmax(narrow); GELU(narrow) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
