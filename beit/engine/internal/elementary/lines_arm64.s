#include "textflag.h"

// What lines_avx2_amd64.s does, to the same bits. All functions take n values, a multiple of 8, and not 0.

// The assembler has no names for these instructions; d, n and m are numbers of registers, each with four values of float32 or two of float64.
#define FADD_S(d, n, m)   WORD $(0x4E20D400 | m<<16 | n<<5 | d)
#define FADD_D(d, n, m)   WORD $(0x4E60D400 | m<<16 | n<<5 | d)
#define FSUB_S(d, n, m)   WORD $(0x4EA0D400 | m<<16 | n<<5 | d)
#define FSUB_D(d, n, m)   WORD $(0x4EE0D400 | m<<16 | n<<5 | d)
#define FMUL_S(d, n, m)   WORD $(0x6E20DC00 | m<<16 | n<<5 | d)
#define FMUL_D(d, n, m)   WORD $(0x6E60DC00 | m<<16 | n<<5 | d)

// FMAXNM takes the value that is not NaN.
#define FMAXNM_S(d, n, m) WORD $(0x4E20C400 | m<<16 | n<<5 | d)
#define FMAXNM_D(d, n, m) WORD $(0x4E60C400 | m<<16 | n<<5 | d)

// NEXT ends a loop over 8 values.
#define NEXT \
	SUBS $8, R1 \
	BNE  loop

// func sumFloat32By8(values *float32, n int, sums *[8]float32)
TEXT ·sumFloat32By8(SB), NOSPLIT, $0-24
	MOVD values+0(FP), R0
	MOVD n+8(FP), R1
	MOVD sums+16(FP), R2
	VLD1 (R2), [V0.S4, V1.S4]
loop:
	VLD1.P 32(R0), [V8.S4, V9.S4]
	FADD_S(0, 0, 8)
	FADD_S(1, 1, 9)
	NEXT
	VST1 [V0.S4, V1.S4], (R2)
	RET

// func squaresFloat32By8(values *float32, n int, from float32, sums *[8]float32)
TEXT ·squaresFloat32By8(SB), NOSPLIT, $0-32
	MOVD values+0(FP), R0
	MOVD n+8(FP), R1
	MOVWU from+16(FP), R3
	MOVD sums+24(FP), R2
	VDUP R3, V16.S4
	VLD1 (R2), [V0.S4, V1.S4]
loop:
	VLD1.P 32(R0), [V8.S4, V9.S4]
	FSUB_S(8, 8, 16)
	FMUL_S(8, 8, 8)
	FADD_S(0, 0, 8)
	FSUB_S(9, 9, 16)
	FMUL_S(9, 9, 9)
	FADD_S(1, 1, 9)
	NEXT
	VST1 [V0.S4, V1.S4], (R2)
	RET

// func normaliseFloat32By8(y, x *float32, n int, mean, scale float32, weight, bias *float32)
TEXT ·normaliseFloat32By8(SB), NOSPLIT, $0-48
	MOVD y+0(FP), R2
	MOVD x+8(FP), R0
	MOVD n+16(FP), R1
	MOVWU mean+24(FP), R3
	MOVWU scale+28(FP), R4
	MOVD weight+32(FP), R5
	MOVD bias+40(FP), R6
	VDUP R3, V16.S4
	VDUP R4, V17.S4
loop:
	VLD1.P 32(R0), [V0.S4, V1.S4]
	VLD1.P 32(R5), [V8.S4, V9.S4]
	VLD1.P 32(R6), [V20.S4, V21.S4]
	FSUB_S(0, 0, 16)
	FMUL_S(0, 0, 17)
	FMUL_S(0, 0, 8)
	FADD_S(0, 0, 20)
	FSUB_S(1, 1, 16)
	FMUL_S(1, 1, 17)
	FMUL_S(1, 1, 9)
	FADD_S(1, 1, 21)
	VST1.P [V0.S4, V1.S4], 32(R2)
	NEXT
	RET

// func addFloat32By8(sums, values *float32, n int)
TEXT ·addFloat32By8(SB), NOSPLIT, $0-24
	MOVD sums+0(FP), R2
	MOVD values+8(FP), R0
	MOVD n+16(FP), R1
loop:
	VLD1.P 32(R0), [V8.S4, V9.S4]
	VLD1 (R2), [V0.S4, V1.S4]
	FADD_S(0, 0, 8)
	FADD_S(1, 1, 9)
	VST1.P [V0.S4, V1.S4], 32(R2)
	NEXT
	RET

