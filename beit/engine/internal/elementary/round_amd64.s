#include "textflag.h"

// Rounding to half precision with AVX2. Both functions take n values, a multiple of 8, and not 0. A NaN stays as it is.

// COPIES fills a register with a number of 32 bits.
#define COPIES(number, half, register) \
	MOVL $number, AX            \
	VMOVD AX, half              \
	VPBROADCASTD half, register

// HALFWAY adds to Y2 what rounds the bits of Y1 that are cut off below bit `shift`: a little less than half, and a little more for an odd bit there.
#define HALFWAY(shift, odd, almost) \
	VPSRLD $shift, Y1, Y2 \
	VPAND odd, Y2, Y2     \
	VPADDD almost, Y2, Y2 \
	VPADDD Y1, Y2, Y2

// STORE_NUMBER stores Y2, or the value itself, Y0, where that is NaN.
#define STORE_NUMBER \
	VCMPPS $3, Y0, Y0, Y3     \
	VBLENDVPS Y3, Y0, Y2, Y2  \
	VMOVUPS Y2, (SI)          \
	ADDQ $32, SI              \
	SUBQ $8, CX               \
	JNE  loop

// func roundBF16By8(values *float32, n int)
TEXT ·roundBF16By8(SB), NOSPLIT, $0-16
	MOVQ values+0(FP), SI
	MOVQ n+8(FP), CX
	COPIES(1, X8, Y8)
	COPIES(0x7fff, X9, Y9)
	COPIES(0xffff0000, X10, Y10)
loop:
	VMOVUPS (SI), Y0
	VMOVAPS Y0, Y1
	HALFWAY(16, Y8, Y9)
	VPAND Y10, Y2, Y2
	STORE_NUMBER
	VZEROUPPER
	RET

// roundF16By8 rounds the magnitude. Adding 0.5 rounds what is below the normal numbers of float16: its last bit is worth what theirs is.
// func roundF16By8(values *float32, n int)
TEXT ·roundF16By8(SB), NOSPLIT, $0-16
	MOVQ values+0(FP), SI
	MOVQ n+8(FP), CX
	COPIES(1, X8, Y8)
	COPIES(0xfff, X9, Y9)
	COPIES(0xffffe000, X10, Y10)
	COPIES(0x7fffffff, X11, Y11)
	COPIES(0x477fffff, X12, Y12)
	COPIES(0x7f800000, X13, Y13)
	COPIES(0x38800000, X14, Y14)
	COPIES(0x3f000000, X15, Y15)
loop:
	VMOVUPS (SI), Y0
	VPAND Y11, Y0, Y1
	HALFWAY(13, Y8, Y9)
	VPAND Y10, Y2, Y2
	VPCMPGTD Y12, Y2, Y3
	VBLENDVPS Y3, Y13, Y2, Y2
	VADDPS Y15, Y1, Y4
	VSUBPS Y15, Y4, Y4
	VPCMPGTD Y1, Y14, Y3
	VBLENDVPS Y3, Y4, Y2, Y2
	VPXOR Y1, Y0, Y5
	VPOR Y5, Y2, Y2
	STORE_NUMBER
	VZEROUPPER
	RET
