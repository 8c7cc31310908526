package pickle

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
)

// Stream is a scanned pickle: small, within limits, and calling nothing but this package.
type Stream struct {
	// Code is the rewritten stream.
	Code []byte
	// End is the offset behind STOP in the scanned content.
	End int64
	// Protocol is what the pickle states, or 0.
	Protocol int
	// Opcodes counts those of the original stream.
	Opcodes int64
	// Memory is about how many bytes loading it takes, as far as the opcodes show.
	Memory int64

	placeholders []any
}

// Kind is the Python type of a payload.
type Kind uint8

// The kinds of payload.
const (
	KindBytes Kind = iota
	KindByteArray
	// KindString is a Python 2 string: raw bytes.
	KindString
	// KindText is UTF-8.
	KindText
)

var kindNames = [...]string{"bytes", "bytes", "bytes", "text"}

// Blob is a payload that was left in the file.
type Blob struct {
	// Offset and Length are in bytes of the scanned content.
	Offset, Length int64
	Kind           Kind
}

// scanner walks one pickle.
type scanner struct {
	content  []byte
	position int64
	start    int64
	limits   Limits
	stack    stack
	memo     memoSlots
	memory   int64
	stream   Stream
	failure  *checkpoint.Error
}

// operation is one opcode of the content: its place, and its argument without the length field.
type operation struct {
	row      *instruction
	code     byte
	at       int64
	argument []byte
	from     int64
}

// Scan walks the pickle that begins at offset and ends with its first STOP. Errors are of type *checkpoint.Error.
func Scan(ctx context.Context, content []byte, offset int64, limits Limits) (*Stream, error) {
	s := &scanner{content: content, position: offset, start: offset, limits: limits}
	for {
		if s.stream.Opcodes&0xffff == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		stop, err := s.step()
		if err != nil {
			return nil, err
		}
		if stop {
			s.stream.End, s.stream.Memory = s.position, s.memory+2*int64(len(s.stream.Code))
			return &s.stream, nil
		}
	}
}

// step handles one opcode and reports whether it was STOP.
func (s *scanner) step() (bool, error) {
	at := s.position
	if at < 0 || at >= int64(len(s.content)) {
		return false, truncated(int64(len(s.content)), "the pickle ends before its STOP opcode")
	}
	code := s.content[at]
	row := &instructions[code]
	if row.name == "" {
		return false, checkpoint.Malformed("byte 0x%02x is not a pickle opcode", code).At(at)
	}
	s.position++
	argument, from, err := s.argument(row.form)
	if err != nil {
		return false, err.At(at)
	}
	if err := s.stack.apply(row, s.limits.MarkDepth); err != nil {
		return false, err.At(at)
	}
	row.write(s, operation{row, code, at, argument, from})
	if s.failure != nil {
		return false, s.failure.At(at)
	}
	if err := s.charge(row.memory); err != nil {
		return false, err.At(at)
	}
	if code == opcode.Stop && s.stack.left() {
		return false, checkpoint.Malformed("STOP leaves values on the stack").At(at)
	}
	return code == opcode.Stop, nil
}

// charge counts what an opcode costs.
func (s *scanner) charge(memory int64) *checkpoint.Error {
	s.stream.Opcodes++
	s.memory += memory
	size := int64(len(s.stream.Code))
	switch {
	case s.stream.Opcodes > s.limits.Opcodes:
		return checkpoint.Unsafe("more than %d opcodes; no checkpoint needs so many", s.limits.Opcodes)
	case size > s.limits.Metadata:
		return checkpoint.Unsafe("more than %d bytes beside the tensors; no checkpoint needs so many", s.limits.Metadata)
	case s.memory+2*size > s.limits.Memory:
		return tooLarge(s.limits.Memory)
	}
	return nil
}

func tooLarge(limit int64) *checkpoint.Error {
	return checkpoint.Unsafe("loading it would take more than %d bytes of memory beside the tensors; no checkpoint needs so many", limit)
}

// form is how the argument of an opcode is laid out.
type form uint8

const (
	bare form = iota
	fixed1
	fixed2
	fixed4
	fixed8
	line
	twoLines
	length1
	length4
	length4Signed
	length8
)

// widths are the sizes of fixed arguments and of length fields.
var widths = [...]int64{bare: 0, fixed1: 1, fixed2: 2, fixed4: 4, fixed8: 8, length1: 1, length4: 4, length4Signed: 4, length8: 8}

// argument steps over the argument of an opcode and returns its window and offset.
func (s *scanner) argument(f form) ([]byte, int64, *checkpoint.Error) {
	from := s.position
	if f == line || f == twoLines {
		return s.lines(f)
	}
	field, err := s.take(widths[f])
	if err != nil || f < length1 {
		return field, from, err
	}
	var wide [8]byte
	copy(wide[:], field)
	length := binary.LittleEndian.Uint64(wide[:])
	if f == length4Signed && length > math.MaxInt32 {
		return nil, 0, checkpoint.Malformed("a negative length")
	}
	if length > uint64(int64(len(s.content))-s.position) {
		return nil, 0, truncated(s.position, "a value of %d bytes where %d are left", length, int64(len(s.content))-s.position)
	}
	from = s.position
	payload, err := s.take(int64(length))
	return payload, from, err
}

func (s *scanner) take(n int64) ([]byte, *checkpoint.Error) {
	if n > int64(len(s.content))-s.position {
		return nil, truncated(s.position, "the pickle ends within an opcode")
	}
	from := s.position
	s.position += n
	return s.content[from:s.position:s.position], nil
}

// lines returns one or two lines with the LF between them and without the last.
func (s *scanner) lines(f form) ([]byte, int64, *checkpoint.Error) {
	from := s.position
	count := 1
	if f == twoLines {
		count = 2
	}
	for range count {
		rest := s.content[s.position:]
		end := bytes.IndexByte(rest[:min(len(rest), maxLine)], '\n')
		if end < 0 && len(rest) < maxLine {
			return nil, 0, truncated(s.position, "the pickle ends within a line")
		}
		if end < 0 {
			return nil, 0, checkpoint.Unsafe("a line of more than %d bytes", maxLine)
		}
		s.position += int64(end) + 1
	}
	return s.content[from : s.position-1], from, nil
}

func truncated(at int64, reason string, args ...any) *checkpoint.Error {
	return checkpoint.Malformed(reason, args...).At(at)
}
