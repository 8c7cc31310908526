#include "textflag.h"

// What round_amd64.s does, to the same bits.

// The assembler has no names for these instructions; d, n and m are numbers of registers. FCVTN rounds four values of float32 to float16, and FCVTL widens them.
#define FCVTN(d, n)      WORD $(0x0E216800 | n<<5 | d)
#define FCVTL(d, n)      WORD $(0x0E217800 | n<<5 | d)
#define FCMEQ_S(d, n, m) WORD $(0x4E20E400 | m<<16 | n<<5 | d)

// STORE_NUMBERS stores V2 and V3, or the values themselves, V0 and V1, where these are NaN.
#define STORE_NUMBERS \
	FCMEQ_S(4, 0, 0)              \
	FCMEQ_S(5, 1, 1)              \
	VBIF   V4.B16, V0.B16, V2.B16 \
	VBIF   V5.B16, V1.B16, V3.B16 \
	VST1.P [V2.S4, V3.S4], 32(R0) \
	SUBS   $8, R1                 \
	BNE    loop

// func roundBF16By8(values *float32, n int)
TEXT ·roundBF16By8(SB), NOSPLIT, $0-16
	MOVD values+0(FP), R0
	MOVD n+8(FP), R1
	MOVD $1, R3
	VDUP R3, V16.S4
	MOVD $0x7fff, R3
	VDUP R3, V17.S4
loop:
	VLD1  (R0), [V0.S4, V1.S4]
	VUSHR $16, V0.S4, V2.S4
	VUSHR $16, V1.S4, V3.S4
	VAND  V16.B16, V2.B16, V2.B16
	VAND  V16.B16, V3.B16, V3.B16
	VADD  V17.S4, V2.S4, V2.S4
	VADD  V17.S4, V3.S4, V3.S4
	VADD  V0.S4, V2.S4, V2.S4
	VADD  V1.S4, V3.S4, V3.S4
	VUSHR $16, V2.S4, V2.S4
	VUSHR $16, V3.S4, V3.S4
	VSHL  $16, V2.S4, V2.S4
	VSHL  $16, V3.S4, V3.S4
	STORE_NUMBERS
	RET

// func roundF16By8(values *float32, n int)
TEXT ·roundF16By8(SB), NOSPLIT, $0-16
	MOVD values+0(FP), R0
	MOVD n+8(FP), R1
loop:
	VLD1 (R0), [V0.S4, V1.S4]
	FCVTN(2, 0)
	FCVTN(3, 1)
	FCVTL(2, 2)
	FCVTL(3, 3)
	STORE_NUMBERS
	RET
