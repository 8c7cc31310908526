#include "textflag.h"

// Sums and other simple operations on the values of a line, with AVX2. All functions take n values, a multiple of 8, and not 0: one register of float32, two of float64. They
// compute what lines.go does, rounded one by one: no multiplication is fused with an addition.

// NEXT ends a loop over 8 values of so many bytes.
#define NEXT(bytes) \
	ADDQ $bytes, SI \
	SUBQ $8, CX     \
	JNE  loop

// func sumFloat32By8(values *float32, n int, sums *[8]float32)
TEXT ·sumFloat32By8(SB), NOSPLIT, $0-24
	MOVQ values+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ sums+16(FP), DX
	VMOVUPS (DX), Y0
loop:
	VADDPS (SI), Y0, Y0
	NEXT(32)
	VMOVUPS Y0, (DX)
	VZEROUPPER
	RET

// func squaresFloat32By8(values *float32, n int, from float32, sums *[8]float32)
TEXT ·squaresFloat32By8(SB), NOSPLIT, $0-32
	MOVQ values+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS from+16(FP), Y8
	MOVQ sums+24(FP), DX
	VMOVUPS (DX), Y0
loop:
	VMOVUPS (SI), Y4
	VSUBPS Y8, Y4, Y4
	VMULPS Y4, Y4, Y4
	VADDPS Y4, Y0, Y0
	NEXT(32)
	VMOVUPS Y0, (DX)
	VZEROUPPER
	RET

// func normaliseFloat32By8(y, x *float32, n int, mean, scale float32, weight, bias *float32)
TEXT ·normaliseFloat32By8(SB), NOSPLIT, $0-48
	MOVQ y+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS mean+24(FP), Y8
	VBROADCASTSS scale+28(FP), Y9
	MOVQ weight+32(FP), DX
	MOVQ bias+40(FP), BX
loop:
	VMOVUPS (SI), Y0
	VSUBPS Y8, Y0, Y0
	VMULPS Y9, Y0, Y0
	VMULPS (DX), Y0, Y0
	VADDPS (BX), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	ADDQ $32, DX
	ADDQ $32, BX
	NEXT(32)
	VZEROUPPER
	RET

// func addFloat32By8(sums, values *float32, n int)
TEXT ·addFloat32By8(SB), NOSPLIT, $0-24
	MOVQ sums+0(FP), DI
	MOVQ values+8(FP), SI
	MOVQ n+16(FP), CX
loop:
	VMOVUPS (DI), Y0
	VADDPS (SI), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	NEXT(32)
	VZEROUPPER
	RET

// func addScaledFloat32By8(sums, values, factors *float32, n int)
TEXT ·addScaledFloat32By8(SB), NOSPLIT, $0-32
	MOVQ sums+0(FP), DI
	MOVQ values+8(FP), SI
	MOVQ factors+16(FP), DX
	MOVQ n+24(FP), CX
loop:
	VMOVUPS (SI), Y0
	VMULPS (DX), Y0, Y0
	VADDPS (DI), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	ADDQ $32, DX
	NEXT(32)
	VZEROUPPER
	RET

// func scaleFloat32By8(values *float32, n int, by float32)
TEXT ·scaleFloat32By8(SB), NOSPLIT, $0-20
	MOVQ values+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS by+16(FP), Y8
loop:
	VMULPS (SI), Y8, Y0
	VMOVUPS Y0, (SI)
	NEXT(32)
	VZEROUPPER
	RET

// func largestFloat32By8(values *float32, n int, largest *[8]float32)
TEXT ·largestFloat32By8(SB), NOSPLIT, $0-24
	MOVQ values+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ largest+16(FP), DX
	VMOVUPS (DX), Y0
loop:
	VMOVUPS (SI), Y4
	VMAXPS Y0, Y4, Y0
	NEXT(32)
	VMOVUPS Y0, (DX)
	VZEROUPPER
	RET

// func sumFloat64By8(values *float64, n int, sums *[8]float64)
TEXT ·sumFloat64By8(SB), NOSPLIT, $0-24
	MOVQ values+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ sums+16(FP), DX
	VMOVUPD (DX), Y0
	VMOVUPD 32(DX), Y1
loop:
	VADDPD (SI), Y0, Y0
	VADDPD 32(SI), Y1, Y1
	NEXT(64)
	VMOVUPD Y0, (DX)
	VMOVUPD Y1, 32(DX)
	VZEROUPPER
	RET

