#include "textflag.h"

// Two pixels of 3 bytes to two groups of 4.
DATA apart<>+0(SB)/8, $0x8005040380020100
DATA apart<>+8(SB)/8, $0x8080808080808080
GLOBL apart<>(SB), RODATA|NOPTR, $16

// func weighPixels(dst, src *uint8, first *int32, weights *int32, pairs, count int, half int32, shift uint64)
TEXT ·weighPixels(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ first+16(FP), BX
	MOVQ weights+24(FP), DX
	MOVQ pairs+32(FP), R8
	MOVQ count+40(FP), R9
	MOVL half+48(FP), AX
	VMOVD AX, X7                  // the sums begin with it, in one of two lanes
	VPBROADCASTD X7, X7
	VMOVQ shift+56(FP), X6
	VMOVDQU apart<>(SB), X5

pixel:
	MOVLQSX (BX), R10
	ADDQ SI, R10
	VMOVDQA X7, X0                // clears the upper lane
	MOVQ R8, CX

pair:
	VMOVQ (R10), X1
	VPSHUFB X5, X1, X1
	VPMOVZXBD X1, Y1
	VPMULLD (DX), Y1, Y1
	VPADDD Y1, Y0, Y0
	ADDQ $6, R10
	ADDQ $32, DX
	DECQ CX
	JNZ pair

	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPSRAD X6, X0, X0
	VPACKSSDW X0, X0, X0
	VPACKUSWB X0, X0, X0
	VMOVD X0, (DI)
	ADDQ $3, DI
	ADDQ $4, BX
	DECQ R9
	JNZ pixel
	VZEROUPPER
	RET

// func weighLines(dst, src *uint8, pitch int, weights *int32, lines, count int, half int32, shift uint64)
TEXT ·weighLines(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ pitch+16(FP), R8
	MOVQ weights+24(FP), DX
	MOVQ lines+32(FP), R9
	MOVQ count+40(FP), R11
	MOVL half+48(FP), AX
	VMOVD AX, X7
	VPBROADCASTD X7, Y7
	VMOVQ shift+56(FP), X6

columns:
	MOVQ SI, R10
	MOVQ DX, BX
	MOVQ R9, CX
	VMOVDQA Y7, Y0
	VMOVDQA Y7, Y1

line:
	VPBROADCASTD (BX), Y4
	VPMOVZXBD (R10), Y2
	VPMOVZXBD 8(R10), Y3
	VPMULLD Y4, Y2, Y2
	VPMULLD Y4, Y3, Y3
	VPADDD Y2, Y0, Y0
	VPADDD Y3, Y1, Y1
	ADDQ R8, R10
	ADDQ $4, BX
	DECQ CX
	JNZ line

	VPSRAD X6, Y0, Y0
	VPSRAD X6, Y1, Y1
	VPACKSSDW Y1, Y0, Y0
	VPERMQ $0xd8, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPACKUSWB X1, X0, X0
	VMOVDQU X0, (DI)
	ADDQ $16, SI
	ADDQ $16, DI
	SUBQ $16, R11
	JNZ columns
	VZEROUPPER
	RET
