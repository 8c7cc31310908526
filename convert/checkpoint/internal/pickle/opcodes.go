package pickle

// The opcodes that are named in code; the others appear in the table alone.
const (
	opMark           = '('
	opStop           = '.'
	opTuple          = 't'
	opList           = 'l'
	opReduce         = 'R'
	opBuild          = 'b'
	opGlobal         = 'c'
	opInst           = 'i'
	opObj            = 'o'
	opPersID         = 'P'
	opBinPersID      = 'Q'
	opAppends        = 'e'
	opEmptyList      = ']'
	opBinInt1        = 'K'
	opLongBinGet     = 'j'
	opLongBinPut     = 'r'
	opNewObj         = 0x81
	opExt4           = 0x84
	opTuple2         = 0x86
	opTuple3         = 0x87
	opLong1          = 0x8a
	opShortBinBytes  = 'C'
	opShortBinText   = 0x8c
	opNewObjEx       = 0x92
	opStackGlobal    = 0x93
	opByteArray8     = 0x96
	opShortBinString = 'U'
)

// opcode is a row of the table: how to step over it, what it does to the stack, and what to give to the machine instead.
type opcode struct {
	name string
	form form
	effect
	// memory is about how many bytes the machine, and afterwards the values made of it, hold for one such opcode.
	memory int64
	write  func(s *scanner, o operation)
}

// effect is the movement of the stack.
type effect struct {
	// take values from the top, then give that many.
	take, give int
	// toMark takes all values down to the last MARK first; then take counts the values below it.
	toMark bool
	// pairs says that the values above the mark must be even in number.
	pairs bool
}

var (
	push   = effect{give: 1}
	keep   = effect{}
	needs1 = effect{take: 1, give: 1}
	takes2 = effect{take: 2, give: 1}
	takes3 = effect{take: 3, give: 1}
	marked = effect{toMark: true, give: 1}
	below1 = effect{toMark: true, take: 1, give: 1}
)

// Rough costs of one value in memory: in the machine (slot of a growing slice, boxed value) and in our tree.
const (
	slot      = 96
	memo      = 128
	tuple     = 224
	container = 256
	asked     = 400
)

