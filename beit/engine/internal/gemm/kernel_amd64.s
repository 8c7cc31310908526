#include "textflag.h"

// LOAD_ARGUMENTS: CX k, SI a (line 0), R11 a (line 3), R8 bytes to the next line of A, R9 to its next column, DI b, DX and AX c, R10 bytes to the
// next line of C, BX ahead, R14 pace.
#define LOAD_ARGUMENTS \
	MOVQ k+0(FP), CX        \
	MOVQ a+8(FP), SI        \
	MOVQ row+16(FP), R8     \
	MOVQ step+24(FP), R9    \
	MOVQ b+32(FP), DI       \
	MOVQ c+40(FP), DX       \
	MOVQ stride+48(FP), R10 \
	MOVQ ahead+56(FP), BX   \
	MOVQ pace+64(FP), R14   \
	LEAQ (R8)(R8*2), R11    \
	ADDQ SI, R11            \
	MOVQ DX, AX

// ASK_FOR_C fetches a line of C, which is needed at the end.
#define ASK_FOR_C(bytes) \
	PREFETCHT0 (AX)           \
	PREFETCHT0 (bytes-64)(AX) \
	ADDQ R10, AX

// SIX_OF_C asks for six lines of C.
#define SIX_OF_C(bytes) \
	ASK_FOR_C(bytes) \
	ASK_FOR_C(bytes) \
	ASK_FOR_C(bytes) \
	ASK_FOR_C(bytes) \
	ASK_FOR_C(bytes) \
	ASK_FOR_C(bytes)

// ASK_AHEAD fetches what comes next: columns of A into the first cache, and a part of B into the second.
#define ASK_AHEAD \
	PREFETCHT0 768(SI) \
	PREFETCHT0 832(SI) \
	PREFETCHT1 (BX)    \
	ADDQ R14, BX

// FOURS adds the products of columns of A, four at a time, if A is packed: its elements have size bytes, its columns column and the lines of B line. ask fetches four columns.
// Up to three are left in CX; it goes to one, or to store if there are none. There are few instructions beside the products, since another thread may share the core.
#define FOURS(packed, move, broadcast, fma, size, column, line, ask) \
	CMPQ R8, $size            \
	JNE  one                  \
	CMPQ R9, $column          \
	JNE  one                  \
	SUBQ $4, CX               \
	JL   few                  \
four:                             \
	ask                       \
	packed(move, broadcast, fma, size, 0) \
	PREFETCHT1 (BX)           \
	LEAQ (BX)(R14*2), BX      \
	packed(move, broadcast, fma, size, 1) \
	packed(move, broadcast, fma, size, 2) \
	PREFETCHT1 (BX)           \
	LEAQ (BX)(R14*2), BX      \
	packed(move, broadcast, fma, size, 3) \
	ADDQ $(4*line), DI        \
	ADDQ $(4*column), SI      \
	SUBQ $4, CX               \
	JGE  four                 \
few:                              \
	ADDQ $4, CX               \
	JZ   store                \
	LEAQ (R8)(R8*2), R11      \
	ADDQ SI, R11

// ASK_TWO, ASK_THREE and ASK_SIX fetch columns of A of so many lines of the cache.
#define ASK_TWO \
	PREFETCHT0 768(SI) \
	PREFETCHT0 832(SI)

#define ASK_THREE \
	ASK_TWO \
	PREFETCHT0 896(SI)

#define ASK_SIX \
	ASK_THREE \
	PREFETCHT0 960(SI)  \
	PREFETCHT0 1024(SI) \
	PREFETCHT0 1088(SI)

// CLEAR_AVX2 sets the sums to zero.
#define CLEAR_AVX2 \
	VXORPS Y4, Y4, Y4 \
	VXORPS Y5, Y5, Y5 \
	VXORPS Y6, Y6, Y6 \
	VXORPS Y7, Y7, Y7 \
	VXORPS Y8, Y8, Y8 \
	VXORPS Y9, Y9, Y9 \
	VXORPS Y10, Y10, Y10 \
	VXORPS Y11, Y11, Y11 \
	VXORPS Y12, Y12, Y12 \
	VXORPS Y13, Y13, Y13 \
	VXORPS Y14, Y14, Y14 \
	VXORPS Y15, Y15, Y15

// LINE_AVX2 adds the products of an element of A and a line of B, Y0 and Y1, to the sums low and high.
#define LINE_AVX2(broadcast, fma, element, copies, low, high) \
	broadcast element, copies \
	fma Y0, copies, low     \
	fma Y1, copies, high

