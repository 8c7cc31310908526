#include "textflag.h"

// The assembler has no names for FADD of vectors, and for FMLA by an element of m; d, n and m are numbers of registers, high and low the bits of the element's.
#define FMLA_S(d, n, m, high, low) WORD $(0x4F801000 | low<<21 | m<<16 | high<<11 | n<<5 | d)
#define FMLA_D(d, n, m, high)      WORD $(0x4FC01000 | m<<16 | high<<11 | n<<5 | d)
#define FADD_S(d, n, m) WORD $(0x4E20D400 | m<<16 | n<<5 | d)
#define FADD_D(d, n, m) WORD $(0x4E60D400 | m<<16 | n<<5 | d)

// LOAD_ARGUMENTS: R0 k, R1 a, R2 bytes to the next line of A, R3 to its next column, R4 b, R5 c, R6 bytes to the next line of C, R7 ahead, R8 pace.
#define LOAD_ARGUMENTS \
	MOVD k+0(FP), R0       \
	MOVD a+8(FP), R1       \
	MOVD row+16(FP), R2    \
	MOVD step+24(FP), R3   \
	MOVD b+32(FP), R4      \
	MOVD c+40(FP), R5      \
	MOVD stride+48(FP), R6 \
	MOVD ahead+56(FP), R7  \
	MOVD pace+64(FP), R8

// CLEAR_UPPER sets the sums of the upper half of C to zero, CLEAR all.
#define CLEAR_UPPER \
	VEOR V8.B16, V8.B16, V8.B16 \
	VEOR V9.B16, V9.B16, V9.B16 \
	VEOR V10.B16, V10.B16, V10.B16 \
	VEOR V11.B16, V11.B16, V11.B16 \
	VEOR V12.B16, V12.B16, V12.B16 \
	VEOR V13.B16, V13.B16, V13.B16 \
	VEOR V14.B16, V14.B16, V14.B16 \
	VEOR V15.B16, V15.B16, V15.B16 \
	VEOR V16.B16, V16.B16, V16.B16 \
	VEOR V17.B16, V17.B16, V17.B16 \
	VEOR V18.B16, V18.B16, V18.B16 \
	VEOR V19.B16, V19.B16, V19.B16

#define CLEAR \
	CLEAR_UPPER \
	VEOR V20.B16, V20.B16, V20.B16 \
	VEOR V21.B16, V21.B16, V21.B16 \
	VEOR V22.B16, V22.B16, V22.B16 \
	VEOR V23.B16, V23.B16, V23.B16 \
	VEOR V24.B16, V24.B16, V24.B16 \
	VEOR V25.B16, V25.B16, V25.B16 \
	VEOR V26.B16, V26.B16, V26.B16 \
	VEOR V27.B16, V27.B16, V27.B16 \
	VEOR V28.B16, V28.B16, V28.B16 \
	VEOR V29.B16, V29.B16, V29.B16 \
	VEOR V30.B16, V30.B16, V30.B16 \
	VEOR V31.B16, V31.B16, V31.B16

// LINES_UPPER sets R1 and R9 to R13 to the first 6 lines of A, LINES also R14 to R17 and R19, R20 to the others.
#define LINES_UPPER \
	ADD R2, R1, R9   \
	ADD R2, R9, R10  \
	ADD R2, R10, R11 \
	ADD R2, R11, R12 \
	ADD R2, R12, R13

#define LINES \
	LINES_UPPER      \
	ADD R2, R13, R14 \
	ADD R2, R14, R15 \
	ADD R2, R15, R16 \
	ADD R2, R16, R17 \
	ADD R2, R17, R19 \
	ADD R2, R19, R20

// ASK_AHEAD fetches a part of B into the second cache.
#define ASK_AHEAD \
	PRFM (R7), PLDL2KEEP \
	ADD  R8, R7

