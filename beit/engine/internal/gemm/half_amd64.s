#include "textflag.h"

// Both functions take n halves, a multiple of 8, and not 0.

// LOAD_HALVES: DI out, SI halves, CX n.
#define LOAD_HALVES \
	MOVQ out+0(FP), DI    \
	MOVQ halves+8(FP), SI \
	MOVQ n+16(FP), CX

#define NEXT_HALVES \
	ADDQ $16, SI \
	ADDQ $32, DI \
	SUBQ $8, CX  \
	JNE  loop

// COPIES fills a register with a number of 32 bits.
#define COPIES(number, half, register) \
	MOVL $number, AX            \
	VMOVD AX, half              \
	VPBROADCASTD half, register

// func widenBF16By8(out *float32, halves *uint16, n int)
TEXT ·widenBF16By8(SB), NOSPLIT, $0-24
	LOAD_HALVES
loop:
	VPMOVZXWD (SI), Y0
	VPSLLD $16, Y0, Y0
	VMOVDQU Y0, (DI)
	NEXT_HALVES
	VZEROUPPER
	RET

// widenF16By8 is WidenF16 of package tensor: the bits without the sign, moved to their places, times 2^112, and with the largest exponent where it was that.
// func widenF16By8(out *float32, halves *uint16, n int)
TEXT ·widenF16By8(SB), NOSPLIT, $0-24
	LOAD_HALVES
	COPIES(0x7fff, X8, Y8)
	COPIES(0x77800000, X9, Y9)
	COPIES(0x7bff, X10, Y10)
	COPIES(0x7f800000, X11, Y11)
	COPIES(0x7c00, X12, Y12)
	COPIES(0x00400000, X13, Y13)
loop:
	VPMOVZXWD (SI), Y0
	VPAND Y8, Y0, Y1
	VPXOR Y1, Y0, Y2
	VPSLLD $16, Y2, Y2
	VPSLLD $13, Y1, Y3
	VMULPS Y9, Y3, Y4
	VPCMPGTD Y10, Y1, Y5
	VPAND Y11, Y5, Y5
	VPOR Y5, Y4, Y4
	VPCMPGTD Y12, Y1, Y6
	VPAND Y13, Y6, Y6
	VPOR Y6, Y4, Y4
	VPOR Y2, Y4, Y4
	VMOVDQU Y4, (DI)
	NEXT_HALVES
	VZEROUPPER
	RET