// BEGIN_AVX2 adds the line that C begins with, Y0 and Y1, to the sums low and high, and writes them to a line of C.
#define BEGIN_AVX2(add, move, low, high) \
	add Y0, low, low \
	add Y1, high, high \
	move low, (DX) \
	move high, 32(DX) \
	ADDQ R10, DX

// STORE_AVX2 adds the sums low and high to a line of C.
#define STORE_AVX2(add, move, low, high) \
	add (DX), low, low \
	add 32(DX), high, high \
	move low, (DX) \
	move high, 32(DX) \
	ADDQ R10, DX

// COLUMN_AVX2 adds the products of a column of A and a line of B.
#define COLUMN_AVX2(move, broadcast, fma) \
	move (DI), Y0 \
	move 32(DI), Y1 \
	ASK_AHEAD \
	LINE_AVX2(broadcast, fma, (SI), Y2, Y4, Y5) \
	LINE_AVX2(broadcast, fma, (SI)(R8*1), Y3, Y6, Y7) \
	LINE_AVX2(broadcast, fma, (SI)(R8*2), Y2, Y8, Y9) \
	LINE_AVX2(broadcast, fma, (R11), Y3, Y10, Y11) \
	LINE_AVX2(broadcast, fma, (R11)(R8*1), Y2, Y12, Y13) \
	LINE_AVX2(broadcast, fma, (R11)(R8*2), Y3, Y14, Y15) \
	ADDQ $64, DI \
	ADDQ R9, SI \
	ADDQ R9, R11

// PACKED_AVX2 adds the products of column i of A, whose elements of size bytes lie side by side, and line i of B.
#define PACKED_AVX2(move, broadcast, fma, size, i) \
	move (64*i)(DI), Y0 \
	move (64*i+32)(DI), Y1 \
	LINE_AVX2(broadcast, fma, (6*size*i)(SI), Y2, Y4, Y5) \
	LINE_AVX2(broadcast, fma, (6*size*i+1*size)(SI), Y3, Y6, Y7) \
	LINE_AVX2(broadcast, fma, (6*size*i+2*size)(SI), Y2, Y8, Y9) \
	LINE_AVX2(broadcast, fma, (6*size*i+3*size)(SI), Y3, Y10, Y11) \
	LINE_AVX2(broadcast, fma, (6*size*i+4*size)(SI), Y2, Y12, Y13) \
	LINE_AVX2(broadcast, fma, (6*size*i+5*size)(SI), Y3, Y14, Y15)

// LINES_AVX2 does something with the sums of each line of C.
#define LINES_AVX2(line, add, move) \
	line(add, move, Y4, Y5) \
	line(add, move, Y6, Y7) \
	line(add, move, Y8, Y9) \
	line(add, move, Y10, Y11) \
	line(add, move, Y12, Y13) \
	line(add, move, Y14, Y15)

// STORE_ALL_AVX2 adds the sums to C, or to the line that it begins with.
#define STORE_ALL_AVX2(add, move) \
	MOVQ first+72(FP), BX \
	TESTQ BX, BX \
	JZ more \
	move (BX), Y0 \
	move 32(BX), Y1 \
	LINES_AVX2(BEGIN_AVX2, add, move) \
	VZEROUPPER \
	RET \
more: \
	LINES_AVX2(STORE_AVX2, add, move) \
	VZEROUPPER \
	RET

// MULTIPLY_AVX2 is a kernel that keeps 6 lines of 64 bytes of C in Y4 to Y15.
#define MULTIPLY_AVX2(move, broadcast, fma, add, size, ask) \
	LOAD_ARGUMENTS \
	SIX_OF_C(64)   \
	CLEAR_AVX2     \
	FOURS(PACKED_AVX2, move, broadcast, fma, size, (6*size), 64, ask) \
one: \
	COLUMN_AVX2(move, broadcast, fma) \
	DECQ CX \
	JNZ  one \
store: \
	STORE_ALL_AVX2(add, move)

// func multiplyFloat32AVX2(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)
TEXT ·multiplyFloat32AVX2(SB), NOSPLIT, $0-80
	MULTIPLY_AVX2(VMOVUPS, VBROADCASTSS, VFMADD231PS, VADDPS, 4, ASK_TWO)

// func multiplyFloat64AVX2(k int, a *float64, row, step uintptr, b, c *float64, stride, ahead, pace uintptr, first *float64)
TEXT ·multiplyFloat64AVX2(SB), NOSPLIT, $0-80
	MULTIPLY_AVX2(VMOVUPD, VBROADCASTSD, VFMADD231PD, VADDPD, 8, ASK_THREE)