// BEGIN adds the line that C begins with, V2 and V3, to the sums low and high, in registers with these numbers, and writes them to a line of C.
#define BEGIN(add, form, low, high) \
	add(0, 2, low)                \
	add(1, 3, high)               \
	VST1 [V0.form, V1.form], (R5) \
	ADD  R6, R5

// STORE adds the sums low and high to a line of C.
#define STORE(add, form, low, high) \
	VLD1 (R5), [V0.form, V1.form] \
	add(0, 0, low)                \
	add(1, 1, high)               \
	VST1 [V0.form, V1.form], (R5) \
	ADD  R6, R5

// UPPER does something with the sums of each line of the upper half of C, EACH with all.
#define UPPER(line, add, form) \
	line(add, form, 8, 9) \
	line(add, form, 10, 11) \
	line(add, form, 12, 13) \
	line(add, form, 14, 15) \
	line(add, form, 16, 17) \
	line(add, form, 18, 19)

#define EACH(line, add, form) \
	UPPER(line, add, form) \
	line(add, form, 20, 21) \
	line(add, form, 22, 23) \
	line(add, form, 24, 25) \
	line(add, form, 26, 27) \
	line(add, form, 28, 29) \
	line(add, form, 30, 31)

// STORE_ALL adds the sums of some lines to C, or to the line that it begins with.
#define STORE_ALL(lines, add, form) \
	MOVD first+72(FP), R7         \
	CBZ  R7, more                 \
	VLD1 (R7), [V2.form, V3.form] \
	lines(BEGIN, add, form)       \
	RET                           \
more:                                 \
	lines(STORE, add, form)       \
	RET

// LINE_S adds the products of an element of A and a line of B, V6 and V7, to two sums.
#define LINE_S(m, high, low, sum, next) \
	FMLA_S(sum, 6, m, high, low) \
	FMLA_S(next, 7, m, high, low)

// LINE_D is the same for float64.
#define LINE_D(m, high, sum, next) \
	FMLA_D(sum, 6, m, high) \
	FMLA_D(next, 7, m, high)

// ALONE does so with the element of A at line, which moves to the next column.
#define ALONE(line, register, form, sum, next) \
	VLD1R.P (line)(R3), [register.form]           \
	VFMLA   register.form, V6.form, sum.form      \
	VFMLA   register.form, V7.form, next.form

// UPPER_APART adds the products of the upper half of a column of A, whose elements do not lie side by side, and a line of B; COLUMN_APART those of a whole column.
#define UPPER_APART(form) \
	VLD1.P 32(R4), [V6.form, V7.form] \
	ASK_AHEAD \
	ALONE(R1, V0, form, V8, V9) \
	ALONE(R9, V1, form, V10, V11) \
	ALONE(R10, V2, form, V12, V13) \
	ALONE(R11, V3, form, V14, V15) \
	ALONE(R12, V4, form, V16, V17) \
	ALONE(R13, V5, form, V18, V19)

#define COLUMN_APART(form) \
	UPPER_APART(form) \
	ALONE(R14, V0, form, V20, V21) \
	ALONE(R15, V1, form, V22, V23) \
	ALONE(R16, V2, form, V24, V25) \
	ALONE(R17, V3, form, V26, V27) \
	ALONE(R19, V4, form, V28, V29) \
	ALONE(R20, V5, form, V30, V31)

// APART ends a kernel: behind what it does with a packed A is what it does with an A whose elements do not lie side by side, and what it does in the end with both.
#define APART(set, column_apart, lines, add, form) \
	B    store \
apart: \
	set \
column: \
	column_apart(form) \
	SUBS $1, R0 \
	BNE  column \
store: \
	STORE_ALL(lines, add, form)

// UPPER_S adds the products of the upper half of a packed column of A and a line of B.
#define UPPER_S \
	LINE_S(0, 0, 0, 8, 9) \
	LINE_S(0, 0, 1, 10, 11) \
	LINE_S(0, 1, 0, 12, 13) \
	LINE_S(0, 1, 1, 14, 15) \
	LINE_S(1, 0, 0, 16, 17) \
	LINE_S(1, 0, 1, 18, 19)

