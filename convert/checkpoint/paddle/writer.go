package paddle

import (
	"encoding/binary"
	"math"

	"github.com/beitzoo/beitzoo/tensor"
)

// The opcodes of the pickles that Layout makes (Python Lib/pickletools.py).
const (
	mark           = '('
	stop           = '.'
	none           = 'N'
	reduce         = 'R'
	build          = 'b'
	tuple          = 't'
	emptyTuple     = ')'
	setItems       = 'u'
	emptyDict      = '}'
	binInt         = 'J'
	binInt1        = 'K'
	binInt2        = 'M'
	binGet         = 'h'
	binBytes       = 'B'
	shortBinBytes  = 'C'
	proto          = 0x80
	tuple1         = 0x85
	tuple2         = 0x86
	tuple3         = 0x87
	newTrue        = 0x88
	newFalse       = 0x89
	long1          = 0x8a
	shortBinText   = 0x8c
	binBytes8      = 0x8e
	stackGlobal    = 0x93
	memoize        = 0x94
	pickleProtocol = 4
)

// writer makes the pickle in pieces, between which the elements of the tensors come. What repeats is remembered under a memo index: the
// functions, the arguments that make an empty array, and each dtype. Frames are left out: they are hints for reading ahead.
type writer struct {
	code []byte
	memo map[string]byte
}

func newWriter() *writer {
	w := &writer{memo: map[string]byte{}}
	w.emit(proto, pickleProtocol, emptyDict, mark)
	return w
}

// cut gives what was written since the last cut.
func (w *writer) cut() []byte {
	code := w.code
	w.code = nil
	return code
}

func (w *writer) emit(code ...byte) { w.code = append(w.code, code...) }

func (w *writer) text(text string) {
	w.emit(shortBinText, byte(len(text)))
	w.emit([]byte(text)...)
}

// once writes a value at its first use and refers to it afterwards. There are about 20 such values, so that an index fits a byte.
func (w *writer) once(key string, write func()) {
	if index, known := w.memo[key]; known {
		w.emit(binGet, index)
		return
	}
	write()
	w.memo[key] = byte(len(w.memo))
	w.emit(memoize)
}

// global names a function or class. The module is numpy.core, not numpy._core: NumPy 1 knows only the former, NumPy 2 both.
func (w *writer) global(module, name string) {
	w.once(module+"."+name, func() {
		w.text(module)
		w.text(name)
		w.emit(stackGlobal)
	})
}

func (w *writer) integer(n int) {
	switch {
	case n >= 0 && n <= math.MaxUint8:
		w.emit(binInt1, byte(n))
	case n >= 0 && n <= math.MaxUint16:
		w.emit(binInt2)
		w.code = binary.LittleEndian.AppendUint16(w.code, uint16(n))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		w.emit(binInt)
		w.code = binary.LittleEndian.AppendUint32(w.code, uint32(int32(n)))
	default:
		w.emit(long1, 8)
		w.code = binary.LittleEndian.AppendUint64(w.code, uint64(n))
	}
}

// shape uses the short forms for up to three dimensions, as Python does.
func (w *writer) shape(shape tensor.Shape) {
	switch len(shape) {
	case 0:
		w.emit(emptyTuple)
		return
	case 1, 2, 3:
	default:
		w.emit(mark)
	}
	for _, n := range shape {
		w.integer(n)
	}
	w.emit([]byte{0, tuple1, tuple2, tuple3, tuple}[min(len(shape), 4)])
}

// beginArray writes a name and an array up to its elements: _reconstruct(ndarray, (0,), b"b") and the state (1, shape, dtype, False, elements).
func (w *writer) beginArray(t tensor.Named, size int64) {
	w.text(t.Name)
	w.global("numpy.core.multiarray", "_reconstruct")
	w.once("an empty array", func() {
		w.global("numpy", "ndarray")
		w.emit(binInt1, 0, tuple1, shortBinBytes, 1, 'b', tuple3)
	})
	w.emit(reduce, mark)
	w.integer(1)
	w.shape(t.Shape)
	w.dtype(codes[t.DType])
	w.emit(newFalse)
	w.bytesHeader(size)
}

func (w *writer) endArray() { w.emit(tuple, build) }

// dtype is numpy.dtype(code, False, True) with the state (3, order, None, None, None, -1, -1, 0).
func (w *writer) dtype(code string) {
	order := "<"
	if code[1:] == "1" {
		order = "|"
	}
	w.once("dtype "+code, func() {
		w.global("numpy", "dtype")
		w.text(code)
		w.emit(newFalse, newTrue, tuple3, reduce, mark)
		w.integer(3)
		w.text(order)
		w.emit(none, none, none)
		w.integer(-1)
		w.integer(-1)
		w.integer(0)
		w.emit(tuple, build)
	})
}

// bytesHeader announces the elements.
func (w *writer) bytesHeader(size int64) {
	switch {
	case size <= math.MaxUint8:
		w.emit(shortBinBytes, byte(size))
	case size <= math.MaxUint32:
		w.emit(binBytes)
		w.code = binary.LittleEndian.AppendUint32(w.code, uint32(size))
	default:
		w.emit(binBytes8)
		w.code = binary.LittleEndian.AppendUint64(w.code, uint64(size))
	}
}

// names writes the table of parameter names and ends the pickle. Paddle uses the table only where a caller asks for parameter names.
func (w *writer) names(tensors []tensor.Named) {
	w.text(nameTable)
	w.emit(emptyDict)
	if len(tensors) > 0 {
		w.emit(mark)
		for _, t := range tensors {
			w.text(t.Name)
			w.text(t.Name)
		}
		w.emit(setItems)
	}
	w.emit(setItems, stop)
}