// CLEAR_UPPER sets the sums of the upper half of C to zero, CLEAR_AVX512 all.
#define CLEAR_UPPER \
	VPXORQ Z8, Z8, Z8 \
	VPXORQ Z9, Z9, Z9 \
	VPXORQ Z10, Z10, Z10 \
	VPXORQ Z11, Z11, Z11 \
	VPXORQ Z12, Z12, Z12 \
	VPXORQ Z13, Z13, Z13 \
	VPXORQ Z14, Z14, Z14 \
	VPXORQ Z15, Z15, Z15 \
	VPXORQ Z16, Z16, Z16 \
	VPXORQ Z17, Z17, Z17 \
	VPXORQ Z18, Z18, Z18 \
	VPXORQ Z19, Z19, Z19

#define CLEAR_AVX512 \
	CLEAR_UPPER \
	VPXORQ Z20, Z20, Z20 \
	VPXORQ Z21, Z21, Z21 \
	VPXORQ Z22, Z22, Z22 \
	VPXORQ Z23, Z23, Z23 \
	VPXORQ Z24, Z24, Z24 \
	VPXORQ Z25, Z25, Z25 \
	VPXORQ Z26, Z26, Z26 \
	VPXORQ Z27, Z27, Z27 \
	VPXORQ Z28, Z28, Z28 \
	VPXORQ Z29, Z29, Z29 \
	VPXORQ Z30, Z30, Z30 \
	VPXORQ Z31, Z31, Z31

// ENTER_UPPER is LOAD_ARGUMENTS; it asks for the upper half of C and sets its sums to zero.
#define ENTER_UPPER \
	LOAD_ARGUMENTS \
	SIX_OF_C(128)  \
	CLEAR_UPPER

// LOWER_LINES sets R13 and R12 to lines 6 and 9 of A.
#define LOWER_LINES \
	LEAQ (R8)(R8*2), R12   \
	LEAQ (R11)(R12*1), R13 \
	ADDQ R13, R12

// ENTER_AVX512 is ENTER_UPPER for the whole of C, and LOWER_LINES.
#define ENTER_AVX512 \
	LOAD_ARGUMENTS \
	LOWER_LINES    \
	SIX_OF_C(128)  \
	SIX_OF_C(128)  \
	CLEAR_AVX512

// LINE_AVX512 adds the products of an element of A and a line of B, Z0 and Z1, to the sums low and high.
#define LINE_AVX512(broadcast, fma, element, copies, low, high) \
	broadcast element, copies \
	fma Z0, copies, low     \
	fma Z1, copies, high

// BEGIN_AVX512 adds the line that C begins with, Z0 and Z1, to the sums low and high, and writes them to a line of C.
#define BEGIN_AVX512(add, move, low, high) \
	add Z0, low, low \
	add Z1, high, high \
	move low, (DX) \
	move high, 64(DX) \
	ADDQ R10, DX

// STORE_AVX512 adds the sums low and high to a line of C.
#define STORE_AVX512(add, move, low, high) \
	add (DX), low, low \
	add 64(DX), high, high \
	move low, (DX) \
	move high, 64(DX) \
	ADDQ R10, DX

// NEXT_UPPER goes on to the next column of A and line of B, if only the upper half of A is read.
#define NEXT_UPPER \
	ADDQ $128, DI \
	ADDQ R9, SI \
	ADDQ R9, R11

// NEXT_AVX512 is NEXT_UPPER for the whole of A.
#define NEXT_AVX512 \
	NEXT_UPPER \
	ADDQ R9, R13 \
	ADDQ R9, R12

// UPPER_AVX512 adds the products of the upper half of a column of A and a line of B.
#define UPPER_AVX512(move, broadcast, fma) \
	move (DI), Z0 \
	move 64(DI), Z1 \
	ASK_AHEAD \
	LINE_AVX512(broadcast, fma, (SI), Z2, Z8, Z9) \
	LINE_AVX512(broadcast, fma, (SI)(R8*1), Z3, Z10, Z11) \
	LINE_AVX512(broadcast, fma, (SI)(R8*2), Z4, Z12, Z13) \
	LINE_AVX512(broadcast, fma, (R11), Z5, Z14, Z15) \
	LINE_AVX512(broadcast, fma, (R11)(R8*1), Z6, Z16, Z17) \
	LINE_AVX512(broadcast, fma, (R11)(R8*2), Z7, Z18, Z19)