// UPPER_D is the same for float64.
#define UPPER_D \
	LINE_D(0, 0, 8, 9) \
	LINE_D(0, 1, 10, 11) \
	LINE_D(1, 0, 12, 13) \
	LINE_D(1, 1, 14, 15) \
	LINE_D(2, 0, 16, 17) \
	LINE_D(2, 1, 18, 19)

// multiplyFloat32NEON keeps 12 lines of 8 columns of C in V8 to V31. Packed columns of A are loaded as they lie; otherwise each element is loaded alone. The products
// and the order of their sums are the same.
// func multiplyFloat32NEON(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)
TEXT ·multiplyFloat32NEON(SB), NOSPLIT, $0-80
	LOAD_ARGUMENTS
	CLEAR
	CMP $4, R2
	BNE apart

packed:
	VLD1   (R1), [V0.S4, V1.S4, V2.S4]
	VLD1.P 32(R4), [V6.S4, V7.S4]
	ADD    R3, R1
	ASK_AHEAD
	UPPER_S
	LINE_S(1, 1, 0, 20, 21)
	LINE_S(1, 1, 1, 22, 23)
	LINE_S(2, 0, 0, 24, 25)
	LINE_S(2, 0, 1, 26, 27)
	LINE_S(2, 1, 0, 28, 29)
	LINE_S(2, 1, 1, 30, 31)
	SUBS $1, R0
	BNE  packed
	APART(LINES, COLUMN_APART, EACH, FADD_S, S4)

// upperFloat32NEON is multiplyFloat32NEON for the first 6 lines.
// func upperFloat32NEON(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)
TEXT ·upperFloat32NEON(SB), NOSPLIT, $0-80
	LOAD_ARGUMENTS
	CLEAR_UPPER
	CMP $4, R2
	BNE apart

packed:
	VLD1   (R1), [V0.S4, V1.S4]
	VLD1.P 32(R4), [V6.S4, V7.S4]
	ADD    R3, R1
	ASK_AHEAD
	UPPER_S
	SUBS $1, R0
	BNE  packed
	APART(LINES_UPPER, UPPER_APART, UPPER, FADD_S, S4)

// multiplyFloat64NEON keeps 12 lines of 4 columns of C in V8 to V31.
// func multiplyFloat64NEON(k int, a *float64, row, step uintptr, b, c *float64, stride, ahead, pace uintptr, first *float64)
TEXT ·multiplyFloat64NEON(SB), NOSPLIT, $0-80
	LOAD_ARGUMENTS
	CLEAR
	CMP $8, R2
	BNE apart
	SUB $64, R3

packed:
	VLD1.P 64(R1), [V0.D2, V1.D2, V2.D2, V3.D2]
	VLD1   (R1), [V4.D2, V5.D2]
	VLD1.P 32(R4), [V6.D2, V7.D2]
	ADD    R3, R1
	ASK_AHEAD
	UPPER_D
	LINE_D(3, 0, 20, 21)
	LINE_D(3, 1, 22, 23)
	LINE_D(4, 0, 24, 25)
	LINE_D(4, 1, 26, 27)
	LINE_D(5, 0, 28, 29)
	LINE_D(5, 1, 30, 31)
	SUBS $1, R0
	BNE  packed
	APART(LINES, COLUMN_APART, EACH, FADD_D, D2)

// upperFloat64NEON is multiplyFloat64NEON for the first 6 lines.
// func upperFloat64NEON(k int, a *float64, row, step uintptr, b, c *float64, stride, ahead, pace uintptr, first *float64)
TEXT ·upperFloat64NEON(SB), NOSPLIT, $0-80
	LOAD_ARGUMENTS
	CLEAR_UPPER
	CMP $8, R2
	BNE apart

