// Package pickler writes pickles. A pickle is written opcode by opcode and in pieces, between which the elements of tensors go without being copied.
//
//	w := pickler.New(4)
//	w.Op(opcode.EmptyDict, opcode.Mark)
//	w.Text("epoch")
//	w.Int(300)
//	w.Op(opcode.SetItems, opcode.Stop)
//	raw := w.Cut()
package pickler

import (
	"encoding/binary"
	"math"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
)

// Writer appends opcodes to a pickle. Frames, which are hints for reading ahead, are left out.
type Writer struct {
	protocol byte
	raw      []byte
	// memo has the slot of each value that Once wrote.
	memo map[string]byte
}

// New begins a pickle of protocol 2 or 4.
func New(protocol byte) *Writer {
	return &Writer{protocol: protocol, raw: []byte{opcode.Proto, protocol}, memo: map[string]byte{}}
}

// Cut returns what was written since the last Cut.
func (w *Writer) Cut() []byte {
	raw := w.raw
	w.raw = nil
	return raw
}

// Op appends opcodes, with their arguments, as they are.
func (w *Writer) Op(codes ...byte) { w.raw = append(w.raw, codes...) }

// Once calls write to write the value of that key; when it is used again, it writes a reference to it instead. There may be 256 such values.
func (w *Writer) Once(key string, write func()) {
	if slot, known := w.memo[key]; known {
		w.Op(opcode.BinGet, slot)
		return
	}
	write()
	slot := byte(len(w.memo))
	w.memo[key] = slot
	if w.protocol >= 4 {
		w.Op(opcode.Memoize)
	} else {
		w.Op(opcode.BinPut, slot)
	}
}

// Global names a function or class.
func (w *Writer) Global(module, name string) {
	w.Once("global "+module+"."+name, func() {
		if w.protocol >= 4 {
			w.Text(module)
			w.Text(name)
			w.Op(opcode.StackGlobal)
			return
		}
		w.Op(opcode.Global)
		w.raw = append(w.raw, module+"\n"+name+"\n"...)
	})
}

// Text writes UTF-8.
func (w *Writer) Text(text string) {
	if w.protocol >= 4 && len(text) <= math.MaxUint8 {
		w.Op(opcode.ShortBinUnicode, byte(len(text)))
	} else {
		w.Op(opcode.BinUnicode)
		w.raw = binary.LittleEndian.AppendUint32(w.raw, uint32(len(text)))
	}
	w.raw = append(w.raw, text...)
}

// Int writes a number in as few bytes as the protocol has for it.
func (w *Writer) Int(n int64) {
	switch {
	case n >= 0 && n <= math.MaxUint8:
		w.Op(opcode.BinInt1, byte(n))
	case n >= 0 && n <= math.MaxUint16:
		w.Op(opcode.BinInt2)
		w.raw = binary.LittleEndian.AppendUint16(w.raw, uint16(n))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		w.Op(opcode.BinInt)
		w.raw = binary.LittleEndian.AppendUint32(w.raw, uint32(int32(n)))
	default:
		w.Op(opcode.Long1, 8)
		w.raw = binary.LittleEndian.AppendUint64(w.raw, uint64(n))
	}
}

// BytesHeader announces that many bytes, which must follow. It needs protocol 4.
func (w *Writer) BytesHeader(size int64) {
	switch {
	case size <= math.MaxUint8:
		w.Op(opcode.ShortBinBytes, byte(size))
	case size <= math.MaxUint32:
		w.Op(opcode.BinBytes)
		w.raw = binary.LittleEndian.AppendUint32(w.raw, uint32(size))
	default:
		w.Op(opcode.BinBytes8)
		w.raw = binary.LittleEndian.AppendUint64(w.raw, uint64(size))
	}
}