// opcodes is the list of Python's Lib/pickletools.py, protocols 0 to 5.
var opcodes = [256]opcode{
	'(':  {"MARK", bare, keep, container, (*scanner).mark},
	'.':  {"STOP", bare, effect{take: 1}, 0, (*scanner).copy},
	'0':  {"POP", bare, effect{take: 1}, 0, (*scanner).copy},
	'1':  {"POP_MARK", bare, effect{toMark: true}, 0, (*scanner).copy},
	'2':  {"DUP", bare, effect{take: 1, give: 2}, slot, (*scanner).copy},
	'F':  {"FLOAT", line, push, slot, (*scanner).copy},
	'I':  {"INT", line, push, slot, (*scanner).copy},
	'L':  {"LONG", line, push, slot, (*scanner).longLine},
	'N':  {"NONE", bare, push, slot, (*scanner).copy},
	'P':  {"PERSID", line, push, asked, (*scanner).persistentLine},
	'R':  {"REDUCE", bare, takes2, asked, (*scanner).ask},
	'S':  {"STRING", line, push, slot, (*scanner).quotedLine},
	'V':  {"UNICODE", line, push, slot, (*scanner).unicodeLine},
	'a':  {"APPEND", bare, takes2, slot, (*scanner).copy},
	'b':  {"BUILD", bare, takes2, asked, (*scanner).ask},
	'c':  {"GLOBAL", twoLines, push, container, (*scanner).global},
	'd':  {"DICT", bare, effect{toMark: true, give: 1, pairs: true}, container, (*scanner).copy},
	'g':  {"GET", line, push, slot, (*scanner).get},
	'i':  {"INST", twoLines, marked, asked, (*scanner).instance},
	'l':  {"LIST", bare, marked, container, (*scanner).copy},
	'p':  {"PUT", line, needs1, memo, (*scanner).put},
	's':  {"SETITEM", bare, takes3, 2 * slot, (*scanner).copy},
	't':  {"TUPLE", bare, marked, tuple, (*scanner).copy},
	')':  {"EMPTY_TUPLE", bare, push, tuple, (*scanner).copy},
	'G':  {"BINFLOAT", fixed8, push, slot, (*scanner).copy},
	'J':  {"BININT", fixed4, push, slot, (*scanner).copy},
	'K':  {"BININT1", fixed1, push, slot, (*scanner).copy},
	'M':  {"BININT2", fixed2, push, slot, (*scanner).copy},
	'Q':  {"BINPERSID", bare, needs1, asked, (*scanner).ask},
	'T':  {"BINSTRING", length4Signed, push, slot, (*scanner).rawString},
	'U':  {"SHORT_BINSTRING", length1, push, slot, (*scanner).rawString},
	'X':  {"BINUNICODE", length4, push, slot, (*scanner).text},
	']':  {"EMPTY_LIST", bare, push, container, (*scanner).copy},
	'e':  {"APPENDS", bare, below1, 0, (*scanner).copy},
	'h':  {"BINGET", fixed1, push, slot, (*scanner).get},
	'j':  {"LONG_BINGET", fixed4, push, slot, (*scanner).get},
	'o':  {"OBJ", bare, marked, asked, (*scanner).object},
	'q':  {"BINPUT", fixed1, needs1, memo, (*scanner).put},
	'r':  {"LONG_BINPUT", fixed4, needs1, memo, (*scanner).put},
	'u':  {"SETITEMS", bare, effect{toMark: true, take: 1, give: 1, pairs: true}, slot, (*scanner).copy},
	'}':  {"EMPTY_DICT", bare, push, container, (*scanner).copy},
	0x80: {"PROTO", fixed1, keep, 0, (*scanner).protocol},
	0x81: {"NEWOBJ", bare, takes2, asked, (*scanner).ask},
	0x82: {"EXT1", fixed1, push, 0, (*scanner).refuse},
	0x83: {"EXT2", fixed2, push, 0, (*scanner).refuse},
	0x84: {"EXT4", fixed4, push, 0, (*scanner).refuse},
	0x85: {"TUPLE1", bare, needs1, tuple, (*scanner).copy},
	0x86: {"TUPLE2", bare, takes2, tuple, (*scanner).copy},
	0x87: {"TUPLE3", bare, takes3, tuple, (*scanner).copy},
	0x88: {"NEWTRUE", bare, push, slot, (*scanner).copy},
	0x89: {"NEWFALSE", bare, push, slot, (*scanner).copy},
	0x8a: {"LONG1", length1, push, slot, (*scanner).long},
	0x8b: {"LONG4", length4Signed, push, slot, (*scanner).long},
	'B':  {"BINBYTES", length4, push, slot, (*scanner).bytes},
	'C':  {"SHORT_BINBYTES", length1, push, slot, (*scanner).bytes},
	0x8c: {"SHORT_BINUNICODE", length1, push, slot, (*scanner).text},
	0x8d: {"BINUNICODE8", length8, push, slot, (*scanner).text},
	0x8e: {"BINBYTES8", length8, push, slot, (*scanner).bytes},
	0x8f: {"EMPTY_SET", bare, push, container, (*scanner).emptySet},
	0x90: {"ADDITEMS", bare, below1, 0, (*scanner).addItems},
	0x91: {"FROZENSET", bare, marked, container, (*scanner).frozenSet},
	0x92: {"NEWOBJ_EX", bare, takes3, asked, (*scanner).ask},
	0x93: {"STACK_GLOBAL", bare, takes2, asked, (*scanner).ask},
	0x94: {"MEMOIZE", bare, needs1, memo, (*scanner).memoize},
	0x95: {"FRAME", fixed8, keep, 0, (*scanner).frame},
	0x96: {"BYTEARRAY8", length8, push, slot, (*scanner).byteArray},
	0x97: {"NEXT_BUFFER", bare, push, 0, (*scanner).refuse},
	0x98: {"READONLY_BUFFER", bare, needs1, 0, (*scanner).drop},
}