packed:
	VLD1   (R1), [V0.D2, V1.D2, V2.D2]
	VLD1.P 32(R4), [V6.D2, V7.D2]
	ADD    R3, R1
	ASK_AHEAD
	UPPER_D
	SUBS $1, R0
	BNE  packed
	APART(LINES_UPPER, UPPER_APART, UPPER, FADD_D, D2)

// BFMMLA adds the products of two rows of A, n, and two columns of B, m, of four values of bfloat16 each, to their four sums, d: first those of the first row. It rounds to the odd
// neighbour and takes numbers below 2^-126 for 0, which is far below the rounding of bfloat16. ZIP1 and ZIP2 put the lower and the upper two sums of n and m together. The
// assembler has no name for the first, and takes no numbers of registers in the others.
#define BFMMLA(d, n, m) WORD $(0x6E40EC00 | m<<16 | n<<5 | d)
#define ZIP1(d, n, m)   WORD $(0x4EC03800 | m<<16 | n<<5 | d)
#define ZIP2(d, n, m)   WORD $(0x4EC07800 | m<<16 | n<<5 | d)
#define MOV(d, n)       WORD $(0x4EA01C00 | n<<16 | n<<5 | d)

// TWO_ROWS adds the products of two rows of A and a step of B, V4 to V7, to their sums.
#define TWO_ROWS(n, s0, s1, s2, s3) \
	BFMMLA(s0, n, 4) \
	BFMMLA(s1, n, 5) \
	BFMMLA(s2, n, 6) \
	BFMMLA(s3, n, 7)

// SPREAD makes two lines of such sums: of the first row in s0 and s1, of the second in s2 and s3.
#define SPREAD(s0, s1, s2, s3) \
	ZIP2(0, s0, s1)  \
	ZIP1(s0, s0, s1) \
	ZIP1(s1, s2, s3) \
	ZIP2(s3, s2, s3) \
	MOV(s2, 0)

#define SPREAD_UPPER \
	SPREAD(8, 9, 10, 11) \
	SPREAD(12, 13, 14, 15) \
	SPREAD(16, 17, 18, 19)

// UPPER_FOURS loads a step of B and the upper half of one of A, and adds their products.
#define UPPER_FOURS \
	VLD1.P 64(R4), [V4.H8, V5.H8, V6.H8, V7.H8] \
	VLD1   (R1), [V0.H8, V1.H8, V2.H8]          \
	ASK_AHEAD                                   \
	TWO_ROWS(0, 8, 9, 10, 11)                   \
	TWO_ROWS(1, 12, 13, 14, 15)                 \
	TWO_ROWS(2, 16, 17, 18, 19)

// multiplyFours keeps 12 lines of 8 columns of C in V8 to V31, each 2 lines of 2 columns. A and B are of groups of four values of bfloat16; those of A lie side by side.
// func multiplyFours(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)
TEXT ·multiplyFours(SB), NOSPLIT, $0-80
	LOAD_ARGUMENTS
	CLEAR
	ADD $48, R1, R9

fours:
	UPPER_FOURS
	VLD1 (R9), [V0.H8, V1.H8, V2.H8]
	ADD  R3, R1
	ADD  R3, R9
	TWO_ROWS(0, 20, 21, 22, 23)
	TWO_ROWS(1, 24, 25, 26, 27)
	TWO_ROWS(2, 28, 29, 30, 31)
	SUBS $1, R0
	BNE  fours
	SPREAD_UPPER
	SPREAD(20, 21, 22, 23)
	SPREAD(24, 25, 26, 27)
	SPREAD(28, 29, 30, 31)
	STORE_ALL(EACH, FADD_S, S4)

// upperFours is multiplyFours for the first 6 lines.
// func upperFours(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)
TEXT ·upperFours(SB), NOSPLIT, $0-80
	LOAD_ARGUMENTS
	CLEAR_UPPER

fours:
	UPPER_FOURS
	ADD  R3, R1
	SUBS $1, R0
	BNE  fours
	SPREAD_UPPER
	STORE_ALL(UPPER, FADD_S, S4)
