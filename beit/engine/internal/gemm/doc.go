// Package gemm multiplies matrices of float32 or float64: C += A B, where B is packed once and used often.
//
// [PackTransposed] and [Matrix.Fill] lay B out for the kernel of this processor: AVX-512 or AVX2 with FMA on amd64 processors that have them, NEON on
// arm64, else plain Go. [Matrix.MultiplyAdd] then adds a product to C. The terms of an element of C are always added in the same order, so results do not depend on the
// number of rows or on how the work is split.
//
//	weights := gemm.PackTransposed(w, out, in, in) // w is [out, in], so B is its transpose
//	weights.MultiplyAdd(c, out, gemm.PackRows(x, rows, in, in), 0, weights.Panels())
//
// The scheme (panels in registers and caches) is that of Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008.
package gemm
