#include "textflag.h"

// What elementary_avx2_amd64.s does, in the same order with the same roundings, so to the same bits, with the same tables, at R2. All functions take n values, a multiple
// of 8, and not 0.

// The assembler has no names for these instructions; d, n and m are numbers of registers, each with two values of float64.
#define FADD(d, n, m)   WORD $(0x4E60D400 | m<<16 | n<<5 | d)
#define FSUB(d, n, m)   WORD $(0x4EE0D400 | m<<16 | n<<5 | d)
#define FMUL(d, n, m)   WORD $(0x6E60DC00 | m<<16 | n<<5 | d)
#define FDIV(d, n, m)   WORD $(0x6E60FC00 | m<<16 | n<<5 | d)
#define FMAX(d, n, m)   WORD $(0x4E60F400 | m<<16 | n<<5 | d)
#define FMIN(d, n, m)   WORD $(0x4EE0F400 | m<<16 | n<<5 | d)
#define FABS(d, n)      WORD $(0x4EE0F800 | n<<5 | d)
#define FNEG(d, n)      WORD $(0x6EE0F800 | n<<5 | d)
#define FRINTN(d, n)    WORD $(0x4E618800 | n<<5 | d)
#define FCVTNS(d, n)    WORD $(0x4E61A800 | n<<5 | d)

// HALVE shifts integers right by one bit, SSHR. ABOVE and BELOW_0 are FCMGT and FCMLT with 0: all bits where n is greater than m, or less than 0.
#define HALVE(d, n)     WORD $(0x4F7F0400 | n<<5 | d)
#define ABOVE(d, n, m)  WORD $(0x6EE0E400 | m<<16 | n<<5 | d)
#define BELOW_0(d, n)   WORD $(0x4EE0E800 | n<<5 | d)

// The same of four values of float32.
#define FADD_4(d, n, m)  WORD $(0x4E20D400 | m<<16 | n<<5 | d)
#define FSUB_4(d, n, m)  WORD $(0x4EA0D400 | m<<16 | n<<5 | d)
#define FMUL_4(d, n, m)  WORD $(0x6E20DC00 | m<<16 | n<<5 | d)
#define FDIV_4(d, n, m)  WORD $(0x6E20FC00 | m<<16 | n<<5 | d)
#define FMAX_4(d, n, m)  WORD $(0x4E20F400 | m<<16 | n<<5 | d)
#define FMIN_4(d, n, m)  WORD $(0x4EA0F400 | m<<16 | n<<5 | d)
#define FABS_4(d, n)     WORD $(0x4EA0F800 | n<<5 | d)
#define FNEG_4(d, n)     WORD $(0x6EA0F800 | n<<5 | d)
#define FRINTN_4(d, n)   WORD $(0x4E218800 | n<<5 | d)
#define FCVTNS_4(d, n)   WORD $(0x4E21A800 | n<<5 | d)
#define HALVE_4(d, n)    WORD $(0x4F3F0400 | n<<5 | d)
#define ABOVE_4(d, n, m) WORD $(0x6EA0E400 | m<<16 | n<<5 | d)

// WIDEN and WIDEN_HIGH, which are FCVTL and FCVTL2, make two values of float64 of two of float32.
#define WIDEN(d, n)      WORD $(0x0E617800 | n<<5 | d)
#define WIDEN_HIGH(d, n) WORD $(0x4E617800 | n<<5 | d)

// LOAD_ARGUMENTS: R0 values, R1 n, R2 table.
#define LOAD_ARGUMENTS \
	MOVD values+0(FP), R0 \
	MOVD n+8(FP), R1      \
	MOVD table+16(FP), R2

