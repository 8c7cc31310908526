package pytorch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/archive"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

const (
	// writtenFolder is the folder in the archive. PyTorch takes the file's name; a fixed one makes the bytes independent of it.
	writtenFolder = "archive/"
	// writtenFormat is the version of the archive that PyTorch has written since 1.6.
	writtenFormat = "3\n"
	// maxName bounds parameter names in bytes: the reader takes longer texts for data.
	maxName = 255
)

// classes are the names of storage classes, which say the element type; types are the dtypes that came after them and need _rebuild_tensor_v3.
var (
	classes = map[tensor.DType]string{
		tensor.F32: "FloatStorage", tensor.F64: "DoubleStorage", tensor.F16: "HalfStorage", tensor.BF16: "BFloat16Storage",
		tensor.I8: "CharStorage", tensor.U8: "ByteStorage", tensor.Bool: "BoolStorage",
		tensor.I16: "ShortStorage", tensor.I32: "IntStorage", tensor.I64: "LongStorage",
		tensor.C64: "ComplexFloatStorage", tensor.C128: "ComplexDoubleStorage",
	}
	types = map[tensor.DType]string{tensor.U16: "uint16", tensor.U32: "uint32", tensor.U64: "uint64"}
)

// Options say how a state dict is written.
type Options struct {
	// Wrapper is the key under which the state dict lies in an outer dict, such as "model" for unilm's programs. Empty means that the
	// file holds the state dict itself, as timm and Hugging Face have it.
	Wrapper string
}

// Layout plans a file of the given tensors, in their order, for output.Write; their Data is read only then. The same tensors give the same
// bytes. The file is a zip archive that torch.load accepts with weights_only=True and can map into memory. The error lists every tensor
// that cannot be written.
func Layout(tensors []tensor.Named, options Options) ([]output.Part, error) {
	plans, err := plan(tensors)
	if err != nil {
		return nil, err
	}
	if len(options.Wrapper) > maxName || !utf8.ValidString(options.Wrapper) {
		return nil, fmt.Errorf("%.300q cannot be the key of a state dict", options.Wrapper)
	}
	files := []archive.File{
		archive.Text(writtenFolder+objectRecord, object(plans, options.Wrapper)),
		archive.Text(writtenFolder+byteOrderRecord, []byte("little")),
	}
	for i, t := range plans {
		files = append(files, archive.File{Name: writtenFolder + dataFolder + strconv.Itoa(i), Size: t.size, Data: t.Data})
	}
	return archive.Layout(append(files, archive.Text(writtenFolder+versionRecord, []byte(writtenFormat))))
}

// object is the pickle of the state dict.
func object(plans []planned, wrapper string) []byte {
	p := newPickler()
	if wrapper != "" {
		p.op(opEmptyDict)
		p.text(wrapper)
	}
	p.orderedDict()
	p.op(opMark)
	for i, t := range plans {
		p.text(t.Name)
		p.tensor(t, i)
	}
	p.op(opSetItems)
	if wrapper != "" {
		p.op(opSetItem)
	}
	p.op(opStop)
	return p.raw
}

// planned is a tensor with what its description in the pickle needs.
type planned struct {
	tensor.Named
	// class is the storage class, or the dtype where there is none.
	class          string
	elements, size int64
}

// legacy tells whether the element type has a storage class of its own.
func (t planned) legacy() bool { return classes[t.DType] != "" }

func (t planned) sizes() []int64 {
	sizes := make([]int64, len(t.Shape))
	for i, n := range t.Shape {
		sizes[i] = int64(n)
	}
	return sizes
}

// strides are those of row-major order, as PyTorch computes them: an empty dimension counts as one.
func (t planned) strides() []int64 {
	strides := make([]int64, len(t.Shape))
	step := int64(1)
	for i := len(t.Shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= int64(max(1, t.Shape[i]))
	}
	return strides
}

// plan checks the tensors and reports all problems together.
func plan(tensors []tensor.Named) ([]planned, error) {
	plans := make([]planned, len(tensors))
	var problems []error
	count := map[string]int{}
	for i, t := range tensors {
		made, err := planOne(t)
		plans[i] = made
		problems = append(problems, err)
		count[t.Name]++
	}
	for _, name := range slices.Sorted(maps.Keys(count)) {
		if count[name] > 1 {
			problems = append(problems, fmt.Errorf("tensor %.300q: %d tensors have this name", name, count[name]))
		}
	}
	return plans, errors.Join(problems...)
}

func planOne(t tensor.Named) (planned, error) {
	class := classes[t.DType] + types[t.DType]
	switch {
	case t.Name == "" || len(t.Name) > maxName || !utf8.ValidString(t.Name) || strings.ContainsRune(t.Name, 0):
		return planned{}, fmt.Errorf("tensor %.300q: a name must be text of 1 to %d bytes", t.Name, maxName)
	case class == "":
		return planned{}, fmt.Errorf("tensor %q: PyTorch has no element type %s", t.Name, t.DType)
	}
	size, err := t.Size()
	if err != nil {
		return planned{}, fmt.Errorf("tensor %q of shape %s: %w", t.Name, t.Shape, err)
	}
	return planned{Named: t, class: class, elements: size / int64(t.DType.Size()), size: size}, nil
}