// LOWER_AVX512 adds those of the lower half.
#define LOWER_AVX512(broadcast, fma) \
	LINE_AVX512(broadcast, fma, (R13), Z2, Z20, Z21) \
	LINE_AVX512(broadcast, fma, (R13)(R8*1), Z3, Z22, Z23) \
	LINE_AVX512(broadcast, fma, (R13)(R8*2), Z4, Z24, Z25) \
	LINE_AVX512(broadcast, fma, (R12), Z5, Z26, Z27) \
	LINE_AVX512(broadcast, fma, (R12)(R8*1), Z6, Z28, Z29) \
	LINE_AVX512(broadcast, fma, (R12)(R8*2), Z7, Z30, Z31)

// LINES_UPPER does something with the sums of each line of the upper half of C, LINES_AVX512 with all.
#define LINES_UPPER(line, add, move) \
	line(add, move, Z8, Z9) \
	line(add, move, Z10, Z11) \
	line(add, move, Z12, Z13) \
	line(add, move, Z14, Z15) \
	line(add, move, Z16, Z17) \
	line(add, move, Z18, Z19)

#define LINES_AVX512(line, add, move) \
	LINES_UPPER(line, add, move) \
	line(add, move, Z20, Z21) \
	line(add, move, Z22, Z23) \
	line(add, move, Z24, Z25) \
	line(add, move, Z26, Z27) \
	line(add, move, Z28, Z29) \
	line(add, move, Z30, Z31)

// STORE_ALL_AVX512 adds the sums of some lines to C, or to the line that it begins with.
#define STORE_ALL_AVX512(lines, add, move) \
	MOVQ first+72(FP), BX \
	TESTQ BX, BX \
	JZ more \
	move (BX), Z0 \
	move 64(BX), Z1 \
	lines(BEGIN_AVX512, add, move) \
	VZEROUPPER \
	RET \
more: \
	lines(STORE_AVX512, add, move) \
	VZEROUPPER \
	RET

// TWICE_AVX512 is LINE_AVX512 that loads the element with each product: an instruction less, and a load more.
#define TWICE_AVX512(fma, element, low, high) \
	fma.BCST element, Z0, low \
	fma.BCST element, Z1, high

// PACKED_AVX512 adds the products of column i of A, whose elements of size bytes lie side by side, and line i of B.
#define PACKED_AVX512(move, broadcast, fma, size, i) \
	move (128*i)(DI), Z0 \
	move (128*i+64)(DI), Z1 \
	TWICE_AVX512(fma, (12*size*i)(SI), Z8, Z9) \
	LINE_AVX512(broadcast, fma, (12*size*i+1*size)(SI), Z2, Z10, Z11) \
	TWICE_AVX512(fma, (12*size*i+2*size)(SI), Z12, Z13) \
	TWICE_AVX512(fma, (12*size*i+3*size)(SI), Z14, Z15) \
	LINE_AVX512(broadcast, fma, (12*size*i+4*size)(SI), Z3, Z16, Z17) \
	TWICE_AVX512(fma, (12*size*i+5*size)(SI), Z18, Z19) \
	TWICE_AVX512(fma, (12*size*i+6*size)(SI), Z20, Z21) \
	LINE_AVX512(broadcast, fma, (12*size*i+7*size)(SI), Z4, Z22, Z23) \
	TWICE_AVX512(fma, (12*size*i+8*size)(SI), Z24, Z25) \
	TWICE_AVX512(fma, (12*size*i+9*size)(SI), Z26, Z27) \
	LINE_AVX512(broadcast, fma, (12*size*i+10*size)(SI), Z5, Z28, Z29) \
	TWICE_AVX512(fma, (12*size*i+11*size)(SI), Z30, Z31)

// MULTIPLY_AVX512 is a kernel that keeps 12 lines of 128 bytes of C in Z8 to Z31.
#define MULTIPLY_AVX512(move, broadcast, fma, add, size, ask) \
	ENTER_AVX512 \
	FOURS(PACKED_AVX512, move, broadcast, fma, size, (12*size), 128, ask) \
	LOWER_LINES \
one: \
	UPPER_AVX512(move, broadcast, fma) \
	LOWER_AVX512(broadcast, fma) \
	NEXT_AVX512 \
	DECQ CX \
	JNZ  one \
store: \
	STORE_ALL_AVX512(LINES_AVX512, add, move)

// MULTIPLY_UPPER is one for the first 6 lines.
#define MULTIPLY_UPPER(move, broadcast, fma, add) \
	ENTER_UPPER \
loop: \
	UPPER_AVX512(move, broadcast, fma) \
	NEXT_UPPER \
	DECQ CX \
	JNZ  loop \
	STORE_ALL_AVX512(LINES_UPPER, add, move)