// EXP computes exp of V0. It uses V1 to V3 and V9. The power of two is multiplied in two halves, of which the first product is exact.
#define EXP \
	FMOVQ 96(R2), F2 \
	FMAX(0, 0, 2) \
	FMOVQ 128(R2), F2 \
	FMIN(0, 0, 2) \
	FMOVQ (R2), F2 \
	FMUL(1, 0, 2) \
	FRINTN(1, 1) \
	FMOVQ 32(R2), F2 \
	VFMLS V1.D2, V2.D2, V0.D2 \
	FMOVQ 64(R2), F2 \
	VFMLS V1.D2, V2.D2, V0.D2 \
	FMOVQ 160(R2), F2 \
	FMOVQ 192(R2), F3 \
	VFMLA V0.D2, V2.D2, V3.D2 \
	FMOVQ 224(R2), F2 \
	VFMLA V0.D2, V3.D2, V2.D2 \
	FMOVQ 256(R2), F3 \
	VFMLA V0.D2, V2.D2, V3.D2 \
	FMOVQ 288(R2), F2 \
	VFMLA V0.D2, V3.D2, V2.D2 \
	FMOVQ 320(R2), F3 \
	VFMLA V0.D2, V2.D2, V3.D2 \
	FMOVQ 352(R2), F2 \
	VFMLA V0.D2, V3.D2, V2.D2 \
	FMOVQ 384(R2), F3 \
	VFMLA V0.D2, V2.D2, V3.D2 \
	FMOVQ 416(R2), F2 \
	VFMLA V0.D2, V3.D2, V2.D2 \
	FMOVQ 448(R2), F3 \
	VFMLA V0.D2, V2.D2, V3.D2 \
	FMOVQ 480(R2), F2 \
	VFMLA V0.D2, V3.D2, V2.D2 \
	FMOVQ 512(R2), F3 \
	VFMLA V0.D2, V2.D2, V3.D2 \
	FMOVQ 544(R2), F2 \
	VFMLA V0.D2, V3.D2, V2.D2 \
	FMOVQ 576(R2), F3 \
	VFMLA V0.D2, V2.D2, V3.D2 \
	FCVTNS(1, 1) \
	HALVE(9, 1) \
	VSUB V9.D2, V1.D2, V1.D2 \
	FMOVQ 2048(R2), F2 \
	VADD V2.D2, V9.D2, V9.D2 \
	VSHL $52, V9.D2, V9.D2 \
	FMUL(3, 3, 9) \
	VADD V2.D2, V1.D2, V1.D2 \
	VSHL $52, V1.D2, V1.D2 \
	FMUL(0, 3, 1)

