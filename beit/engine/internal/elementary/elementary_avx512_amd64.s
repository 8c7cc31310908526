#include "textflag.h"

// The table at AX: log2 e, ln 2 and what it lacks, the least and the largest argument of EXP, the coefficients of EXP, that of r^13 first; then 40, 1/√2, 4, 0.5, -0.5,
// the mask without the sign, the coefficients of erfcx, that of u^22 first, and those of central, that of x^30 first. See table in elementary_by8.go. Values of float32 are computed by narrow_avx512_amd64.s.

// LOAD_ARGUMENTS: SI values, CX n, AX table. Z30 and Z31 are the limits of EXP, Z29 is 1.
#define LOAD_ARGUMENTS \
	MOVQ values+0(FP), SI       \
	MOVQ n+8(FP), CX            \
	MOVQ table+16(FP), AX       \
	VBROADCASTSD 24(AX), Z30    \
	VBROADCASTSD 32(AX), Z31    \
	VBROADCASTSD 144(AX), Z29   \
	MOVQ $0xff, BX              \
	KMOVW BX, K1

// LOAD_GELU: Z23 to Z28 are 40, 1/√2, 4, 0.5, -0.5 and a mask for the sign; Z22 is 0.
#define LOAD_GELU \
	VBROADCASTSD 152(AX), Z23 \
	VBROADCASTSD 160(AX), Z24 \
	VBROADCASTSD 168(AX), Z25 \
	VBROADCASTSD 176(AX), Z26 \
	VBROADCASTSD 184(AX), Z27 \
	VBROADCASTSD 192(AX), Z28 \
	VPXORQ Z22, Z22, Z22

// LOOP begins a loop over 8 values at a time, which NEXT ends. K1 is the mask of the values that there are: of the last ones there may be fewer.
#define LOOP \
loop: \
	TESTQ CX, CX   \
	JLE  done      \
	CMPQ CX, $8    \
	JGE  full      \
	MOVQ $1, BX    \
	SHLQ CX, BX    \
	DECQ BX        \
	KMOVW BX, K1   \
full:

// NEXT goes on to the next 8 values, of so many bytes, or else ends the loop.
#define NEXT(bytes) \
	ADDQ bytes, SI \
	SUBQ $8, CX    \
	JMP  loop      \
done:

// EXP computes exp of Z0 as 2^n exp(r), |r| <= (ln 2)/2, with 14 terms of the series. It uses Z1 and Z2. A NaN stays one: VMAXPD and VMINPD return their first
// operand here if one is NaN.
#define EXP \
	VMAXPD Z0, Z30, Z0              \
	VMINPD Z0, Z31, Z0              \
	VMULPD.BCST (AX), Z0, Z1        \
	VRNDSCALEPD $8, Z1, Z1          \
	VFNMADD231PD.BCST 8(AX), Z1, Z0 \
	VFNMADD231PD.BCST 16(AX), Z1, Z0 \
	VBROADCASTSD 40(AX), Z2 \
	VFMADD213PD.BCST 48(AX), Z0, Z2 \
	VFMADD213PD.BCST 56(AX), Z0, Z2 \
	VFMADD213PD.BCST 64(AX), Z0, Z2 \
	VFMADD213PD.BCST 72(AX), Z0, Z2 \
	VFMADD213PD.BCST 80(AX), Z0, Z2 \
	VFMADD213PD.BCST 88(AX), Z0, Z2 \
	VFMADD213PD.BCST 96(AX), Z0, Z2 \
	VFMADD213PD.BCST 104(AX), Z0, Z2 \
	VFMADD213PD.BCST 112(AX), Z0, Z2 \
	VFMADD213PD.BCST 120(AX), Z0, Z2 \
	VFMADD213PD.BCST 128(AX), Z0, Z2 \
	VFMADD213PD.BCST 136(AX), Z0, Z2 \
	VFMADD213PD.BCST 144(AX), Z0, Z2 \
	VSCALEFPD Z1, Z2, Z0