// func multiplyFloat32AVX512(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)
TEXT ·multiplyFloat32AVX512(SB), NOSPLIT, $0-80
	MULTIPLY_AVX512(VMOVUPS, VBROADCASTSS, VFMADD231PS, VADDPS, 4, ASK_THREE)

// func upperFloat32AVX512(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)
TEXT ·upperFloat32AVX512(SB), NOSPLIT, $0-80
	MULTIPLY_UPPER(VMOVUPS, VBROADCASTSS, VFMADD231PS, VADDPS)

// func multiplyFloat64AVX512(k int, a *float64, row, step uintptr, b, c *float64, stride, ahead, pace uintptr, first *float64)
TEXT ·multiplyFloat64AVX512(SB), NOSPLIT, $0-80
	MULTIPLY_AVX512(VMOVUPD, VBROADCASTSD, VFMADD231PD, VADDPD, 8, ASK_SIX)

// func upperFloat64AVX512(k int, a *float64, row, step uintptr, b, c *float64, stride, ahead, pace uintptr, first *float64)
TEXT ·upperFloat64AVX512(SB), NOSPLIT, $0-80
	MULTIPLY_UPPER(VMOVUPD, VBROADCASTSD, VFMADD231PD, VADDPD)

// The assembler has no name for VDPBF16PS. PAIRS adds to the sixteen sums in register 8*eight+sum, whose eight has the bits high, the products of the pairs in register m, and in
// register 0 (line 0x7E) or 1 (line 0x76).
#define PAIRS(line, high, sum, m) BYTE $0x62; BYTE $(high); BYTE $(line); BYTE $0x48; BYTE $0x52; BYTE $(0xC0 | sum<<3 | m)

#define EIGHT1 0x72 // Z8 to Z15
#define EIGHT2 0xE2 // Z16 to Z23
#define EIGHT3 0x62 // Z24 to Z31

// LINE_PAIRS adds the products of a pair of A and a line of pairs of B, Z0 and Z1, to two sums.
#define LINE_PAIRS(element, copies, m, high, low, next) \
	VPBROADCASTD element, copies \
	PAIRS(0x7E, high, low, m)    \
	PAIRS(0x76, high, next, m)

// UPPER_PAIRS adds the products of the upper half of a column of pairs of A and a line of pairs of B.
#define UPPER_PAIRS \
	VMOVUPS (DI), Z0 \
	VMOVUPS 64(DI), Z1 \
	ASK_AHEAD \
	LINE_PAIRS((SI), Z2, 2, EIGHT1, 0, 1) \
	LINE_PAIRS((SI)(R8*1), Z3, 3, EIGHT1, 2, 3) \
	LINE_PAIRS((SI)(R8*2), Z4, 4, EIGHT1, 4, 5) \
	LINE_PAIRS((R11), Z5, 5, EIGHT1, 6, 7) \
	LINE_PAIRS((R11)(R8*1), Z6, 6, EIGHT2, 0, 1) \
	LINE_PAIRS((R11)(R8*2), Z7, 7, EIGHT2, 2, 3)

// multiplyPairs keeps 12 lines of 32 columns of C in Z8 to Z31. A and B are of pairs of bfloat16: of each the second is multiplied and added first.
// func multiplyPairs(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)
TEXT ·multiplyPairs(SB), NOSPLIT, $0-80
	ENTER_AVX512

loop:
	UPPER_PAIRS
	LINE_PAIRS((R13), Z2, 2, EIGHT2, 4, 5)
	LINE_PAIRS((R13)(R8*1), Z3, 3, EIGHT2, 6, 7)
	LINE_PAIRS((R13)(R8*2), Z4, 4, EIGHT3, 0, 1)
	LINE_PAIRS((R12), Z5, 5, EIGHT3, 2, 3)
	LINE_PAIRS((R12)(R8*1), Z6, 6, EIGHT3, 4, 5)
	LINE_PAIRS((R12)(R8*2), Z7, 7, EIGHT3, 6, 7)
	NEXT_AVX512
	DECQ CX
	JNZ  loop

	STORE_ALL_AVX512(LINES_AVX512, VADDPS, VMOVUPS)

// upperPairs is multiplyPairs for the first 6 lines.
// func upperPairs(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)
TEXT ·upperPairs(SB), NOSPLIT, $0-80
	ENTER_UPPER

loop:
	UPPER_PAIRS
	NEXT_UPPER
	DECQ CX
	JNZ  loop

	STORE_ALL_AVX512(LINES_UPPER, VADDPS, VMOVUPS)