// GELU computes x P(x) of x in V0, P the normal distribution. It uses V1 to V18.
#define GELU \
	VMOV V0.B16, V8.B16 \
	FABS(18, 0) \
	FMOVQ 608(R2), F7 \
	FMIN(18, 18, 7) \
	FMUL(4, 18, 18) \
	FNEG(5, 4) \
	VFMLA V18.D2, V18.D2, V5.D2 \
	FMOVQ 736(R2), F6 \
	FMUL(0, 4, 6) \
	EXP \
	FMUL(5, 5, 6) \
	VMOV V0.B16, V17.B16 \
	VFMLA V0.D2, V5.D2, V17.D2 \
	FMOVQ 640(R2), F7 \
	FMUL(6, 18, 7) \
	FMOVQ 672(R2), F7 \
	FADD(15, 6, 7) \
	FADD(9, 6, 6) \
	FMOVQ 576(R2), F13 \
	FADD(9, 9, 13) \
	FMUL(10, 9, 15) \
	FDIV(10, 13, 10) \
	FSUB(11, 6, 7) \
	FMUL(11, 11, 9) \
	FMUL(11, 11, 10) \
	FMUL(10, 10, 15) \
	FMOVQ 800(R2), F2 \
	FMOVQ 832(R2), F3 \
	VFMLA V11.D2, V2.D2, V3.D2 \
	FMOVQ 864(R2), F2 \
	VFMLA V11.D2, V3.D2, V2.D2 \
	FMOVQ 896(R2), F3 \
	VFMLA V11.D2, V2.D2, V3.D2 \
	FMOVQ 928(R2), F2 \
	VFMLA V11.D2, V3.D2, V2.D2 \
	FMOVQ 960(R2), F3 \
	VFMLA V11.D2, V2.D2, V3.D2 \
	FMOVQ 992(R2), F2 \
	VFMLA V11.D2, V3.D2, V2.D2 \
	FMOVQ 1024(R2), F3 \
	VFMLA V11.D2, V2.D2, V3.D2 \
	FMOVQ 1056(R2), F2 \
	VFMLA V11.D2, V3.D2, V2.D2 \
	FMOVQ 1088(R2), F3 \
	VFMLA V11.D2, V2.D2, V3.D2 \
	FMOVQ 1120(R2), F2 \
	VFMLA V11.D2, V3.D2, V2.D2 \
	FMOVQ 1152(R2), F3 \
	VFMLA V11.D2, V2.D2, V3.D2 \
	FMOVQ 1184(R2), F2 \
	VFMLA V11.D2, V3.D2, V2.D2 \
	FMOVQ 1216(R2), F3 \
	VFMLA V11.D2, V2.D2, V3.D2 \
	FMOVQ 1248(R2), F2 \
	VFMLA V11.D2, V3.D2, V2.D2 \
	FMOVQ 1280(R2), F3 \
	VFMLA V11.D2, V2.D2, V3.D2 \
	FMOVQ 1312(R2), F2 \
	VFMLA V11.D2, V3.D2, V2.D2 \
	FMOVQ 1344(R2), F3 \
	VFMLA V11.D2, V2.D2, V3.D2 \
	FMOVQ 1376(R2), F2 \
	VFMLA V11.D2, V3.D2, V2.D2 \
	FMOVQ 1408(R2), F3 \
	VFMLA V11.D2, V2.D2, V3.D2 \
	FMOVQ 1440(R2), F2 \
	VFMLA V11.D2, V3.D2, V2.D2 \
	FMOVQ 1472(R2), F3 \
	VFMLA V11.D2, V2.D2, V3.D2 \
	FMOVQ 1504(R2), F2 \
	VFMLA V11.D2, V3.D2, V2.D2 \
	FMUL(10, 10, 2) \
	FMUL(10, 10, 17) \
	FMOVQ 704(R2), F7 \
	FMUL(10, 10, 7) \
	FMOVQ 576(R2), F16 \
	FSUB(13, 13, 10) \
	BELOW_0(14, 8) \
	VBIT V14.B16, V10.B16, V13.B16 \
	FMOVQ 1536(R2), F2 \
	FMOVQ 1568(R2), F3 \
	VFMLA V4.D2, V2.D2, V3.D2 \
	FMOVQ 1600(R2), F2 \
	VFMLA V4.D2, V3.D2, V2.D2 \
	FMOVQ 1632(R2), F3 \
	VFMLA V4.D2, V2.D2, V3.D2 \
	FMOVQ 1664(R2), F2 \
	VFMLA V4.D2, V3.D2, V2.D2 \
	FMOVQ 1696(R2), F3 \
	VFMLA V4.D2, V2.D2, V3.D2 \
	FMOVQ 1728(R2), F2 \
	VFMLA V4.D2, V3.D2, V2.D2 \
	FMOVQ 1760(R2), F3 \
	VFMLA V4.D2, V2.D2, V3.D2 \
	FMOVQ 1792(R2), F2 \
	VFMLA V4.D2, V3.D2, V2.D2 \
	FMOVQ 1824(R2), F3 \
	VFMLA V4.D2, V2.D2, V3.D2 \
	FMOVQ 1856(R2), F2 \
	VFMLA V4.D2, V3.D2, V2.D2 \
	FMOVQ 1888(R2), F3 \
	VFMLA V4.D2, V2.D2, V3.D2 \
	FMOVQ 1920(R2), F2 \
	VFMLA V4.D2, V3.D2, V2.D2 \
	FMOVQ 1952(R2), F3 \
	VFMLA V4.D2, V2.D2, V3.D2 \
	FMOVQ 1984(R2), F2 \
	VFMLA V4.D2, V3.D2, V2.D2 \
	FMOVQ 2016(R2), F3 \
	VFMLA V4.D2, V2.D2, V3.D2 \
	VFMLA V8.D2, V3.D2, V7.D2 \
	ABOVE(14, 16, 18) \
	VBIT V14.B16, V7.B16, V13.B16 \
	FMUL(0, 8, 13)

// EXP_PAIR replaces the two values in register n, named values, and adds them to a sum; V19 is the shift.
#define EXP_PAIR(n, values, sum) \
	FSUB(0, n, 19)            \
	EXP                       \
	FADD(sum, sum, 0)         \
	VMOV V0.B16, values

