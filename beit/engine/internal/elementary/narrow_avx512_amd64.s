#include "textflag.h"

// Of float32 what elementary_avx2_amd64.s does eight values at a time, sixteen at a time, in the same order with the same roundings, so to the same bits. The table at AX has each
// entry once; see narrow in elementary_by8.go.

// LOAD_ARGUMENTS: SI values, CX n.
#define LOAD_ARGUMENTS \
	MOVQ values+0(FP), SI \
	MOVQ n+8(FP), CX      \
	MOVQ $0xffff, BX      \
	KMOVW BX, K1

// LOOP begins a loop over 16 values at a time, which NEXT ends. K1 is the mask of the values that there are: of the last ones there may be fewer.
#define LOOP \
loop: \
	TESTQ CX, CX   \
	JLE  done      \
	CMPQ CX, $16   \
	JGE  full      \
	MOVQ $1, BX    \
	SHLQ CX, BX    \
	DECQ BX        \
	KMOVW BX, K1   \
full:

// NEXT goes on to the next 16 values, or else ends the loop.
#define NEXT \
	ADDQ $64, SI  \
	SUBQ $16, CX  \
	JMP  loop     \
done:

// EXP computes exp of Z0. It uses Z1, Z2 and Z9.
#define EXP \
	VBROADCASTSS 12(AX), Z2 \
	VMAXPS Z0, Z2, Z0 \
	VBROADCASTSS 16(AX), Z2 \
	VMINPS Z0, Z2, Z0 \
	VMULPS.BCST (AX), Z0, Z1 \
	VRNDSCALEPS $8, Z1, Z1 \
	VFNMADD231PS.BCST 4(AX), Z1, Z0 \
	VFNMADD231PS.BCST 8(AX), Z1, Z0 \
	VBROADCASTSS 20(AX), Z2 \
	VFMADD213PS.BCST 24(AX), Z0, Z2 \
	VFMADD213PS.BCST 28(AX), Z0, Z2 \
	VFMADD213PS.BCST 32(AX), Z0, Z2 \
	VFMADD213PS.BCST 36(AX), Z0, Z2 \
	VFMADD213PS.BCST 40(AX), Z0, Z2 \
	VMULPS Z0, Z0, Z9 \
	VFMADD213PS Z0, Z9, Z2 \
	VADDPS.BCST 44(AX), Z2, Z2 \
	VSCALEFPS Z1, Z2, Z0

// GELU computes GELU of Z0. It uses Z1 to Z14 and K2.
#define GELU \
	VMOVAPS Z0, Z8 \
	VPANDD.BCST 52(AX), Z0, Z3 \
	VBROADCASTSS 56(AX), Z7 \
	VMINPS Z3, Z7, Z3 \
	VMULPS Z3, Z3, Z4 \
	VMOVAPS Z3, Z5 \
	VFMSUB213PS Z4, Z3, Z5 \
	VMULPS.BCST 60(AX), Z4, Z0 \
	EXP \
	VMULPS.BCST 60(AX), Z5, Z5 \
	VFMADD213PS Z0, Z0, Z5 \
	VADDPS.BCST 64(AX), Z3, Z6 \
	VBROADCASTSS 44(AX), Z7 \
	VDIVPS Z6, Z7, Z6 \
	VBROADCASTSS 68(AX), Z10 \
	VFMADD213PS.BCST 72(AX), Z6, Z10 \
	VBROADCASTSS 76(AX), Z12 \
	VFMADD213PS.BCST 80(AX), Z10, Z12 \
	VFMADD213PS.BCST 84(AX), Z10, Z12 \
	VFMADD213PS.BCST 88(AX), Z10, Z12 \
	VFMADD213PS.BCST 92(AX), Z10, Z12 \
	VFMADD213PS.BCST 96(AX), Z10, Z12 \
	VFMADD213PS.BCST 100(AX), Z10, Z12 \
	VFMADD213PS.BCST 104(AX), Z10, Z12 \
	VMULPS Z12, Z6, Z12 \
	VPXORD Z7, Z7, Z7 \
	VSUBPS Z8, Z7, Z11 \
	VMAXPS Z3, Z11, Z11 \
	VMULPS Z12, Z11, Z11 \
	VMULPS Z5, Z11, Z11 \
	VMAXPS Z8, Z7, Z13 \
	VSUBPS Z11, Z13, Z13 \
	VBROADCASTSS 108(AX), Z14 \
	VFMADD213PS.BCST 112(AX), Z4, Z14 \
	VFMADD213PS.BCST 116(AX), Z4, Z14 \
	VFMADD213PS.BCST 120(AX), Z4, Z14 \
	VFMADD213PS.BCST 124(AX), Z4, Z14 \
	VFMADD213PS.BCST 128(AX), Z4, Z14 \
	VFMADD213PS.BCST 132(AX), Z8, Z14 \
	VMULPS Z8, Z14, Z14 \
	VCMPPS.BCST $1, 44(AX), Z3, K2 \
	VMOVAPS Z14, K2, Z13 \
	VMOVAPS Z13, Z0

