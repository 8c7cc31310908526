// Package opcode names the opcodes of Python's pickles, for the packages that read and write them.
//
// The list is that of Python's Lib/pickletools.py, protocols 0 to 5. Package pickle has a table that says how each of them works; one of its tests compares
// that with Python's own.
package opcode

// Opcodes of protocols 0 and 1.
const (
	Mark           byte = '('
	Stop           byte = '.'
	Pop            byte = '0'
	PopMark        byte = '1'
	Dup            byte = '2'
	Float          byte = 'F'
	Int            byte = 'I'
	Long           byte = 'L'
	None           byte = 'N'
	PersID         byte = 'P'
	Reduce         byte = 'R'
	String         byte = 'S'
	Unicode        byte = 'V'
	Append         byte = 'a'
	Build          byte = 'b'
	Global         byte = 'c'
	Dict           byte = 'd'
	Get            byte = 'g'
	Inst           byte = 'i'
	List           byte = 'l'
	Put            byte = 'p'
	SetItem        byte = 's'
	Tuple          byte = 't'
	EmptyTuple     byte = ')'
	BinFloat       byte = 'G'
	BinInt         byte = 'J'
	BinInt1        byte = 'K'
	BinInt2        byte = 'M'
	BinPersID      byte = 'Q'
	BinString      byte = 'T'
	ShortBinString byte = 'U'
	BinUnicode     byte = 'X'
	EmptyList      byte = ']'
	Appends        byte = 'e'
	BinGet         byte = 'h'
	LongBinGet     byte = 'j'
	Obj            byte = 'o'
	BinPut         byte = 'q'
	LongBinPut     byte = 'r'
	SetItems       byte = 'u'
	EmptyDict      byte = '}'
)

// Opcodes of protocol 2.
const (
	Proto    byte = 0x80
	NewObj   byte = 0x81
	Ext1     byte = 0x82
	Ext2     byte = 0x83
	Ext4     byte = 0x84
	Tuple1   byte = 0x85
	Tuple2   byte = 0x86
	Tuple3   byte = 0x87
	NewTrue  byte = 0x88
	NewFalse byte = 0x89
	Long1    byte = 0x8a
	Long4    byte = 0x8b
)

// Opcodes of protocols 3 to 5.
const (
	BinBytes        byte = 'B'
	ShortBinBytes   byte = 'C'
	ShortBinUnicode byte = 0x8c
	BinUnicode8     byte = 0x8d
	BinBytes8       byte = 0x8e
	EmptySet        byte = 0x8f
	AddItems        byte = 0x90
	FrozenSet       byte = 0x91
	NewObjEx        byte = 0x92
	StackGlobal     byte = 0x93
	Memoize         byte = 0x94
	Frame           byte = 0x95
	ByteArray8      byte = 0x96
	NextBuffer      byte = 0x97
	ReadonlyBuffer  byte = 0x98
)
