package safetensors

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/jsonscan"
	"github.com/beitzoo/beitzoo/tensor"
)

const (
	// maxHeader is the largest header, in bytes, that the specification allows.
	maxHeader = 100_000_000
	// maxTensors is far above any model; it bounds the memory that a hostile header can ask for.
	maxTensors = 1 << 20
	// maxName is the longest tensor name, in bytes, that is read or written.
	maxName = 1024
	// metadataKey is the name in the header that stands for no tensor.
	metadataKey = "__metadata__"
)

// header is what stands in front of the data.
type header struct {
	entries  []entry // by place in the data
	metadata map[string]string
	end      int64 // of the header, where the data begins
}

// entry is the description of one tensor. Offsets count from the end of the header.
type entry struct {
	name       string
	dtype      tensor.DType
	shape      tensor.Shape
	begin, end int64
}

// parse reads the header and checks it against the size of the file, in bytes.
func parse(raw []byte, size int64) (*header, error) {
	h := &header{end: int64(8 + len(raw))}
	s := newScanner(raw)
	if err := s.Object(func(key string) error { return h.take(s, key) }); err != nil {
		return nil, err
	}
	for i, c := range raw[s.Offset():] {
		if c != ' ' {
			return nil, checkpoint.Malformed("byte %#02x behind the header's JSON, where only spaces may be", c).At(8 + s.Offset() + int64(i))
		}
	}
	return h, h.check(size - h.end)
}

// scanner knows which part of the header it reads.
type scanner struct {
	*jsonscan.Scanner
	where string
}

func newScanner(raw []byte) *scanner {
	s := &scanner{where: "the header"}
	s.Scanner = jsonscan.New(raw, func(at int64, reason string) error { return checkpoint.Malformed("%s: %s", s.where, reason).At(8 + at) })
	return s
}

// headerBytes cuts out the header's text.
func headerBytes(content []byte) ([]byte, error) {
	if len(content) < 8 {
		return nil, checkpoint.Malformed("%d bytes, where the length of the header alone needs 8", len(content)).At(0)
	}
	length := binary.LittleEndian.Uint64(content)
	if length > maxHeader {
		return nil, checkpoint.Unsafe("a header of %d bytes; %d is the limit", length, maxHeader).At(0)
	}
	if length > uint64(len(content)-8) {
		return nil, checkpoint.Malformed("the header should have %d bytes, and %d are there", length, len(content)-8).At(0)
	}
	raw := content[8 : 8+length]
	if len(raw) == 0 || raw[0] != '{' {
		return nil, checkpoint.Malformed("the header does not begin with a brace").At(8)
	}
	if !utf8.Valid(raw) {
		return nil, checkpoint.Malformed("the header is not UTF-8").At(8)
	}
	return raw, nil
}

// take reads the value of one key of the header.
func (h *header) take(s *scanner, key string) error {
	defer func() { s.where = "the header" }()
	if key == metadataKey {
		s.where = "the metadata"
		h.metadata = map[string]string{}
		return s.Object(func(key string) (err error) {
			h.metadata[key], err = s.Text()
			return err
		})
	}
	if len(key) > maxName {
		return checkpoint.Unsafe("a tensor name of %d bytes; %d is the limit", len(key), maxName)
	}
	if len(h.entries) == maxTensors {
		return checkpoint.Unsafe("more than %d tensors", maxTensors)
	}
	s.where = "tensor " + strconv.Quote(key)
	e, err := readEntry(s, key)
	h.entries = append(h.entries, e)
	return err
}

// readEntry reads {"dtype": ..., "shape": ..., "data_offsets": ...}, each exactly once and in any order.
func readEntry(s *scanner, name string) (entry, error) {
	e := entry{name: name}
	fields := 0
	err := s.Object(func(key string) error {
		fields++
		switch key {
		case "dtype":
			return e.readDType(s)
		case "shape":
			return e.readShape(s)
		case "data_offsets":
			return e.readOffsets(s)
		}
		return s.Errorf("unknown field %.100q", key)
	})
	if err == nil && fields != 3 {
		err = s.Errorf("one of dtype, shape and data_offsets is missing")
	}
	return e, err
}

func (e *entry) readDType(s *scanner) error {
	name, err := s.Text()
	if err != nil {
		return err
	}
	dtype, known := parseDType(name)
	if dtype == tensor.Invalid && known {
		return checkpoint.Unsupported("%s has elements of type %s", s.where, name).
			WithHint("cast the weights to float32, float16 or bfloat16 before saving them")
	}
	if dtype == tensor.Invalid {
		return s.Errorf("unknown dtype %.100q", name)
	}
	e.dtype = dtype
	return nil
}

func (e *entry) readShape(s *scanner) error {
	sizes, err := s.Integers(tensor.MaxRank, bits.UintSize)
	if err != nil {
		return err
	}
	e.shape = make(tensor.Shape, len(sizes))
	for i, n := range sizes {
		e.shape[i] = int(n)
	}
	return nil
}

func (e *entry) readOffsets(s *scanner) error {
	offsets, err := s.Integers(2, 64)
	if err != nil {
		return err
	}
	if len(offsets) != 2 {
		return s.Errorf("%d data_offsets instead of 2", len(offsets))
	}
	e.begin, e.end = offsets[0], offsets[1]
	return nil
}

// check sorts the entries by place and makes sure that they cover size bytes exactly.
func (h *header) check(size int64) error {
	slices.SortStableFunc(h.entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end)) // empty tensors share their begin with a neighbour
	})
	at := int64(0)
	for _, e := range h.entries {
		want, err := tensor.View{DType: e.dtype, Shape: e.shape}.Size()
		if err != nil {
			return checkpoint.Malformed("tensor %q of shape %s has more bytes than can be counted", e.name, e.shape)
		}
		if e.begin != at {
			return checkpoint.Malformed("tensor %q begins at %d of the data, where the tensor before it ends at %d", e.name, e.begin, at)
		}
		if e.end < e.begin || e.end-e.begin != want {
			return checkpoint.Malformed("tensor %q is given bytes %d to %d of the data, but %s %s needs %d", e.name, e.begin, e.end, e.dtype, e.shape, want)
		}
		at = e.end
	}
	if at != size {
		return checkpoint.Malformed("the tensors have %d bytes, and %d follow the header", at, size).At(h.end)
	}
	return nil
}

// dtypes are the element types of the format that a tensor can have here, in the order by which the reference writer sorts: safetensors/src/tensor.rs,
// enum Dtype.
var dtypes = []tensor.DType{
	tensor.Bool, tensor.U8, tensor.I8, tensor.I16, tensor.U16, tensor.F16, tensor.BF16,
	tensor.I32, tensor.U32, tensor.F32, tensor.C64, tensor.F64, tensor.I64, tensor.U64,
}

// foreign are the element types of the format that a tensor cannot have here, because they are smaller than a byte or need a separate scale.
var foreign = []string{"F4", "F6_E2M3", "F6_E3M2", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}

// parseDType takes the exact name of an element type. known reports whether the format has it at all.
func parseDType(name string) (dtype tensor.DType, known bool) {
	for _, dtype := range dtypes {
		if dtype.String() == name {
			return dtype, true
		}
	}
	return tensor.Invalid, slices.Contains(foreign, name)
}
