#include "textflag.h"

// LOAD_LINES: SI row 0 of b, R11 row 3, R8 bytes to the next row, DI line 0 of out, R12 line 3, R9 bytes to the next line, R10 to the fourth next, CX n.
#define LOAD_LINES \
	MOVQ out+0(FP), DI      \
	MOVQ step+8(FP), R9     \
	MOVQ b+16(FP), SI       \
	MOVQ stride+24(FP), R8  \
	MOVQ n+32(FP), CX       \
	LEAQ (R8)(R8*2), R11    \
	ADDQ SI, R11            \
	LEAQ (R9)(R9*2), R12    \
	ADDQ DI, R12            \
	MOVQ R9, R10            \
	SHLQ $2, R10

// ASK_FOR_NEXT_PIECE fetches what eight columns of 12 float32 will be written to in the next piece, of 64 columns.
#define ASK_FOR_NEXT_PIECE \
	PREFETCHT0 3072(DI) \
	PREFETCHT0 3136(DI) \
	PREFETCHT0 3200(DI) \
	PREFETCHT0 3264(DI) \
	PREFETCHT0 3328(DI) \
	PREFETCHT0 3392(DI)

// func interleaveFloat64(out *float64, step uintptr, b *float64, stride uintptr, n int)
TEXT ·interleaveFloat64(SB), NOSPLIT, $0-40
	LOAD_LINES

loop:
	VMOVUPD (SI), Y0
	VMOVUPD (SI)(R8*1), Y1
	VMOVUPD (SI)(R8*2), Y2
	VMOVUPD (R11), Y3
	VUNPCKLPD Y1, Y0, Y4
	VUNPCKHPD Y1, Y0, Y5
	VUNPCKLPD Y3, Y2, Y6
	VUNPCKHPD Y3, Y2, Y7
	VPERM2F128 $0x20, Y6, Y4, Y8
	VPERM2F128 $0x20, Y7, Y5, Y9
	VPERM2F128 $0x31, Y6, Y4, Y10
	VPERM2F128 $0x31, Y7, Y5, Y11
	VMOVUPD Y8, (DI)
	VMOVUPD Y9, (DI)(R9*1)
	VMOVUPD Y10, (DI)(R9*2)
	VMOVUPD Y11, (R12)
	ADDQ $32, SI
	ADDQ $32, R11
	ADDQ R10, DI
	ADDQ R10, R12
	SUBQ $4, CX
	JG   loop
	VZEROUPPER
	RET

// func interleaveFloat32(out *float32, step uintptr, b *float32, stride uintptr, n int)
TEXT ·interleaveFloat32(SB), NOSPLIT, $0-40
	LOAD_LINES

loop:
	ASK_FOR_NEXT_PIECE
	VMOVUPS (SI), Y0
	VMOVUPS (SI)(R8*1), Y1
	VMOVUPS (SI)(R8*2), Y2
	VMOVUPS (R11), Y3
	VUNPCKLPS Y1, Y0, Y4
	VUNPCKHPS Y1, Y0, Y5
	VUNPCKLPS Y3, Y2, Y6
	VUNPCKHPS Y3, Y2, Y7
	VUNPCKLPD Y6, Y4, Y8
	VUNPCKHPD Y6, Y4, Y9
	VUNPCKLPD Y7, Y5, Y10
	VUNPCKHPD Y7, Y5, Y11
	VMOVUPS X8, (DI)
	VMOVUPS X9, (DI)(R9*1)
	VMOVUPS X10, (DI)(R9*2)
	VMOVUPS X11, (R12)
	ADDQ R10, DI
	ADDQ R10, R12
	VEXTRACTF128 $1, Y8, (DI)
	VEXTRACTF128 $1, Y9, (DI)(R9*1)
	VEXTRACTF128 $1, Y10, (DI)(R9*2)
	VEXTRACTF128 $1, Y11, (R12)
	ADDQ $32, SI
	ADDQ $32, R11
	ADDQ R10, DI
	ADDQ R10, R12
	SUBQ $8, CX
	JG   loop
	VZEROUPPER
	RET
