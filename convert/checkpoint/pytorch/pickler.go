package pytorch

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Opcodes that the pickler writes. torch.load with weights_only=True accepts these and few others.
const (
	opProto      = 0x80
	opStop       = '.'
	opMark       = '('
	opEmptyDict  = '}'
	opEmptyTuple = ')'
	opTuple      = 't'
	opSetItem    = 's'
	opSetItems   = 'u'
	opGlobal     = 'c'
	opReduce     = 'R'
	opPersID     = 'Q'
	opText       = 'X'
	opFalse      = 0x89
	opInt1       = 'K'
	opInt2       = 'M'
	opInt4       = 'J'
	opLong1      = 0x8a
	opPut1       = 'q'
	opGet1       = 'h'
)

// pickler writes a pickle of protocol 2.
type pickler struct {
	raw []byte
	// memo has the slot of each class name and text that is written more than once. There are far fewer than 256.
	memo map[string]byte
}

func newPickler() *pickler {
	return &pickler{raw: []byte{opProto, 2}, memo: map[string]byte{}}
}

func (p *pickler) op(codes ...byte) { p.raw = append(p.raw, codes...) }

// shared writes what write does the first time, and a reference to it afterwards.
func (p *pickler) shared(id string, write func()) {
	if slot, ok := p.memo[id]; ok {
		p.op(opGet1, slot)
		return
	}
	write()
	p.memo[id] = byte(len(p.memo))
	p.op(opPut1, p.memo[id])
}

func (p *pickler) global(module, name string) {
	p.shared("c"+module+"\n"+name, func() {
		p.op(opGlobal)
		p.raw = append(p.raw, module+"\n"+name+"\n"...)
	})
}

func (p *pickler) text(text string) {
	p.op(opText)
	p.raw = binary.LittleEndian.AppendUint32(p.raw, uint32(len(text)))
	p.raw = append(p.raw, text...)
}

func (p *pickler) sharedText(text string) {
	p.shared("t"+text, func() { p.text(text) })
}

// integer writes a number that is not negative, in as few bytes as the protocol has for it.
func (p *pickler) integer(n int64) {
	switch {
	case n <= math.MaxUint8:
		p.op(opInt1, byte(n))
	case n <= math.MaxUint16:
		p.op(opInt2)
		p.raw = binary.LittleEndian.AppendUint16(p.raw, uint16(n))
	case n <= math.MaxInt32:
		p.op(opInt4)
		p.raw = binary.LittleEndian.AppendUint32(p.raw, uint32(n))
	default:
		p.op(opLong1, 8)
		p.raw = binary.LittleEndian.AppendUint64(p.raw, uint64(n))
	}
}

func (p *pickler) integers(values []int64) {
	p.op(opMark)
	for _, n := range values {
		p.integer(n)
	}
	p.op(opTuple)
}

// orderedDict leaves an empty collections.OrderedDict on the stack.
func (p *pickler) orderedDict() {
	p.global("collections", "OrderedDict")
	p.op(opEmptyTuple, opReduce)
}

// tensor writes the call that rebuilds a contiguous tensor over a storage of its own, which is record number key.
func (p *pickler) tensor(t planned, key int) {
	if t.legacy() {
		p.global("torch._utils", "_rebuild_tensor_v2")
	} else {
		p.global("torch._utils", "_rebuild_tensor_v3")
	}
	p.op(opMark)
	p.storage(t, key)
	p.integer(0)
	p.integers(t.sizes())
	p.integers(t.strides())
	p.op(opFalse)
	p.orderedDict()
	if !t.legacy() {
		p.global("torch", t.class)
	}
	p.op(opTuple, opReduce)
}

// storage writes the persistent id of a storage. A legacy class counts elements, an untyped storage bytes.
func (p *pickler) storage(t planned, key int) {
	p.op(opMark)
	p.sharedText("storage")
	count := t.elements
	if t.legacy() {
		p.global("torch", t.class)
	} else {
		p.global("torch.storage", "UntypedStorage")
		count = t.size
	}
	p.text(strconv.Itoa(key))
	p.sharedText("cpu")
	p.integer(count)
	p.op(opTuple, opPersID)
}