// func expFloat32(values *float32, n int, table *float32, shift float32, sums *[8]float64)
TEXT ·expFloat32(SB), NOSPLIT, $0-40
	LOAD_ARGUMENTS
	MOVQ table+16(FP), AX
	VBROADCASTSS shift+24(FP), Z21
	VPXORQ Z20, Z20, Z20

	LOOP
	VMOVUPS.Z (SI), K1, Z0
	VSUBPS Z21, Z0, Z0
	EXP
	VMOVUPS Z0, K1, (SI)
	VMOVAPS.Z Z0, K1, Z0
	VEXTRACTF64X4 $1, Z0, Y1
	VCVTPS2PD Y0, Z0
	VADDPD Z0, Z20, Z20
	VCVTPS2PD Y1, Z1
	VADDPD Z1, Z20, Z20
	NEXT
	MOVQ sums+32(FP), SI
	VMOVUPD Z20, (SI)
	VZEROUPPER
	RET

// func geluFloat32(values *float32, n int, table *float32)
TEXT ·geluFloat32(SB), NOSPLIT, $0-24
	LOAD_ARGUMENTS
	MOVQ table+16(FP), AX

	LOOP
	VMOVUPS.Z (SI), K1, Z0
	GELU
	VMOVUPS Z0, K1, (SI)
	NEXT
	VZEROUPPER
	RET

// func divideFloat32(values *float32, n int, by float32)
TEXT ·divideFloat32(SB), NOSPLIT, $0-20
	LOAD_ARGUMENTS
	VBROADCASTSS by+16(FP), Z1

	LOOP
	VMOVUPS.Z (SI), K1, Z0
	VDIVPS Z1, Z0, Z0
	VMOVUPS Z0, K1, (SI)
	NEXT
	VZEROUPPER
	RET

// func largestFloat32(values *float32, n int) float32
TEXT ·largestFloat32(SB), NOSPLIT, $0-20
	LOAD_ARGUMENTS
	MOVL $0xff800000, BX // negative infinity
	VPBROADCASTD BX, Z1
	MOVQ $0xffff, BX

	LOOP
	VMOVUPS.Z (SI), K1, Z0
	VMAXPS Z1, Z0, K1, Z1
	NEXT
	VEXTRACTF64X4 $1, Z1, Y2
	VMAXPS Y2, Y1, Y1
	VEXTRACTF128 $1, Y1, X2
	VMAXPS X2, X1, X1
	VPERMILPS $0x4e, X1, X2
	VMAXPS X2, X1, X1
	VPERMILPS $0xb1, X1, X2
	VMAXPS X2, X1, X1
	VMOVSS X1, ret+16(FP)
	VZEROUPPER
	RET
