package pickle

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
)

// The methods below write what the machine gets in place of one opcode. Each leaves the stack and the memo as the original would.

func (s *scanner) emit(code ...byte) { s.stream.Code = append(s.stream.Code, code...) }

func (s *scanner) copy(o operation) { s.emit(s.content[o.at:s.position]...) }

func (s *scanner) drop(operation) {}

func (s *scanner) fail(reason string, args ...any) { s.failure = checkpoint.Malformed(reason, args...) }

func (s *scanner) refuse(o operation) {
	s.failure = checkpoint.Unsupported("opcode %s refers to something outside of the file", o.row.name)
}

// mark copies MARK.
func (s *scanner) mark(o operation) { s.copy(o) }

// protocol accepts the opcode at the beginning only.
func (s *scanner) protocol(o operation) {
	if o.at != s.start {
		s.fail("PROTO in the middle")
		return
	}
	if o.argument[0] > highestProtocol {
		s.failure = checkpoint.Unsupported("pickle protocol %d; %d is the highest known", o.argument[0], highestProtocol)
		return
	}
	s.stream.Protocol = int(o.argument[0])
	s.copy(o)
}

// frame is dropped: Python takes it for a hint on how much to read ahead, and accepts arguments that cross its end.
func (s *scanner) frame(o operation) {
	if binary.LittleEndian.Uint64(o.argument) > uint64(int64(len(s.content))-s.position) {
		s.failure = truncated(o.at, "a frame goes beyond the end of the file")
	}
}

// place emits an extension code that stands for value. Codes in the input are refused, so nobody can forge one.
func (s *scanner) place(value any) {
	index := len(s.stream.placeholders)
	s.stream.placeholders = append(s.stream.placeholders, value)
	s.memory += 80
	s.emit(opcode.Ext4)
	s.stream.Code = binary.LittleEndian.AppendUint32(s.stream.Code, uint32(index))
}

// ask turns an opcode with one to three operands into a question.
func (s *scanner) ask(o operation) {
	switch o.row.take {
	case 2:
		s.emit(opcode.Tuple2)
	case 3:
		s.emit(opcode.Tuple3)
	}
	s.question(o)
}

// question makes a pair of the operands on the stack and a call, and hands it to loader.question.
func (s *scanner) question(o operation) {
	s.place(&call{o.code, o.at})
	s.emit(opcode.Tuple2, opcode.BinPersID)
}

// object has its class first among the values above the mark.
func (s *scanner) object(o operation) {
	s.emit(opcode.Tuple)
	s.question(o)
}

// instance has its class in the stream.
func (s *scanner) instance(o operation) {
	s.emit(opcode.Tuple)
	s.global(o)
	s.emit(opcode.Tuple2)
	s.question(o)
}

func (s *scanner) persistentLine(o operation) {
	s.memory += int64(len(o.argument))
	s.place(rawString(o.argument))
	s.question(o)
}

func (s *scanner) global(o operation) {
	module, name, _ := bytes.Cut(o.argument, []byte{'\n'})
	found, err := newGlobal(string(module), string(name))
	if err != nil {
		s.failure = err
		return
	}
	s.memory += int64(len(o.argument))
	s.place(found)
}

// payload leaves large values in the file and copies small ones with a one-byte length.
func (s *scanner) payload(o operation, kind Kind, short byte) {
	if len(o.argument) >= threshold {
		s.place(&Blob{Offset: o.from, Length: int64(len(o.argument)), Kind: kind})
		return
	}
	s.memory += int64(len(o.argument))
	s.emit(short, byte(len(o.argument)))
	s.emit(o.argument...)
}

func (s *scanner) bytes(o operation) { s.payload(o, KindBytes, opcode.ShortBinBytes) }

func (s *scanner) text(o operation) {
	if len(o.argument) < threshold && !utf8.Valid(o.argument) {
		s.failure = checkpoint.Unsupported("text that is not UTF-8")
		return
	}
	s.payload(o, KindText, opcode.ShortBinUnicode)
}

// byteArray has no short form.
func (s *scanner) byteArray(o operation) {
	if len(o.argument) >= threshold {
		s.place(&Blob{Offset: o.from, Length: int64(len(o.argument)), Kind: KindByteArray})
		return
	}
	s.memory += int64(len(o.argument))
	s.copy(o)
}

// rawString keeps Python 2 strings apart from text: as array data they are bytes, as keys they are text.
func (s *scanner) rawString(o operation) {
	if len(o.argument) >= threshold {
		s.place(&Blob{Offset: o.from, Length: int64(len(o.argument)), Kind: KindString})
		return
	}
	s.memory += int64(len(o.argument))
	s.place(rawString(o.argument))
}

// quotedLine is a Python 2 string literal.
func (s *scanner) quotedLine(o operation) {
	text := o.argument
	if len(text) < 2 || text[0] != text[len(text)-1] || (text[0] != '\'' && text[0] != '"') {
		s.fail("a STRING without quotes")
		return
	}
	s.plainLine(text[1 : len(text)-1])
}

func (s *scanner) unicodeLine(o operation) { s.plainLine(o.argument) }

// plainLine takes text of protocol 0 where it needs no decoding; no framework has written checkpoints in this protocol.
func (s *scanner) plainLine(text []byte) {
	if bytes.IndexByte(text, '\\') >= 0 || slices.ContainsFunc(text, func(b byte) bool { return b >= 0x80 }) {
		s.failure = checkpoint.Unsupported("text with escapes in protocol 0").WithHint("save it again with protocol 2 or later")
		return
	}
	s.memory += int64(len(text))
	s.place(rawString(text))
}

// long writes integers in their short form. Python reads length 0 as 0, which the machine does not.
func (s *scanner) long(o operation) {
	switch n := len(o.argument); {
	case n == 0:
		s.emit(opcode.BinInt1, 0)
	case n > maxLong:
		s.failure = checkpoint.Unsafe("an integer of %d bytes; %d is the limit", n, maxLong)
	default:
		s.emit(opcode.Long1, byte(n))
		s.emit(o.argument...)
	}
}

func (s *scanner) longLine(o operation) {
	if len(o.argument) > 3*maxLong {
		s.failure = checkpoint.Unsafe("an integer of %d digits; %d is the limit", len(o.argument), 3*maxLong)
		return
	}
	s.copy(o)
}

func (s *scanner) emptySet(operation) { s.emit(opcode.EmptyList) }

func (s *scanner) addItems(operation) { s.emit(opcode.Appends) }

func (s *scanner) frozenSet(operation) { s.emit(opcode.List) }