// func squaresFloat64By8(values *float64, n int, from float64, sums *[8]float64)
TEXT ·squaresFloat64By8(SB), NOSPLIT, $0-32
	MOVQ values+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSD from+16(FP), Y8
	MOVQ sums+24(FP), DX
	VMOVUPD (DX), Y0
	VMOVUPD 32(DX), Y1
loop:
	VMOVUPD (SI), Y4
	VSUBPD Y8, Y4, Y4
	VMULPD Y4, Y4, Y4
	VADDPD Y4, Y0, Y0
	VMOVUPD 32(SI), Y5
	VSUBPD Y8, Y5, Y5
	VMULPD Y5, Y5, Y5
	VADDPD Y5, Y1, Y1
	NEXT(64)
	VMOVUPD Y0, (DX)
	VMOVUPD Y1, 32(DX)
	VZEROUPPER
	RET

// func normaliseFloat64By8(y, x *float64, n int, mean, scale float64, weight, bias *float64)
TEXT ·normaliseFloat64By8(SB), NOSPLIT, $0-56
	MOVQ y+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSD mean+24(FP), Y8
	VBROADCASTSD scale+32(FP), Y9
	MOVQ weight+40(FP), DX
	MOVQ bias+48(FP), BX
loop:
	VMOVUPD (SI), Y0
	VSUBPD Y8, Y0, Y0
	VMULPD Y9, Y0, Y0
	VMULPD (DX), Y0, Y0
	VADDPD (BX), Y0, Y0
	VMOVUPD Y0, (DI)
	VMOVUPD 32(SI), Y1
	VSUBPD Y8, Y1, Y1
	VMULPD Y9, Y1, Y1
	VMULPD 32(DX), Y1, Y1
	VADDPD 32(BX), Y1, Y1
	VMOVUPD Y1, 32(DI)
	ADDQ $64, DI
	ADDQ $64, DX
	ADDQ $64, BX
	NEXT(64)
	VZEROUPPER
	RET

// func addFloat64By8(sums, values *float64, n int)
TEXT ·addFloat64By8(SB), NOSPLIT, $0-24
	MOVQ sums+0(FP), DI
	MOVQ values+8(FP), SI
	MOVQ n+16(FP), CX
loop:
	VMOVUPD (DI), Y0
	VADDPD (SI), Y0, Y0
	VMOVUPD Y0, (DI)
	VMOVUPD 32(DI), Y1
	VADDPD 32(SI), Y1, Y1
	VMOVUPD Y1, 32(DI)
	ADDQ $64, DI
	NEXT(64)
	VZEROUPPER
	RET

// func addScaledFloat64By8(sums, values, factors *float64, n int)
TEXT ·addScaledFloat64By8(SB), NOSPLIT, $0-32
	MOVQ sums+0(FP), DI
	MOVQ values+8(FP), SI
	MOVQ factors+16(FP), DX
	MOVQ n+24(FP), CX
loop:
	VMOVUPD (SI), Y0
	VMULPD (DX), Y0, Y0
	VADDPD (DI), Y0, Y0
	VMOVUPD Y0, (DI)
	VMOVUPD 32(SI), Y1
	VMULPD 32(DX), Y1, Y1
	VADDPD 32(DI), Y1, Y1
	VMOVUPD Y1, 32(DI)
	ADDQ $64, DI
	ADDQ $64, DX
	NEXT(64)
	VZEROUPPER
	RET

// func scaleFloat64By8(values *float64, n int, by float64)
TEXT ·scaleFloat64By8(SB), NOSPLIT, $0-24
	MOVQ values+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSD by+16(FP), Y8
loop:
	VMULPD (SI), Y8, Y0
	VMOVUPD Y0, (SI)
	VMULPD 32(SI), Y8, Y1
	VMOVUPD Y1, 32(SI)
	NEXT(64)
	VZEROUPPER
	RET

// func largestFloat64By8(values *float64, n int, largest *[8]float64)
TEXT ·largestFloat64By8(SB), NOSPLIT, $0-24
	MOVQ values+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ largest+16(FP), DX
	VMOVUPD (DX), Y0
	VMOVUPD 32(DX), Y1
loop:
	VMOVUPD (SI), Y4
	VMAXPD Y0, Y4, Y0
	VMOVUPD 32(SI), Y5
	VMAXPD Y1, Y5, Y1
	NEXT(64)
	VMOVUPD Y0, (DX)
	VMOVUPD Y1, 32(DX)
	VZEROUPPER
	RET
