#include "textflag.h"

// The assembler has no name for VDPBF16PS. PAIRS adds to the sixteen sums in register 8*eight+sum, whose eight has the bits high, the products of the pairs in register m, and in
// register 0 (line 0x7E) or 1 (line 0x76).
#define PAIRS(line, high, sum, m) BYTE $0x62; BYTE $(high); BYTE $(line); BYTE $0x48; BYTE $0x52; BYTE $(0xC0 | sum<<3 | m)

#define EIGHT1 0x72 // Z8 to Z15
#define EIGHT2 0xE2 // Z16 to Z23
#define EIGHT3 0x62 // Z24 to Z31

// LINE adds the products of a pair of A and a line of pairs of B, Z0 and Z1, to two sums.
#define LINE(element, copies, m, high, low, next) \
	VPBROADCASTD element, copies \
	PAIRS(0x7E, high, low, m)    \
	PAIRS(0x76, high, next, m)

// ZERO clears two sums, and ADDED adds two to a line of C.
#define ZERO(low, next) \
	VPXORQ low, low, low    \
	VPXORQ next, next, next

#define BEGUN(low, next) \
	VADDPS Z0, low, low     \
	VADDPS Z1, next, next   \
	VMOVUPS low, (DX)       \
	VMOVUPS next, 64(DX)    \
	ADDQ R10, DX

#define ADDED(low, next) \
	VADDPS (DX), low, low     \
	VADDPS 64(DX), next, next \
	VMOVUPS low, (DX)         \
	VMOVUPS next, 64(DX)      \
	ADDQ R10, DX

#define ALL(do) \
	do(Z8, Z9)   \
	do(Z10, Z11) \
	do(Z12, Z13) \
	do(Z14, Z15) \
	do(Z16, Z17) \
	do(Z18, Z19) \
	do(Z20, Z21) \
	do(Z22, Z23) \
	do(Z24, Z25) \
	do(Z26, Z27) \
	do(Z28, Z29) \
	do(Z30, Z31)

// multiplyPairs keeps 12 lines of 32 columns of C in Z8 to Z31. A and B are of pairs of bfloat16: of each the second is multiplied and added first.
// func multiplyPairs(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)
TEXT ·multiplyPairs(SB), NOSPLIT, $0-80
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ row+16(FP), R8
	MOVQ step+24(FP), R9
	MOVQ b+32(FP), DI
	MOVQ c+40(FP), DX
	MOVQ stride+48(FP), R10
	MOVQ ahead+56(FP), BX
	MOVQ pace+64(FP), R14
	LEAQ (R8)(R8*2), R12
	LEAQ (SI)(R12*1), R11
	LEAQ (R11)(R12*1), R13
	ADDQ R13, R12
	ALL(ZERO)

loop:
	VMOVUPS (DI), Z0
	VMOVUPS 64(DI), Z1
	PREFETCHT0 768(SI)
	PREFETCHT1 (BX)
	ADDQ R14, BX
	LINE((SI), Z2, 2, EIGHT1, 0, 1)
	LINE((SI)(R8*1), Z3, 3, EIGHT1, 2, 3)
	LINE((SI)(R8*2), Z4, 4, EIGHT1, 4, 5)
	LINE((R11), Z5, 5, EIGHT1, 6, 7)
	LINE((R11)(R8*1), Z6, 6, EIGHT2, 0, 1)
	LINE((R11)(R8*2), Z7, 7, EIGHT2, 2, 3)
	LINE((R13), Z2, 2, EIGHT2, 4, 5)
	LINE((R13)(R8*1), Z3, 3, EIGHT2, 6, 7)
	LINE((R13)(R8*2), Z4, 4, EIGHT3, 0, 1)
	LINE((R12), Z5, 5, EIGHT3, 2, 3)
	LINE((R12)(R8*1), Z6, 6, EIGHT3, 4, 5)
	LINE((R12)(R8*2), Z7, 7, EIGHT3, 6, 7)
	ADDQ $128, DI
	ADDQ R9, SI
	ADDQ R9, R11
	ADDQ R9, R13
	ADDQ R9, R12
	DECQ CX
	JNZ  loop

	MOVQ first+72(FP), BX
	TESTQ BX, BX
	JZ   more
	VMOVUPS (BX), Z0
	VMOVUPS 64(BX), Z1
	ALL(BEGUN)
	VZEROUPPER
	RET

more:
	ALL(ADDED)
	VZEROUPPER
	RET

// func cpuMaker() (b, d, c uint32)
TEXT ·cpuMaker(SB), NOSPLIT, $0-12
	XORL AX, AX
	XORL CX, CX
	CPUID
	MOVL BX, b+0(FP)
	MOVL DX, d+4(FP)
	MOVL CX, c+8(FP)
	RET