// GELU computes x P(x) of x in Z0, P the normal distribution: P(-|x|) is exp(-x²/2) erfcx(|x|/√2) / 2. Where |x| < 1,
// P(x) is 1/2 + x Q(x²) with 16 terms of the series. It uses Z1 to Z14, K2 and K3.
#define GELU \
	VMOVAPD Z0, Z8 \
	VPANDQ Z28, Z0, Z3 \
	VMINPD Z3, Z23, Z3 \
	VMULPD Z3, Z3, Z4 \
	VMOVAPD Z3, Z5 \
	VFMSUB213PD Z4, Z3, Z5 \
	VMULPD Z27, Z4, Z0 \
	EXP \
	VMULPD Z27, Z5, Z5 \
	VFMADD213PD Z0, Z0, Z5 \
	VMULPD Z24, Z3, Z6 \
	VADDPD Z25, Z6, Z7 \
	VADDPD Z6, Z6, Z9 \
	VADDPD Z29, Z9, Z9 \
	VMULPD Z7, Z9, Z10 \
	VDIVPD Z10, Z29, Z10 \
	VSUBPD Z25, Z6, Z11 \
	VMULPD Z9, Z11, Z11 \
	VMULPD Z10, Z11, Z11 \
	VMULPD Z7, Z10, Z10 \
	VBROADCASTSD 200(AX), Z12 \
	VFMADD213PD.BCST 208(AX), Z11, Z12 \
	VFMADD213PD.BCST 216(AX), Z11, Z12 \
	VFMADD213PD.BCST 224(AX), Z11, Z12 \
	VFMADD213PD.BCST 232(AX), Z11, Z12 \
	VFMADD213PD.BCST 240(AX), Z11, Z12 \
	VFMADD213PD.BCST 248(AX), Z11, Z12 \
	VFMADD213PD.BCST 256(AX), Z11, Z12 \
	VFMADD213PD.BCST 264(AX), Z11, Z12 \
	VFMADD213PD.BCST 272(AX), Z11, Z12 \
	VFMADD213PD.BCST 280(AX), Z11, Z12 \
	VFMADD213PD.BCST 288(AX), Z11, Z12 \
	VFMADD213PD.BCST 296(AX), Z11, Z12 \
	VFMADD213PD.BCST 304(AX), Z11, Z12 \
	VFMADD213PD.BCST 312(AX), Z11, Z12 \
	VFMADD213PD.BCST 320(AX), Z11, Z12 \
	VFMADD213PD.BCST 328(AX), Z11, Z12 \
	VFMADD213PD.BCST 336(AX), Z11, Z12 \
	VFMADD213PD.BCST 344(AX), Z11, Z12 \
	VFMADD213PD.BCST 352(AX), Z11, Z12 \
	VFMADD213PD.BCST 360(AX), Z11, Z12 \
	VFMADD213PD.BCST 368(AX), Z11, Z12 \
	VFMADD213PD.BCST 376(AX), Z11, Z12 \
	VMULPD Z12, Z10, Z10 \
	VMULPD Z5, Z10, Z10 \
	VMULPD Z26, Z10, Z10 \
	VSUBPD Z10, Z29, Z13 \
	VCMPPD $1, Z22, Z8, K2 \
	VMOVAPD Z10, K2, Z13 \
	VBROADCASTSD 384(AX), Z14 \
	VFMADD213PD.BCST 392(AX), Z4, Z14 \
	VFMADD213PD.BCST 400(AX), Z4, Z14 \
	VFMADD213PD.BCST 408(AX), Z4, Z14 \
	VFMADD213PD.BCST 416(AX), Z4, Z14 \
	VFMADD213PD.BCST 424(AX), Z4, Z14 \
	VFMADD213PD.BCST 432(AX), Z4, Z14 \
	VFMADD213PD.BCST 440(AX), Z4, Z14 \
	VFMADD213PD.BCST 448(AX), Z4, Z14 \
	VFMADD213PD.BCST 456(AX), Z4, Z14 \
	VFMADD213PD.BCST 464(AX), Z4, Z14 \
	VFMADD213PD.BCST 472(AX), Z4, Z14 \
	VFMADD213PD.BCST 480(AX), Z4, Z14 \
	VFMADD213PD.BCST 488(AX), Z4, Z14 \
	VFMADD213PD.BCST 496(AX), Z4, Z14 \
	VFMADD213PD.BCST 504(AX), Z4, Z14 \
	VFMADD213PD Z26, Z8, Z14 \
	VCMPPD $1, Z29, Z3, K3 \
	VMOVAPD Z14, K3, Z13 \
	VMULPD Z13, Z8, Z0

// func expFloat64(values *float64, n int, table *float64, shift float64, sums *[8]float64)
TEXT ·expFloat64(SB), NOSPLIT, $0-40
	LOAD_ARGUMENTS
	VBROADCASTSD shift+24(FP), Z21
	VPXORQ Z20, Z20, Z20

	LOOP
	VMOVUPD.Z (SI), K1, Z0
	VSUBPD Z21, Z0, Z0
	EXP
	VADDPD Z0, Z20, K1, Z20
	VMOVUPD Z0, K1, (SI)
	NEXT($64)
	MOVQ sums+32(FP), SI
	VMOVUPD Z20, (SI)
	VZEROUPPER
	RET

// func geluFloat64(values *float64, n int, table *float64)
TEXT ·geluFloat64(SB), NOSPLIT, $0-24
	LOAD_ARGUMENTS
	LOAD_GELU

	LOOP
	VMOVUPD.Z (SI), K1, Z0
	GELU
	VMOVUPD Z0, K1, (SI)
	NEXT($64)
	VZEROUPPER
	RET

// func divideFloat64(values *float64, n int, by float64)
TEXT ·divideFloat64(SB), NOSPLIT, $0-24
	MOVQ values+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSD by+16(FP), Z1
	MOVQ $0xff, BX
	KMOVW BX, K1

	LOOP
	VMOVUPD.Z (SI), K1, Z0
	VDIVPD Z1, Z0, Z0
	VMOVUPD Z0, K1, (SI)
	NEXT($64)
	VZEROUPPER
	RET

// func largestFloat64(values *float64, n int) float64
TEXT ·largestFloat64(SB), NOSPLIT, $0-24
	MOVQ values+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ $0xfff0000000000000, BX // negative infinity
	VPBROADCASTQ BX, Z1
	MOVQ $0xff, BX
	KMOVW BX, K1

	LOOP
	VMOVUPD.Z (SI), K1, Z0
	VMAXPD Z1, Z0, K1, Z1
	NEXT($64)
	VEXTRACTF64X4 $1, Z1, Y2
	VMAXPD Y2, Y1, Y1
	VEXTRACTF128 $1, Y1, X2
	VMAXPD X2, X1, X1
	VPERMILPD $1, X1, X2
	VMAXPD X2, X1, X1
	VMOVSD X1, ret+16(FP)
	VZEROUPPER
	RET
