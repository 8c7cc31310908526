#include "textflag.h"

// The table at AX has pairs of 16-bit factors, 4 bytes each, for products of two values that stand beside each other; then the rounding of both passes.
#define HIGH  0(AX)  // v2, v6
#define LOW   4(AX)  // v2, v6
#define SUM3  8(AX)  // v3+v7, v1+v5
#define SUM4  12(AX) // v3+v7, v1+v5
#define ODD0  16(AX) // v7, v1
#define ODD3  20(AX) // v7, v1
#define ODD1  24(AX) // v5, v3
#define ODD2  28(AX) // v5, v3
#define HALF1 32(AX)
#define HALF2 36(AX)

// EVEN(half, at) makes of one half of v0 to v7 the four sums of even ones, plus half, on the stack. UNPACK is VPUNPCKLWD or VPUNPCKHWD. Y14 is v0+v4, Y15 v0-v4,
// and Y13 zero.
#define EVEN(UNPACK, HALF, at) \
	UNPACK Y6, Y2, Y8          \
	VPBROADCASTD HIGH, Y9      \
	VPMADDWD Y9, Y8, Y9        \
	VPBROADCASTD LOW, Y10      \
	VPMADDWD Y10, Y8, Y10      \
	UNPACK Y14, Y13, Y11       \
	UNPACK Y15, Y13, Y12       \
	VPSRAD $3, Y11, Y11        \
	VPSRAD $3, Y12, Y12        \
	VPBROADCASTD HALF, Y8      \
	VPADDD Y8, Y11, Y11        \
	VPADDD Y8, Y12, Y12        \
	VPADDD Y9, Y11, Y8         \
	VMOVDQU Y8, (at+0)(SP)     \
	VPSUBD Y9, Y11, Y8         \
	VMOVDQU Y8, (at+96)(SP)    \
	VPADDD Y10, Y12, Y8        \
	VMOVDQU Y8, (at+32)(SP)    \
	VPSUBD Y10, Y12, Y8        \
	VMOVDQU Y8, (at+64)(SP)

// ODD(...) makes of one half of v1, v3, v5, v7 the four sums of odd ones, in a, b, c, d: those of outputs 0, 1, 2, 3. Y14 is v3+v7, Y15 v1+v5.
#define ODD(UNPACK, a, b, c, d) \
	UNPACK Y15, Y14, a         \
	VPBROADCASTD SUM3, d       \
	VPMADDWD d, a, d           \
	VPBROADCASTD SUM4, b       \
	VPMADDWD b, a, a           \
	UNPACK Y3, Y5, c           \
	VPBROADCASTD ODD2, b       \
	VPMADDWD b, c, b           \
	VPADDD d, b, b             \
	VPBROADCASTD ODD1, Y13     \
	VPMADDWD Y13, c, c         \
	VPADDD a, c, c             \
	UNPACK Y1, Y7, Y13         \
	VPBROADCASTD ODD0, Y12     \
	VPMADDWD Y12, Y13, Y12     \
	VPADDD Y12, d, d           \
	VPBROADCASTD ODD3, Y12     \
	VPMADDWD Y12, Y13, Y12     \
	VPADDD Y12, a, a

// OUT makes outputs i and 7-i: even plus and minus odd, without the fraction bits. low and high are the halves of odd; the even ones are on the stack.
#define OUT(at, low, high, SHIFT, first, last) \
	VMOVDQU (at)(SP), Y12      \
	VMOVDQU (at+128)(SP), Y13  \
	VPADDD low, Y12, Y14       \
	VPADDD high, Y13, Y15      \
	VPSUBD low, Y12, Y12       \
	VPSUBD high, Y13, Y13      \
	VPSRAD $SHIFT, Y14, Y14    \
	VPSRAD $SHIFT, Y15, Y15    \
	VPSRAD $SHIFT, Y12, Y12    \
	VPSRAD $SHIFT, Y13, Y13    \
	VPACKSSDW Y15, Y14, first  \
	VPACKSSDW Y13, Y12, last

// PASS transforms Y0 to Y7, each lane by itself.
#define PASS(HALF, SHIFT) \
	VPXOR Y13, Y13, Y13        \
	VPADDW Y4, Y0, Y14         \
	VPSUBW Y4, Y0, Y15         \
	EVEN(VPUNPCKLWD, HALF, 0)  \
	EVEN(VPUNPCKHWD, HALF, 128) \
	VPADDW Y7, Y3, Y14         \
	VPADDW Y5, Y1, Y15         \
	ODD(VPUNPCKLWD, Y0, Y2, Y4, Y6)   \
	ODD(VPUNPCKHWD, Y8, Y9, Y10, Y11) \
	OUT(64, Y4, Y10, SHIFT, Y4, Y5)   \
	OUT(0, Y0, Y8, SHIFT, Y0, Y7)     \
	VMOVDQA Y2, Y3             \
	OUT(32, Y3, Y9, SHIFT, Y1, Y2)    \
	VMOVDQA Y6, Y9             \
	VMOVDQA Y2, Y6             \
	VMOVDQA Y4, Y2             \
	OUT(96, Y9, Y11, SHIFT, Y3, Y4)