// EXP_NARROW computes exp of four values of float32 in V0, with the table of float32. It uses V1 to V3 and V9.
#define EXP_NARROW \
	FMOVQ 96(R2), F2 \
	FMAX_4(0, 0, 2) \
	FMOVQ 128(R2), F2 \
	FMIN_4(0, 0, 2) \
	FMOVQ (R2), F2 \
	FMUL_4(1, 0, 2) \
	FRINTN_4(1, 1) \
	FMOVQ 32(R2), F2 \
	VFMLS V1.S4, V2.S4, V0.S4 \
	FMOVQ 64(R2), F2 \
	VFMLS V1.S4, V2.S4, V0.S4 \
	FMOVQ 160(R2), F2 \
	FMOVQ 192(R2), F3 \
	VFMLA V0.S4, V2.S4, V3.S4 \
	FMOVQ 224(R2), F2 \
	VFMLA V0.S4, V3.S4, V2.S4 \
	FMOVQ 256(R2), F3 \
	VFMLA V0.S4, V2.S4, V3.S4 \
	FMOVQ 288(R2), F2 \
	VFMLA V0.S4, V3.S4, V2.S4 \
	FMOVQ 320(R2), F3 \
	VFMLA V0.S4, V2.S4, V3.S4 \
	FMUL_4(9, 0, 0) \
	VFMLA V9.S4, V3.S4, V0.S4 \
	FMOVQ 352(R2), F2 \
	FADD_4(3, 0, 2) \
	FCVTNS_4(1, 1) \
	HALVE_4(9, 1) \
	VSUB V9.S4, V1.S4, V1.S4 \
	FMOVQ 384(R2), F2 \
	VADD V2.S4, V9.S4, V9.S4 \
	VSHL $23, V9.S4, V9.S4 \
	FMUL_4(3, 3, 9) \
	VADD V2.S4, V1.S4, V1.S4 \
	VSHL $23, V1.S4, V1.S4 \
	FMUL_4(0, 3, 1)

// GELU_NARROW computes GELU of four values of float32 in V0; see narrow in elementary_by8_test.go. It uses V1 to V18.
#define GELU_NARROW \
	VMOV V0.B16, V8.B16 \
	FABS_4(18, 0) \
	FMOVQ 448(R2), F7 \
	FMIN_4(18, 18, 7) \
	FMUL_4(4, 18, 18) \
	FNEG_4(5, 4) \
	VFMLA V18.S4, V18.S4, V5.S4 \
	FMOVQ 480(R2), F6 \
	FMUL_4(0, 4, 6) \
	EXP_NARROW \
	FMOVQ 480(R2), F6 \
	FMUL_4(5, 5, 6) \
	VMOV V0.B16, V17.B16 \
	VFMLA V0.S4, V5.S4, V17.S4 \
	FMOVQ 512(R2), F7 \
	FADD_4(6, 18, 7) \
	FMOVQ 352(R2), F16 \
	FDIV_4(6, 16, 6) \
	FMOVQ 544(R2), F7 \
	FMOVQ 576(R2), F10 \
	VFMLA V7.S4, V6.S4, V10.S4 \
	FMOVQ 608(R2), F2 \
	FMOVQ 640(R2), F3 \
	VFMLA V10.S4, V2.S4, V3.S4 \
	FMOVQ 672(R2), F2 \
	VFMLA V10.S4, V3.S4, V2.S4 \
	FMOVQ 704(R2), F3 \
	VFMLA V10.S4, V2.S4, V3.S4 \
	FMOVQ 736(R2), F2 \
	VFMLA V10.S4, V3.S4, V2.S4 \
	FMOVQ 768(R2), F3 \
	VFMLA V10.S4, V2.S4, V3.S4 \
	FMOVQ 800(R2), F2 \
	VFMLA V10.S4, V3.S4, V2.S4 \
	FMOVQ 832(R2), F3 \
	VFMLA V10.S4, V2.S4, V3.S4 \
	FMUL_4(12, 6, 3) \
	FNEG_4(11, 8) \
	FMAX_4(11, 11, 18) \
	FMUL_4(11, 11, 12) \
	FMUL_4(11, 11, 17) \
	VEOR V7.B16, V7.B16, V7.B16 \
	FMAX_4(13, 8, 7) \
	FSUB_4(13, 13, 11) \
	FMOVQ 864(R2), F2 \
	FMOVQ 896(R2), F3 \
	VFMLA V4.S4, V2.S4, V3.S4 \
	FMOVQ 928(R2), F2 \
	VFMLA V4.S4, V3.S4, V2.S4 \
	FMOVQ 960(R2), F3 \
	VFMLA V4.S4, V2.S4, V3.S4 \
	FMOVQ 992(R2), F2 \
	VFMLA V4.S4, V3.S4, V2.S4 \
	FMOVQ 1024(R2), F3 \
	VFMLA V4.S4, V2.S4, V3.S4 \
	FMOVQ 1056(R2), F2 \
	VFMLA V8.S4, V3.S4, V2.S4 \
	FMUL_4(2, 2, 8) \
	ABOVE_4(14, 16, 18) \
	VBIT V14.B16, V2.B16, V13.B16 \
	VMOV V13.B16, V0.B16

