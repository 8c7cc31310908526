package features

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"strconv"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// Format is what a file of features says about itself: the entry "format" of the metadata, or of the first line.
const Format = "beitzoo.features.v1"

// Writer writes features of pictures, one after the other.
type Writer interface {
	// Add writes those of one picture, as many as the shape has.
	Add(name string, values []float64) error
	// Finish writes what is left. It does not close the file.
	Finish() error
}

// File is where a safetensors file is written, from its start.
type File interface {
	io.Writer
	io.WriterAt
}

// maxHeader is the longest header that readers of safetensors accept. Source: huggingface/safetensors safetensors/src/tensor.rs, MAX_HEADER_SIZE.
const maxHeader = 100_000_000

// HeaderError says that a safetensors file cannot name so many pictures.
type HeaderError struct {
	// Pictures is their number, and Bytes the least length of a header with their names.
	Pictures, Bytes int
}

func (e *HeaderError) Error() string {
	return fmt.Sprintf("the names of %d pictures take at least %d bytes, and the header of a safetensors file has room for %d", e.Pictures, e.Bytes, maxHeader)
}

// Is reports wrong usage.
func (e *HeaderError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *HeaderError) Hint() string {
	return "write several files, each with a part of the pictures, or JSON lines"
}

// safetensors is a safetensors file with one tensor, features, of the shape [N, ...].
type safetensors struct {
	to       File
	shape    tensor.Shape
	dtype    tensor.DType
	metadata map[string]string
	names    []string
	header   int
	row      []byte
}

// NewSafetensors returns a writer of a safetensors file: one tensor, features, of the shape [N, shape...], of float32, or float64 if dtype is F64. The metadata
// has format, the entries of facts, and names: a JSON list of the names of the pictures, in the order of the rows. most are the names of all pictures that may
// be added, in any order: the file has room for them in its header, which Finish writes. The error is a *[HeaderError], or that of to.
func NewSafetensors(to File, facts map[string]string, shape tensor.Shape, dtype tensor.DType, most []string) (Writer, error) {
	if dtype != tensor.F64 {
		dtype = tensor.F32
	}
	s := &safetensors{to: to, shape: shape, dtype: dtype, metadata: maps.Clone(facts)}
	if s.metadata == nil {
		s.metadata = make(map[string]string)
	}
	s.metadata["format"] = Format
	total := 0
	for _, name := range most {
		total += len(name)
	}
	if total > maxHeader {
		return nil, &HeaderError{len(most), total}
	}
	longest, err := s.encode(most)
	if err != nil {
		return nil, err
	}
	s.header = (len(longest) + 7) / 8 * 8
	if s.header > maxHeader {
		return nil, &HeaderError{len(most), s.header}
	}
	_, err = to.Write(s.padded(longest))
	return s, err
}

// encode returns the header of a file with pictures of these names.
func (s *safetensors) encode(names []string) ([]byte, error) {
	list, err := json.Marshal(append([]string{}, names...))
	if err != nil {
		return nil, err
	}
	metadata := maps.Clone(s.metadata)
	metadata["names"] = string(list)
	one, err := s.shape.Elements()
	if err != nil {
		return nil, err
	}
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	var header bytes.Buffer
	encoder := json.NewEncoder(&header)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(struct {
		Metadata map[string]string `json:"__metadata__"`
		Features entry             `json:"features"`
	}{metadata, entry{s.dtype.String(), append([]int{len(names)}, s.shape...), [2]int64{0, int64(len(names)) * one * int64(s.dtype.Size())}}})
	return bytes.TrimSpace(header.Bytes()), err
}

// padded returns a header with its length before it, filled up with spaces.
func (s *safetensors) padded(header []byte) []byte {
	whole := make([]byte, 8+s.header)
	binary.LittleEndian.PutUint64(whole, uint64(s.header))
	for i := 8 + copy(whole[8:], header); i < len(whole); i++ {
		whole[i] = ' '
	}
	return whole
}

func (s *safetensors) Add(name string, values []float64) error {
	s.row = s.row[:0]
	for _, v := range values {
		if s.dtype == tensor.F64 {
			s.row = binary.LittleEndian.AppendUint64(s.row, math.Float64bits(v))
		} else {
			s.row = binary.LittleEndian.AppendUint32(s.row, math.Float32bits(float32(v)))
		}
	}
	s.names = append(s.names, name)
	_, err := s.to.Write(s.row)
	return err
}

func (s *safetensors) Finish() error {
	header, err := s.encode(s.names)
	if err != nil {
		return err
	}
	if len(header) > s.header {
		return fmt.Errorf("the header of %d pictures is longer than that of all", len(s.names))
	}
	_, err = s.to.WriteAt(s.padded(header), 0)
	return err
}

// lines is a file of JSON lines.
type lines struct {
	to      io.Writer
	shape   tensor.Shape
	narrow  bool
	buffer  bytes.Buffer
	scratch []byte
}

// NewLines returns a writer of JSON lines: the first is an object with format, shape and the entries of facts, each other one {"image": NAME, "features":
// [...]}, with lists in lists as in shape. Numbers are the shortest that are the same in float32, or in float64 if dtype is F64.
func NewLines(to io.Writer, facts map[string]string, shape tensor.Shape, dtype tensor.DType) (Writer, error) {
	l := &lines{to: to, shape: shape, narrow: dtype != tensor.F64}
	first := map[string]any{}
	for key, value := range facts {
		first[key] = value
	}
	first["format"], first["shape"] = Format, shape
	return l, l.write(first)
}

// write writes a value as a line.
func (l *lines) write(value any) error {
	l.buffer.Reset()
	encoder := json.NewEncoder(&l.buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	_, err := l.to.Write(l.buffer.Bytes())
	return err
}

func (l *lines) Add(name string, values []float64) error {
	return l.write(struct {
		Image    string          `json:"image"`
		Features json.RawMessage `json:"features"`
	}{name, l.list(values)})
}

// list returns values as lists in lists. It is valid until the next call.
func (l *lines) list(values []float64) []byte {
	l.scratch = l.scratch[:0]
	width := 32
	if !l.narrow {
		width = 64
	}
	var nest func(shape tensor.Shape, values []float64)
	nest = func(shape tensor.Shape, values []float64) {
		l.scratch = append(l.scratch, '[')
		for i := range shape[0] {
			if i > 0 {
				l.scratch = append(l.scratch, ',')
			}
			if one := len(values) / shape[0]; len(shape) > 1 {
				nest(shape[1:], values[i*one:(i+1)*one])
			} else {
				l.scratch = strconv.AppendFloat(l.scratch, values[i], 'g', -1, width)
			}
		}
		l.scratch = append(l.scratch, ']')
	}
	nest(l.shape, values)
	return l.scratch
}

func (l *lines) Finish() error { return nil }