// TRANSPOSE transposes the 8 x 8 values of Y0 to Y7 in each lane.
#define TRANSPOSE \
	VPUNPCKLWD Y1, Y0, Y8      \
	VPUNPCKHWD Y1, Y0, Y9      \
	VPUNPCKLWD Y3, Y2, Y10     \
	VPUNPCKHWD Y3, Y2, Y11     \
	VPUNPCKLWD Y5, Y4, Y12     \
	VPUNPCKHWD Y5, Y4, Y13     \
	VPUNPCKLWD Y7, Y6, Y14     \
	VPUNPCKHWD Y7, Y6, Y15     \
	VPUNPCKLDQ Y10, Y8, Y0     \
	VPUNPCKHDQ Y10, Y8, Y1     \
	VPUNPCKLDQ Y11, Y9, Y2     \
	VPUNPCKHDQ Y11, Y9, Y3     \
	VPUNPCKLDQ Y14, Y12, Y4    \
	VPUNPCKHDQ Y14, Y12, Y5    \
	VPUNPCKLDQ Y15, Y13, Y6    \
	VPUNPCKHDQ Y15, Y13, Y7    \
	VPUNPCKLQDQ Y4, Y0, Y8     \
	VPUNPCKHQDQ Y4, Y0, Y9     \
	VPUNPCKLQDQ Y5, Y1, Y10    \
	VPUNPCKHQDQ Y5, Y1, Y11    \
	VPUNPCKLQDQ Y6, Y2, Y12    \
	VPUNPCKHQDQ Y6, Y2, Y13    \
	VPUNPCKLQDQ Y7, Y3, Y14    \
	VPUNPCKHQDQ Y7, Y3, Y15    \
	VMOVDQA Y8, Y0             \
	VMOVDQA Y9, Y1             \
	VMOVDQA Y10, Y2            \
	VMOVDQA Y11, Y3            \
	VMOVDQA Y12, Y4            \
	VMOVDQA Y13, Y5            \
	VMOVDQA Y14, Y6            \
	VMOVDQA Y15, Y7

// LOAD reads line i of both blocks, times the quantisers.
#define LOAD(i, x, y) \
	VMOVDQU (16*i)(SI), x              \
	VINSERTI128 $1, (128+16*i)(SI), y, y \
	VBROADCASTI128 (16*i)(DX), Y8      \
	VPMULLW Y8, y, y

// STORE writes two lines of both blocks, at R8 and R9.
#define STORE(y0, y1) \
	VPACKSSWB y1, y0, Y12      \
	VPADDB Y15, Y12, Y12       \
	VEXTRACTI128 $1, Y12, X13  \
	VMOVQ X12, (R8)            \
	VMOVHPS X12, (R8)(BX*1)    \
	VMOVQ X13, (R9)            \
	VMOVHPS X13, (R9)(BX*1)    \
	LEAQ (R8)(BX*2), R8        \
	LEAQ (R9)(BX*2), R9

// func inversePair(a, b *uint8, stride int, blocks *[128]int16, quant *[64]uint16, table *[10]int32)
TEXT ·inversePair(SB), NOSPLIT, $256-48
	MOVQ a+0(FP), R8
	MOVQ b+8(FP), R9
	MOVQ stride+16(FP), BX
	MOVQ blocks+24(FP), SI
	MOVQ quant+32(FP), DX
	MOVQ table+40(FP), AX
	LOAD(0, X0, Y0)
	LOAD(1, X1, Y1)
	LOAD(2, X2, Y2)
	LOAD(3, X3, Y3)
	LOAD(4, X4, Y4)
	LOAD(5, X5, Y5)
	LOAD(6, X6, Y6)
	LOAD(7, X7, Y7)
	PASS(HALF1, 11)
	TRANSPOSE
	PASS(HALF2, 18)
	TRANSPOSE
	VPCMPEQB Y15, Y15, Y15
	VPSLLW $7, Y15, Y15
	VPACKSSWB Y15, Y15, Y15 // -128 in each byte
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	VZEROUPPER
	RET
