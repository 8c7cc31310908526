// Package gemm multiplies matrices of float32 or float64: C += A B, with B packed once and used often.
//
// [PackTransposed] and [Matrix.Fill] lay B out as the kernel of this processor wants it: AVX-512 or AVX2 with FMA on amd64 where the processor
// has them, else plain Go. [Matrix.MultiplyAdd] then adds a product to C. Each element of C is summed in the same order whatever the
// number of rows, the position in the matrix or the thread that computes it, so results do not depend on how the work is split.
//
//	weights := gemm.PackTransposed(w, out, in, in) // w is [out, in], so B is its transpose
//	weights.MultiplyAdd(c, out, gemm.PackRows(x, rows, in, in), 0, weights.Panels())
//
// The scheme (panels in registers and caches) is that of Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008.
package gemm