// func addScaledFloat32By8(sums, values, factors *float32, n int)
TEXT ·addScaledFloat32By8(SB), NOSPLIT, $0-32
	MOVD sums+0(FP), R2
	MOVD values+8(FP), R0
	MOVD factors+16(FP), R3
	MOVD n+24(FP), R1
loop:
	VLD1.P 32(R0), [V8.S4, V9.S4]
	VLD1.P 32(R3), [V20.S4, V21.S4]
	VLD1 (R2), [V0.S4, V1.S4]
	FMUL_S(8, 8, 20)
	FADD_S(0, 0, 8)
	FMUL_S(9, 9, 21)
	FADD_S(1, 1, 9)
	VST1.P [V0.S4, V1.S4], 32(R2)
	NEXT
	RET

// func scaleFloat32By8(values *float32, n int, by float32)
TEXT ·scaleFloat32By8(SB), NOSPLIT, $0-20
	MOVD values+0(FP), R0
	MOVD n+8(FP), R1
	MOVWU by+16(FP), R3
	VDUP R3, V16.S4
loop:
	VLD1 (R0), [V0.S4, V1.S4]
	FMUL_S(0, 0, 16)
	FMUL_S(1, 1, 16)
	VST1.P [V0.S4, V1.S4], 32(R0)
	NEXT
	RET

// func largestFloat32By8(values *float32, n int, largest *[8]float32)
TEXT ·largestFloat32By8(SB), NOSPLIT, $0-24
	MOVD values+0(FP), R0
	MOVD n+8(FP), R1
	MOVD largest+16(FP), R2
	VLD1 (R2), [V0.S4, V1.S4]
loop:
	VLD1.P 32(R0), [V8.S4, V9.S4]
	FMAXNM_S(0, 0, 8)
	FMAXNM_S(1, 1, 9)
	NEXT
	VST1 [V0.S4, V1.S4], (R2)
	RET

// func sumFloat64By8(values *float64, n int, sums *[8]float64)
TEXT ·sumFloat64By8(SB), NOSPLIT, $0-24
	MOVD values+0(FP), R0
	MOVD n+8(FP), R1
	MOVD sums+16(FP), R2
	VLD1 (R2), [V0.D2, V1.D2, V2.D2, V3.D2]
loop:
	VLD1.P 64(R0), [V8.D2, V9.D2, V10.D2, V11.D2]
	FADD_D(0, 0, 8)
	FADD_D(1, 1, 9)
	FADD_D(2, 2, 10)
	FADD_D(3, 3, 11)
	NEXT
	VST1 [V0.D2, V1.D2, V2.D2, V3.D2], (R2)
	RET

// func squaresFloat64By8(values *float64, n int, from float64, sums *[8]float64)
TEXT ·squaresFloat64By8(SB), NOSPLIT, $0-32
	MOVD values+0(FP), R0
	MOVD n+8(FP), R1
	MOVD from+16(FP), R3
	MOVD sums+24(FP), R2
	VDUP R3, V16.D2
	VLD1 (R2), [V0.D2, V1.D2, V2.D2, V3.D2]
loop:
	VLD1.P 64(R0), [V8.D2, V9.D2, V10.D2, V11.D2]
	FSUB_D(8, 8, 16)
	FMUL_D(8, 8, 8)
	FADD_D(0, 0, 8)
	FSUB_D(9, 9, 16)
	FMUL_D(9, 9, 9)
	FADD_D(1, 1, 9)
	FSUB_D(10, 10, 16)
	FMUL_D(10, 10, 10)
	FADD_D(2, 2, 10)
	FSUB_D(11, 11, 16)
	FMUL_D(11, 11, 11)
	FADD_D(3, 3, 11)
	NEXT
	VST1 [V0.D2, V1.D2, V2.D2, V3.D2], (R2)
	RET

// func normaliseFloat64By8(y, x *float64, n int, mean, scale float64, weight, bias *float64)
TEXT ·normaliseFloat64By8(SB), NOSPLIT, $0-56
	MOVD y+0(FP), R2
	MOVD x+8(FP), R0
	MOVD n+16(FP), R1
	MOVD mean+24(FP), R3
	MOVD scale+32(FP), R4
	MOVD weight+40(FP), R5
	MOVD bias+48(FP), R6
	VDUP R3, V16.D2
	VDUP R4, V17.D2
