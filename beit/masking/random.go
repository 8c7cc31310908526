package masking

import "math/bits"

// The constants of MT19937. Source: Matsumoto and Nishimura, Mersenne Twister, ACM TOMACS 8(1), 1998.
const (
	words     = 624
	distance  = 397
	twist     = 0x9908b0df
	upperBit  = 1 << 31
	lowerBits = upperBit - 1
)

// twister is a Mersenne Twister.
type twister struct {
	state [words]uint32
	next  int
}

// seeded begins with one number, as NumPy's RandomState does.
func (t *twister) seeded(seed uint32) {
	t.state[0] = seed
	for i := 1; i < words; i++ {
		before := t.state[i-1]
		t.state[i] = 1812433253*(before^before>>30) + uint32(i)
	}
	t.next = words
}

// seededBy begins with several numbers, as Python's random does with the digits of a seed to the base 2^32, the lowest first.
func (t *twister) seededBy(key []uint32) {
	t.seeded(19650218)
	i, j := 1, 0
	step := func(factor uint32, add func()) {
		before := t.state[i-1]
		t.state[i] ^= (before ^ before>>30) * factor
		add()
		if i++; i == words {
			t.state[0] = t.state[words-1]
			i = 1
		}
	}
	for range max(words, len(key)) {
		step(1664525, func() { t.state[i] += key[j] + uint32(j) })
		j = (j + 1) % len(key)
	}
	for range words - 1 {
		step(1566083941, func() { t.state[i] -= uint32(i) })
	}
	t.state[0] = upperBit
}

// uint32 returns 32 random bits.
func (t *twister) uint32() uint32 {
	if t.next == words {
		for i := range words {
			y := t.state[i]&upperBit | t.state[(i+1)%words]&lowerBits
			t.state[i] = t.state[(i+distance)%words] ^ y>>1
			if y&1 != 0 {
				t.state[i] ^= twist
			}
		}
		t.next = 0
	}
	y := t.state[t.next]
	t.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// python are the functions of CPython's module random (Lib/random.py, Modules/_randommodule.c).
type python struct{ twister }

func newPython(seed uint64) *python {
	p := &python{}
	key := []uint32{uint32(seed)}
	if high := uint32(seed >> 32); high != 0 {
		key = append(key, high)
	}
	p.seededBy(key)
	return p
}

// random returns a number in [0, 1) of 53 bits.
func (p *python) random() float64 {
	a, b := p.uint32()>>5, p.uint32()>>6
	return (float64(a)*(1<<26) + float64(b)) / (1 << 53)
}

// uniform returns a number between two, in either order.
func (p *python) uniform(from, to float64) float64 { return from + float64((to-from)*p.random()) }

// randint returns a whole number from first to last.
func (p *python) randint(first, last int) int {
	n := uint32(last - first + 1)
	shift := 32 - bits.Len32(n)
	for {
		if r := p.uint32() >> shift; r < n {
			return first + int(r)
		}
	}
}

// numpy is NumPy's RandomState (numpy/random/mtrand.pyx, numpy/random/src/distributions/distributions.c).
type numpy struct{ twister }

// choice returns some of the numbers below n, none of them twice.
func (r *numpy) choice(n, some int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := r.upTo(uint32(i))
		all[i], all[j] = all[j], all[i]
	}
	return all[:some]
}

// upTo returns a whole number from 0 to last.
func (r *numpy) upTo(last uint32) uint32 {
	mask := uint32(1)<<bits.Len32(last) - 1
	for {
		if value := r.uint32() & mask; value <= last {
			return value
		}
	}
}
