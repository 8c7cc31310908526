#include "textflag.h"

// The bytes of 4 pixels of 4 without the fourth of each.
DATA together<>+0(SB)/8, $0x0908060504020100
DATA together<>+8(SB)/8, $0x808080800e0d0c0a
DATA together<>+16(SB)/8, $0x0908060504020100
DATA together<>+24(SB)/8, $0x808080800e0d0c0a
GLOBL together<>(SB), RODATA|NOPTR, $32

// func rgbVector(out, luma, blue, red *uint8, count int, table *[8]int32)
TEXT ·rgbVector(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), DI
	MOVQ luma+8(FP), SI
	MOVQ blue+16(FP), BX
	MOVQ red+24(FP), DX
	MOVQ count+32(FP), CX
	MOVQ table+40(FP), AX
	VPBROADCASTD 0(AX), Y8        // red of cr
	VPBROADCASTD 4(AX), Y9        // green of cr
	VPBROADCASTD 8(AX), Y10       // green of cb
	VPBROADCASTD 12(AX), Y11      // blue of cb
	VPBROADCASTD 16(AX), Y12      // a half
	VPBROADCASTD 20(AX), Y13      // 128
	VPBROADCASTD 24(AX), Y14      // 255
	VMOVDQU together<>(SB), Y15
	VPXOR Y7, Y7, Y7

pixels:
	VPMOVZXBD (SI), Y0
	VPMOVZXBD (BX), Y1
	VPMOVZXBD (DX), Y2
	VPSUBD Y13, Y1, Y1
	VPSUBD Y13, Y2, Y2
	VPMULLD Y8, Y2, Y3
	VPADDD Y12, Y3, Y3
	VPSRAD $16, Y3, Y3
	VPADDD Y0, Y3, Y3
	VPMULLD Y9, Y2, Y4
	VPMULLD Y10, Y1, Y5
	VPADDD Y5, Y4, Y4
	VPADDD Y12, Y4, Y4
	VPSRAD $16, Y4, Y4
	VPADDD Y0, Y4, Y4
	VPMULLD Y11, Y1, Y5
	VPADDD Y12, Y5, Y5
	VPSRAD $16, Y5, Y5
	VPADDD Y0, Y5, Y5
	VPMAXSD Y7, Y3, Y3
	VPMINSD Y14, Y3, Y3
	VPMAXSD Y7, Y4, Y4
	VPMINSD Y14, Y4, Y4
	VPMAXSD Y7, Y5, Y5
	VPMINSD Y14, Y5, Y5
	VPSLLD $8, Y4, Y4
	VPSLLD $16, Y5, Y5
	VPOR Y4, Y3, Y3
	VPOR Y5, Y3, Y3
	VPSHUFB Y15, Y3, Y3
	VMOVDQU X3, (DI)
	VEXTRACTI128 $1, Y3, X3
	VMOVDQU X3, 12(DI)
	ADDQ $24, DI
	ADDQ $8, SI
	ADDQ $8, BX
	ADDQ $8, DX
	SUBQ $8, CX
	JNZ pixels
	VZEROUPPER
	RET

// func blendVector(sums *uint16, near, far *uint8, count int)
TEXT ·blendVector(SB), NOSPLIT, $0-32
	MOVQ sums+0(FP), DI
	MOVQ near+8(FP), SI
	MOVQ far+16(FP), BX
	MOVQ count+24(FP), CX

samples:
	VPMOVZXBW (SI), Y0
	VPMOVZXBW (BX), Y1
	VPADDW Y0, Y0, Y2
	VPADDW Y2, Y0, Y0
	VPADDW Y1, Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ $16, SI
	ADDQ $16, BX
	ADDQ $32, DI
	SUBQ $16, CX
	JNZ samples
	VZEROUPPER
	RET

// func widenVector(out *uint8, sums *uint16, count int, table *[8]int32)
TEXT ·widenVector(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ sums+8(FP), SI
	MOVQ count+16(FP), CX
	MOVQ table+24(FP), AX
	VPBROADCASTW 28(AX), Y7       // 7
	VPBROADCASTW 30(AX), Y8       // 8

wide:
	VMOVDQU (SI), Y0
	VPADDW Y0, Y0, Y1
	VPADDW Y1, Y0, Y0             // three times the sample
	VMOVDQU -2(SI), Y1
	VMOVDQU 2(SI), Y2
	VPADDW Y0, Y1, Y1
	VPADDW Y0, Y2, Y2
	VPADDW Y8, Y1, Y1
	VPADDW Y7, Y2, Y2
	VPSRLW $4, Y1, Y1
	VPSRLW $4, Y2, Y2
	VPSLLW $8, Y2, Y2
	VPOR Y2, Y1, Y1
	VMOVDQU Y1, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $16, CX
	JNZ wide
	VZEROUPPER
	RET