loop:
	VLD1.P 64(R0), [V0.D2, V1.D2, V2.D2, V3.D2]
	VLD1.P 64(R5), [V8.D2, V9.D2, V10.D2, V11.D2]
	VLD1.P 64(R6), [V20.D2, V21.D2, V22.D2, V23.D2]
	FSUB_D(0, 0, 16)
	FMUL_D(0, 0, 17)
	FMUL_D(0, 0, 8)
	FADD_D(0, 0, 20)
	FSUB_D(1, 1, 16)
	FMUL_D(1, 1, 17)
	FMUL_D(1, 1, 9)
	FADD_D(1, 1, 21)
	FSUB_D(2, 2, 16)
	FMUL_D(2, 2, 17)
	FMUL_D(2, 2, 10)
	FADD_D(2, 2, 22)
	FSUB_D(3, 3, 16)
	FMUL_D(3, 3, 17)
	FMUL_D(3, 3, 11)
	FADD_D(3, 3, 23)
	VST1.P [V0.D2, V1.D2, V2.D2, V3.D2], 64(R2)
	NEXT
	RET

// func addFloat64By8(sums, values *float64, n int)
TEXT ·addFloat64By8(SB), NOSPLIT, $0-24
	MOVD sums+0(FP), R2
	MOVD values+8(FP), R0
	MOVD n+16(FP), R1
loop:
	VLD1.P 64(R0), [V8.D2, V9.D2, V10.D2, V11.D2]
	VLD1 (R2), [V0.D2, V1.D2, V2.D2, V3.D2]
	FADD_D(0, 0, 8)
	FADD_D(1, 1, 9)
	FADD_D(2, 2, 10)
	FADD_D(3, 3, 11)
	VST1.P [V0.D2, V1.D2, V2.D2, V3.D2], 64(R2)
	NEXT
	RET

// func addScaledFloat64By8(sums, values, factors *float64, n int)
TEXT ·addScaledFloat64By8(SB), NOSPLIT, $0-32
	MOVD sums+0(FP), R2
	MOVD values+8(FP), R0
	MOVD factors+16(FP), R3
	MOVD n+24(FP), R1
loop:
	VLD1.P 64(R0), [V8.D2, V9.D2, V10.D2, V11.D2]
	VLD1.P 64(R3), [V20.D2, V21.D2, V22.D2, V23.D2]
	VLD1 (R2), [V0.D2, V1.D2, V2.D2, V3.D2]
	FMUL_D(8, 8, 20)
	FADD_D(0, 0, 8)
	FMUL_D(9, 9, 21)
	FADD_D(1, 1, 9)
	FMUL_D(10, 10, 22)
	FADD_D(2, 2, 10)
	FMUL_D(11, 11, 23)
	FADD_D(3, 3, 11)
	VST1.P [V0.D2, V1.D2, V2.D2, V3.D2], 64(R2)
	NEXT
	RET

// func scaleFloat64By8(values *float64, n int, by float64)
TEXT ·scaleFloat64By8(SB), NOSPLIT, $0-24
	MOVD values+0(FP), R0
	MOVD n+8(FP), R1
	MOVD by+16(FP), R3
	VDUP R3, V16.D2
loop:
	VLD1 (R0), [V0.D2, V1.D2, V2.D2, V3.D2]
	FMUL_D(0, 0, 16)
	FMUL_D(1, 1, 16)
	FMUL_D(2, 2, 16)
	FMUL_D(3, 3, 16)
	VST1.P [V0.D2, V1.D2, V2.D2, V3.D2], 64(R0)
	NEXT
	RET

// func largestFloat64By8(values *float64, n int, largest *[8]float64)
TEXT ·largestFloat64By8(SB), NOSPLIT, $0-24
	MOVD values+0(FP), R0
	MOVD n+8(FP), R1
	MOVD largest+16(FP), R2
	VLD1 (R2), [V0.D2, V1.D2, V2.D2, V3.D2]
loop:
	VLD1.P 64(R0), [V8.D2, V9.D2, V10.D2, V11.D2]
	FMAXNM_D(0, 0, 8)
	FMAXNM_D(1, 1, 9)
	FMAXNM_D(2, 2, 10)
	FMAXNM_D(3, 3, 11)
	NEXT
	VST1 [V0.D2, V1.D2, V2.D2, V3.D2], (R2)
	RET
