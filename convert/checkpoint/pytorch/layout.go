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
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/framework"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickler"
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

// Options say how a state dict is written.
type Options struct {
	// Wrapper is the key under which the state dict lies in an outer dict, such as "model" for unilm's programs. Empty means that the
	// file holds the state dict itself, as timm and Hugging Face have it.
	Wrapper string
	// Classes are names of classes, and Palette their colours, red, green and blue. They are written beside a state dict with a wrapper, in meta, as mmcv keeps them.
	Classes []string
	Palette [][3]int
}

// Layout plans a file of the given tensors, in their order, for output.Write; their Data is read only then. The same tensors make the same
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
		archive.Text(writtenFolder+objectRecord, object(plans, options)),
		archive.Text(writtenFolder+byteOrderRecord, []byte("little")),
	}
	for i, t := range plans {
		files = append(files, archive.File{Name: writtenFolder + dataFolder + strconv.Itoa(i), Size: t.size, Data: t.Data})
	}
	return archive.Layout(append(files, archive.Text(writtenFolder+versionRecord, []byte(writtenFormat))))
}

// object returns the pickle of the state dict. torch.load with weights_only=True accepts the opcodes in it, and few others.
func object(plans []tensorPlan, options Options) []byte {
	w := &writer{pickler.New(2)}
	wrapper := options.Wrapper
	if wrapper != "" {
		w.Op(opcode.EmptyDict)
		w.meta(options)
		w.Text(wrapper)
	}
	w.orderedDict()
	w.Op(opcode.Mark)
	for i, t := range plans {
		w.Text(t.Name)
		w.tensor(t, i)
	}
	w.Op(opcode.SetItems)
	if wrapper != "" {
		w.Op(opcode.SetItem)
	}
	w.Op(opcode.Stop)
	return w.Cut()
}

// tensorPlan is a tensor with what its description in the pickle needs.
type tensorPlan struct {
	tensor.Named
	// class is the class of storages, or "" for dtypes that came after them and need _rebuild_tensor_v3.
	class          string
	elements, size int64
}

// strides returns those of row-major order, as PyTorch computes them: an empty dimension counts as one.
func (t tensorPlan) strides() []int64 {
	strides := make([]int64, len(t.Shape))
	step := int64(1)
	for i := len(t.Shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= int64(max(1, t.Shape[i]))
	}
	return strides
}

// plan checks the tensors and reports all problems together.
func plan(tensors []tensor.Named) ([]tensorPlan, error) {
	plans := make([]tensorPlan, len(tensors))
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

func planOne(t tensor.Named) (tensorPlan, error) {
	switch {
	case t.Name == "" || len(t.Name) > maxName || !utf8.ValidString(t.Name) || strings.ContainsRune(t.Name, 0):
		return tensorPlan{}, fmt.Errorf("tensor %.300q: a name must be text of 1 to %d bytes", t.Name, maxName)
	case framework.TorchName(t.DType) == "":
		return tensorPlan{}, fmt.Errorf("tensor %q: PyTorch has no element type %s", t.Name, t.DType)
	}
	size, err := t.Size()
	if err != nil {
		return tensorPlan{}, fmt.Errorf("tensor %q of shape %s: %w", t.Name, t.Shape, err)
	}
	return tensorPlan{Named: t, class: framework.TorchStorage(t.DType), elements: size / int64(t.DType.Size()), size: size}, nil
}

// writer adds tensors to a pickle.
type writer struct{ *pickler.Writer }

// orderedDict leaves an empty collections.OrderedDict on the stack.
func (w *writer) orderedDict() {
	w.Global("collections", "OrderedDict")
	w.Op(opcode.EmptyTuple, opcode.Reduce)
}

// meta sets the entry meta of the dict on the stack to one with names and colours of classes, if there are any.
func (w *writer) meta(options Options) {
	if len(options.Classes)+len(options.Palette) == 0 {
		return
	}
	w.Text("meta")
	w.Op(opcode.EmptyDict)
	if len(options.Classes) > 0 {
		w.Text("CLASSES")
		w.Op(opcode.EmptyList, opcode.Mark)
		for _, name := range options.Classes {
			w.Text(name)
		}
		w.Op(opcode.Appends, opcode.SetItem)
	}
	if len(options.Palette) > 0 {
		w.Text("PALETTE")
		w.Op(opcode.EmptyList, opcode.Mark)
		for _, colour := range options.Palette {
			w.Op(opcode.EmptyList, opcode.Mark)
			for _, value := range colour {
				w.Int(int64(value))
			}
			w.Op(opcode.Appends)
		}
		w.Op(opcode.Appends, opcode.SetItem)
	}
	w.Op(opcode.SetItem)
}

// tensor writes the call that rebuilds a contiguous tensor over a storage of its own, which is record number key.
func (w *writer) tensor(t tensorPlan, key int) {
	if t.class != "" {
		w.Global("torch._utils", "_rebuild_tensor_v2")
	} else {
		w.Global("torch._utils", "_rebuild_tensor_v3")
	}
	w.Op(opcode.Mark)
	w.storage(t, key)
	w.Int(0)
	w.Op(opcode.Mark)
	for _, n := range t.Shape {
		w.Int(int64(n))
	}
	w.Op(opcode.Tuple, opcode.Mark)
	for _, n := range t.strides() {
		w.Int(n)
	}
	w.Op(opcode.Tuple, opcode.NewFalse)
	w.orderedDict()
	if t.class == "" {
		w.Global("torch", framework.TorchName(t.DType))
	}
	w.Op(opcode.Tuple, opcode.Reduce)
}

// storage writes the persistent id of a storage. A storage with a class counts elements, an untyped one bytes.
func (w *writer) storage(t tensorPlan, key int) {
	w.Op(opcode.Mark)
	w.Once("storage", func() { w.Text("storage") })
	count := t.elements
	if t.class != "" {
		w.Global("torch", t.class)
	} else {
		w.Global("torch.storage", framework.UntypedStorage)
		count = t.size
	}
	w.Text(strconv.Itoa(key))
	w.Once("cpu", func() { w.Text("cpu") })
	w.Int(count)
	w.Op(opcode.Tuple, opcode.BinPersID)
}
