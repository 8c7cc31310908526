//go:build libtorch

package torch

// choice is a line of the table below: the form of attention for a kind of device, dtype and number of tokens.
type choice struct {
	cuda  bool
	dtype dtype
	// packs means that the line is for processors with products of their own in that dtype, for which weights are packed.
	packs bool
	// tokens is the most that the line is for; 0 stands for any number.
	tokens int
	attend attend
}

// choices has the cases in which the plain form is faster than the fused one. BenchmarkAttention measures them: milliseconds of one block's
// attention, fused and plain, without the linear layers. Medians of three runs of 20 (F32, BF16) or means of 5, libtorch 2.11.0, one core and
// two of an AMD EPYC with AVX512-BF16:
//
//	                   F32                     F64                   BF16                    F16
//	base_224 b1   1.93 3.40   1.17 1.30    5.3 7.7   3.4 4.4     2.13 2.02   1.18 0.91     5.4 29    3.0 26
//	base_224 b8   16.5 25.2    9.9 15.7     40  77    29  77     20.8 16.4   10.7 8.1       40 230    25 231
//	base_384 b1   15.6 27.3    8.2 10.5     40  63    26  48     17.5 13.4   10.1 7.2       36 251    29 218
//	large_512 b1  62.5 139    32.1 81.7    203 323   101 198     69.4 72.5   37.9 45.5     105 2882   55 2654
//
// A whole forward pass in BF16 gains up to 5 % from it at 577 tokens. In libtorch 2.1.2 the fused form writes the matrix down too, and the two
// are as fast as each other. On CUDA nothing was measured yet; there the fused form has kernels of its own for every dtype but F64.
var choices = []choice{
	{dtype: bfloat16, packs: true, tokens: 800, attend: plain},
}

// fits reports whether the line is for a model.
func (c choice) fits(m *model, packs bool) bool {
	return c.cuda == (m.device != cpu) && c.dtype == m.dtype && (packs || !c.packs) && (c.tokens == 0 || m.config.Tokens() <= c.tokens)
}

// chooseAttention returns the faster form that this libtorch has.
func chooseAttention(m *model, packs bool) attend {
	if !haveFused() {
		return plain
	}
	for _, c := range choices {
		if c.fits(m, packs) {
			return c.attend
		}
	}
	return fused
}
