package pickle

import "github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"

// instruction says of an opcode how to step over it, what it does to the stack, and what the machine gets instead.
type instruction struct {
	name string
	form form
	effect
	// memory is about how many bytes one such opcode takes: in the machine, and then in the values that are made.
	memory int64
	write  func(s *scanner, o operation)
}

// effect is the movement of the stack.
type effect struct {
	// take and give are how many values are taken from the top and then put there.
	take, give int
	// toMark says that all values down to the last MARK are taken first; then take counts the values below it.
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

// Rough costs of one value in bytes of memory: in the machine (slot of a growing slice, boxed value) and in the tree of values.
const (
	costSlot      = 96
	costMemo      = 128
	costTuple     = 224
	costContainer = 256
	costQuestion  = 400
	costCopied    = 64
)

// instructions are those of all opcodes.
var instructions = [256]instruction{
	opcode.Mark:            {"MARK", bare, keep, costContainer, (*scanner).mark},
	opcode.Stop:            {"STOP", bare, effect{take: 1}, 0, (*scanner).copy},
	opcode.Pop:             {"POP", bare, effect{take: 1}, 0, (*scanner).copy},
	opcode.PopMark:         {"POP_MARK", bare, effect{toMark: true}, 0, (*scanner).copy},
	opcode.Dup:             {"DUP", bare, effect{take: 1, give: 2}, costSlot, (*scanner).copy},
	opcode.Float:           {"FLOAT", line, push, costSlot, (*scanner).copy},
	opcode.Int:             {"INT", line, push, costSlot, (*scanner).copy},
	opcode.Long:            {"LONG", line, push, costSlot, (*scanner).longLine},
	opcode.None:            {"NONE", bare, push, costSlot, (*scanner).copy},
	opcode.PersID:          {"PERSID", line, push, costQuestion, (*scanner).persistentLine},
	opcode.Reduce:          {"REDUCE", bare, takes2, costQuestion, (*scanner).ask},
	opcode.String:          {"STRING", line, push, costSlot, (*scanner).quotedLine},
	opcode.Unicode:         {"UNICODE", line, push, costSlot, (*scanner).unicodeLine},
	opcode.Append:          {"APPEND", bare, takes2, costSlot, (*scanner).copy},
	opcode.Build:           {"BUILD", bare, takes2, costQuestion, (*scanner).ask},
	opcode.Global:          {"GLOBAL", twoLines, push, costContainer, (*scanner).global},
	opcode.Dict:            {"DICT", bare, effect{toMark: true, give: 1, pairs: true}, costContainer, (*scanner).copy},
	opcode.Get:             {"GET", line, push, costSlot, (*scanner).get},
	opcode.Inst:            {"INST", twoLines, marked, costQuestion, (*scanner).instance},
	opcode.List:            {"LIST", bare, marked, costContainer, (*scanner).copy},
	opcode.Put:             {"PUT", line, needs1, costMemo, (*scanner).put},
	opcode.SetItem:         {"SETITEM", bare, takes3, 2 * costSlot, (*scanner).copy},
	opcode.Tuple:           {"TUPLE", bare, marked, costTuple, (*scanner).copy},
	opcode.EmptyTuple:      {"EMPTY_TUPLE", bare, push, costTuple, (*scanner).copy},
	opcode.BinFloat:        {"BINFLOAT", fixed8, push, costSlot, (*scanner).copy},
	opcode.BinInt:          {"BININT", fixed4, push, costSlot, (*scanner).copy},
	opcode.BinInt1:         {"BININT1", fixed1, push, costSlot, (*scanner).copy},
	opcode.BinInt2:         {"BININT2", fixed2, push, costSlot, (*scanner).copy},
	opcode.BinPersID:       {"BINPERSID", bare, needs1, costQuestion, (*scanner).ask},
	opcode.BinString:       {"BINSTRING", length4Signed, push, costSlot, (*scanner).rawString},
	opcode.ShortBinString:  {"SHORT_BINSTRING", length1, push, costSlot, (*scanner).rawString},
	opcode.BinUnicode:      {"BINUNICODE", length4, push, costSlot, (*scanner).text},
	opcode.EmptyList:       {"EMPTY_LIST", bare, push, costContainer, (*scanner).copy},
	opcode.Appends:         {"APPENDS", bare, below1, 0, (*scanner).copy},
	opcode.BinGet:          {"BINGET", fixed1, push, costSlot, (*scanner).get},
	opcode.LongBinGet:      {"LONG_BINGET", fixed4, push, costSlot, (*scanner).get},
	opcode.Obj:             {"OBJ", bare, marked, costQuestion, (*scanner).object},
	opcode.BinPut:          {"BINPUT", fixed1, needs1, costMemo, (*scanner).put},
	opcode.LongBinPut:      {"LONG_BINPUT", fixed4, needs1, costMemo, (*scanner).put},
	opcode.SetItems:        {"SETITEMS", bare, effect{toMark: true, take: 1, give: 1, pairs: true}, costSlot, (*scanner).copy},
	opcode.EmptyDict:       {"EMPTY_DICT", bare, push, costContainer, (*scanner).copy},
	opcode.Proto:           {"PROTO", fixed1, keep, 0, (*scanner).protocol},
	opcode.NewObj:          {"NEWOBJ", bare, takes2, costQuestion, (*scanner).ask},
	opcode.Ext1:            {"EXT1", fixed1, push, 0, (*scanner).refuse},
	opcode.Ext2:            {"EXT2", fixed2, push, 0, (*scanner).refuse},
	opcode.Ext4:            {"EXT4", fixed4, push, 0, (*scanner).refuse},
	opcode.Tuple1:          {"TUPLE1", bare, needs1, costTuple, (*scanner).copy},
	opcode.Tuple2:          {"TUPLE2", bare, takes2, costTuple, (*scanner).copy},
	opcode.Tuple3:          {"TUPLE3", bare, takes3, costTuple, (*scanner).copy},
	opcode.NewTrue:         {"NEWTRUE", bare, push, costSlot, (*scanner).copy},
	opcode.NewFalse:        {"NEWFALSE", bare, push, costSlot, (*scanner).copy},
	opcode.Long1:           {"LONG1", length1, push, costSlot, (*scanner).long},
	opcode.Long4:           {"LONG4", length4Signed, push, costSlot, (*scanner).long},
	opcode.BinBytes:        {"BINBYTES", length4, push, costSlot, (*scanner).bytes},
	opcode.ShortBinBytes:   {"SHORT_BINBYTES", length1, push, costSlot, (*scanner).bytes},
	opcode.ShortBinUnicode: {"SHORT_BINUNICODE", length1, push, costSlot, (*scanner).text},
	opcode.BinUnicode8:     {"BINUNICODE8", length8, push, costSlot, (*scanner).text},
	opcode.BinBytes8:       {"BINBYTES8", length8, push, costSlot, (*scanner).bytes},
	opcode.EmptySet:        {"EMPTY_SET", bare, push, costContainer, (*scanner).emptySet},
	opcode.AddItems:        {"ADDITEMS", bare, below1, 0, (*scanner).addItems},
	opcode.FrozenSet:       {"FROZENSET", bare, marked, costContainer, (*scanner).frozenSet},
	opcode.NewObjEx:        {"NEWOBJ_EX", bare, takes3, costQuestion, (*scanner).ask},
	opcode.StackGlobal:     {"STACK_GLOBAL", bare, takes2, costQuestion, (*scanner).ask},
	opcode.Memoize:         {"MEMOIZE", bare, needs1, costMemo, (*scanner).memoize},
	opcode.Frame:           {"FRAME", fixed8, keep, 0, (*scanner).frame},
	opcode.ByteArray8:      {"BYTEARRAY8", length8, push, costSlot, (*scanner).byteArray},
	opcode.NextBuffer:      {"NEXT_BUFFER", bare, push, 0, (*scanner).refuse},
	opcode.ReadonlyBuffer:  {"READONLY_BUFFER", bare, needs1, 0, (*scanner).drop},
}
