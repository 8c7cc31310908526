#include "textflag.h"

// Both functions take n halves, a multiple of 8, and not 0.

// FCVTL and FCVTL2 widen the lower and the upper four of eight values of float16; the assembler has no names for them. d and n are numbers of registers.
#define FCVTL(d, n)  WORD $(0x0E217800 | n<<5 | d)
#define FCVTL2(d, n) WORD $(0x4E217800 | n<<5 | d)

// LOAD_HALVES: R0 out, R1 halves, R2 n.
#define LOAD_HALVES \
	MOVD out+0(FP), R0    \
	MOVD halves+8(FP), R1 \
	MOVD n+16(FP), R2

// func widenBF16By8(out *float32, halves *uint16, n int)
TEXT ·widenBF16By8(SB), NOSPLIT, $0-24
	LOAD_HALVES
loop:
	VLD1.P 16(R1), [V0.H8]
	VUXTL  V0.H4, V1.S4
	VUXTL2 V0.H8, V2.S4
	VSHL   $16, V1.S4, V1.S4
	VSHL   $16, V2.S4, V2.S4
	VST1.P [V1.S4, V2.S4], 32(R0)
	SUBS   $8, R2
	BNE    loop
	RET

// func widenF16By8(out *float32, halves *uint16, n int)
TEXT ·widenF16By8(SB), NOSPLIT, $0-24
	LOAD_HALVES
loop:
	VLD1.P 16(R1), [V0.H8]
	FCVTL(1, 0)
	FCVTL2(2, 0)
	VST1.P [V1.S4, V2.S4], 32(R0)
	SUBS   $8, R2
	BNE    loop
	RET