// EXP_FOUR replaces the next four values of float32 and adds them to the sums with these numbers; V19 is the shift.
#define EXP_FOUR(low, high) \
	VLD1   (R0), [V0.S4]     \
	FSUB_4(0, 0, 19)         \
	EXP_NARROW               \
	VST1.P [V0.S4], 16(R0)   \
	WIDEN(1, 0)              \
	FADD(low, low, 1)        \
	WIDEN_HIGH(1, 0)         \
	FADD(high, high, 1)

// func expFloat64By8(values *float64, n int, table *[4]float64, shift float64, sums *[8]float64)
TEXT ·expFloat64By8(SB), NOSPLIT, $0-40
	LOAD_ARGUMENTS
	MOVD  shift+24(FP), R3
	VDUP  R3, V19.D2
	MOVD  sums+32(FP), R4
	VLD1  (R4), [V24.D2, V25.D2, V26.D2, V27.D2]
loop:
	VLD1  (R0), [V20.D2, V21.D2, V22.D2, V23.D2]
	EXP_PAIR(20, V20.B16, 24)
	EXP_PAIR(21, V21.B16, 25)
	EXP_PAIR(22, V22.B16, 26)
	EXP_PAIR(23, V23.B16, 27)
	VST1.P [V20.D2, V21.D2, V22.D2, V23.D2], 64(R0)
	SUBS  $8, R1
	BNE   loop
	VST1  [V24.D2, V25.D2, V26.D2, V27.D2], (R4)
	RET

// func expFloat32By8(values *float32, n int, table *[8]float32, shift float32, sums *[8]float64)
TEXT ·expFloat32By8(SB), NOSPLIT, $0-40
	LOAD_ARGUMENTS
	MOVWU shift+24(FP), R3
	VDUP  R3, V19.S4
	MOVD  sums+32(FP), R4
	VLD1  (R4), [V24.D2, V25.D2, V26.D2, V27.D2]
loop:
	EXP_FOUR(24, 25)
	EXP_FOUR(26, 27)
	SUBS  $8, R1
	BNE   loop
	VST1  [V24.D2, V25.D2, V26.D2, V27.D2], (R4)
	RET

// func geluFloat64By8(values *float64, n int, table *[4]float64)
TEXT ·geluFloat64By8(SB), NOSPLIT, $0-24
	LOAD_ARGUMENTS
loop:
	VLD1   (R0), [V0.D2]
	GELU
	VST1.P [V0.D2], 16(R0)
	SUBS   $2, R1
	BNE    loop
	RET

// func geluFloat32By8(values *float32, n int, table *[8]float32)
TEXT ·geluFloat32By8(SB), NOSPLIT, $0-24
	LOAD_ARGUMENTS
loop:
	VLD1   (R0), [V0.S4]
	GELU_NARROW
	VST1.P [V0.S4], 16(R0)
	SUBS   $4, R1
	BNE    loop
	RET

// func divideFloat64By8(values *float64, n int, by float64)
TEXT ·divideFloat64By8(SB), NOSPLIT, $0-24
	MOVD values+0(FP), R0
	MOVD n+8(FP), R1
	MOVD by+16(FP), R3
	VDUP R3, V4.D2
loop:
	VLD1   (R0), [V0.D2, V1.D2, V2.D2, V3.D2]
	FDIV(0, 0, 4)
	FDIV(1, 1, 4)
	FDIV(2, 2, 4)
	FDIV(3, 3, 4)
	VST1.P [V0.D2, V1.D2, V2.D2, V3.D2], 64(R0)
	SUBS   $8, R1
	BNE    loop
	RET

// func divideFloat32By8(values *float32, n int, by float32)
TEXT ·divideFloat32By8(SB), NOSPLIT, $0-20
	MOVD  values+0(FP), R0
	MOVD  n+8(FP), R1
	MOVWU by+16(FP), R3
	VDUP  R3, V4.S4
loop:
	VLD1   (R0), [V0.S4, V1.S4]
	FDIV_4(0, 0, 4)
	FDIV_4(1, 1, 4)
	VST1.P [V0.S4, V1.S4], 32(R0)
	SUBS   $8, R1
	BNE    loop
	RET
