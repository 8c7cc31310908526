//go:build libtorch

package torch

// choice is a line of the table below: the implementation of attention for a kind of device, a dtype and a number of tokens.
type choice struct {
	cuda  bool
	dtype dtype
	// fast restricts the line to processors that multiply faster in that dtype than in F32.
	fast bool
	// tokens is the largest number of tokens that the line is for; 0 means any number.
	tokens int
	attend attend
}

// choices has the cases in which plain attention is faster than fused. BenchmarkAttention measures them. The table has the milliseconds of one block's
// attention without the linear layers: for each dtype fused and plain on one core, then fused and plain on two, of an AMD EPYC with AVX512-BF16, with
// libtorch 2.11.0. F32 and BF16 are medians of three runs of 20, the others means of 5.
//
//	                   F32                     F64                   BF16                    F16
//	base_224 b1   1.93 3.40   1.17 1.30    5.3 7.7   3.4 4.4     2.13 2.02   1.18 0.91     5.4 29    3.0 26
//	base_224 b8   16.5 25.2    9.9 15.7     40  77    29  77     20.8 16.4   10.7 8.1       40 230    25 231
//	base_384 b1   15.6 27.3    8.2 10.5     40  63    26  48     17.5 13.4   10.1 7.2       36 251    29 218
//	large_512 b1  62.5 139    32.1 81.7    203 323   101 198     69.4 72.5   37.9 45.5     105 2882   55 2654
//
// On a Xeon with AVX512-BF16 and without AMX, whose products in BF16 take longer than those in F32, fused is faster there, too (medians of three runs of 20):
//
//	                  BF16
//	base_224 b1   2.69 3.73   1.42 2.11
//	base_224 b8   21.3 29.4   11.4 12.8
//	base_384 b1   19.4 26.0   10.1 13.8
//	large_512 b1  75.7 131    43.5 76.6
//
// At 577 tokens a whole forward pass in BF16 gains up to 5 % by the plain form on that EPYC. In libtorch 2.1.2 the fused operator stores the matrix too, and both are
// equally fast. On CUDA the fused form is taken throughout: whole models run up to 2.4 times as fast with it in half precision and up to 15 % faster in F32 (NVIDIA H100,
// docs/libtorch.md), and only 3 % slower in F64. BenchmarkAttentionOnCUDA mostly shows a fixed cost of 2 ms, which a whole model does not have.
var choices = []choice{
	{dtype: bfloat16, fast: true, tokens: 800, attend: plain},
}

// fits reports whether the line applies to a model.
func (c choice) fits(t *transformer, fast bool) bool {
	return c.cuda == (t.device != cpu) && c.dtype == t.dtype && (fast || !c.fast) && (c.tokens == 0 || t.config.Tokens() <= c.tokens)
}

// chooseAttention returns the faster implementation of attention that this libtorch has. fast says that the processor multiplies faster in the dtype of the model than in F32.
func chooseAttention(t *transformer, fast bool) attend {
	if !haveFused() {
		return plain
	}
	for _, c := range choices {
		if c.fits(t, fast) {
			return c.attend
		}
	}
	return fused
}
