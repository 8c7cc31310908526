package picklegen

import (
	"encoding/binary"
	"math"
	"strings"
)

// Writer appends opcodes. Its methods return it, so that calls can be chained.
type Writer struct {
	// Protocol decides which opcodes are used.
	Protocol int
	code     []byte
}

// New begins a pickle.
func New(protocol int) *Writer {
	w := &Writer{Protocol: protocol}
	if protocol >= 2 {
		w.Op(0x80, byte(protocol))
	}
	return w
}

// Stop ends the pickle and returns it.
func (w *Writer) Stop() []byte { return append(w.code, '.') }

// Unfinished returns what was written so far.
func (w *Writer) Unfinished() []byte { return w.code }

// Op appends bytes as they are.
func (w *Writer) Op(code ...byte) *Writer {
	w.code = append(w.code, code...)
	return w
}

// Raw appends text as it is.
func (w *Writer) Raw(code string) *Writer { return w.Op([]byte(code)...) }

// Repeat appends the same bytes n times.
func (w *Writer) Repeat(n int, code ...byte) *Writer { return w.Raw(strings.Repeat(string(code), n)) }

// U32 appends a little-endian integer.
func (w *Writer) U32(n uint32) *Writer {
	w.code = binary.LittleEndian.AppendUint32(w.code, n)
	return w
}

// U64 appends a little-endian integer.
func (w *Writer) U64(n uint64) *Writer {
	w.code = binary.LittleEndian.AppendUint64(w.code, n)
	return w
}

// Int pushes an integer.
func (w *Writer) Int(n int) *Writer {
	switch {
	case n >= 0 && n < 256:
		return w.Op('K', byte(n))
	case n >= 0 && n < 65536:
		return w.Op('M', byte(n), byte(n>>8))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return w.Op('J').U32(uint32(int32(n)))
	}
	return w.Op(0x8a, 8).U64(uint64(n))
}

// Float pushes a number.
func (w *Writer) Float(f float64) *Writer {
	w.code = binary.BigEndian.AppendUint64(append(w.code, 'G'), math.Float64bits(f))
	return w
}

// Bool pushes True or False.
func (w *Writer) Bool(b bool) *Writer {
	if b {
		return w.Op(0x88)
	}
	return w.Op(0x89)
}

// None pushes None.
func (w *Writer) None() *Writer { return w.Op('N') }

// Text pushes a str as the protocol writes it.
func (w *Writer) Text(text string) *Writer {
	if w.Protocol >= 4 && len(text) < 256 {
		return w.Op(0x8c, byte(len(text))).Raw(text)
	}
	return w.Op('X').U32(uint32(len(text))).Raw(text)
}

// Bytes pushes bytes: raw from protocol 3, and as text before.
func (w *Writer) Bytes(raw []byte) *Writer {
	switch {
	case w.Protocol < 3 && len(raw) == 0:
		return w.Global("__builtin__", "bytes").Op(')', 'R')
	case w.Protocol < 3:
		return w.Global("_codecs", "encode").Text(latin1(raw)).Text("latin1").Op(0x86, 'R')
	case len(raw) < 256:
		return w.Op('C', byte(len(raw))).Op(raw...)
	}
	return w.Op('B').U32(uint32(len(raw))).Op(raw...)
}

// String pushes a str of Python 2.
func (w *Writer) String(raw []byte) *Writer {
	if len(raw) < 256 {
		return w.Op('U', byte(len(raw))).Op(raw...)
	}
	return w.Op('T').U32(uint32(len(raw))).Op(raw...)
}

// Bytes8 pushes bytes with the length of protocol 4 for more than 4 GiB.
func (w *Writer) Bytes8(raw []byte) *Writer { return w.Op(0x8e).U64(uint64(len(raw))).Op(raw...) }

// ByteArray pushes a bytearray of protocol 5.
func (w *Writer) ByteArray(raw []byte) *Writer { return w.Op(0x96).U64(uint64(len(raw))).Op(raw...) }

// latin1 returns a text with one character for each byte.
func latin1(raw []byte) string {
	var text strings.Builder
	for _, b := range raw {
		text.WriteRune(rune(b))
	}
	return text.String()
}

// Global pushes a class or function.
func (w *Writer) Global(module, name string) *Writer {
	if w.Protocol >= 4 {
		return w.Text(module).Text(name).Op(0x93)
	}
	return w.Raw("c" + module + "\n" + name + "\n")
}

// Dict pushes a dict with the keys and values that fill writes in turn.
func (w *Writer) Dict(fill func(w *Writer)) *Writer {
	w.Op('}', '(')
	fill(w)
	return w.Op('u')
}

// Tuple pushes a tuple of what fill writes.
func (w *Writer) Tuple(fill func(w *Writer)) *Writer {
	w.Op('(')
	fill(w)
	return w.Op('t')
}

// List pushes a list of what fill writes.
func (w *Writer) List(fill func(w *Writer)) *Writer {
	w.Op(']', '(')
	fill(w)
	return w.Op('e')
}

// Ints pushes a tuple of integers.
func (w *Writer) Ints(numbers ...int) *Writer {
	return w.Tuple(func(w *Writer) {
		for _, n := range numbers {
			w.Int(n)
		}
	})
}

// Call pushes the result of calling a global with the arguments that fill writes.
func (w *Writer) Call(module, name string, fill func(w *Writer)) *Writer {
	return w.Global(module, name).Tuple(fill).Op('R')
}
