package pytorch

import (
	"math"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/archive"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/statedict"
	"github.com/beitzoo/beitzoo/tensor"
)

// storages hold the elements of a file. Each tensor is a window of one; several may share it.
type storages struct {
	keys  []string // in the order in which the pickle names them
	known map[string]*pickle.Storage
	data  map[string]tensor.Data
	// big says that elements are big-endian.
	big bool
	// unpacking counts what has to be unpacked to read every tensor once. The files of a folder share it.
	unpacking *unpacking
}

// unpacking counts bytes that have to be unpacked; more than limit are refused.
type unpacking struct{ used, limit int64 }

// mostOf bounds what the tensors of files of so many bytes may sum up to: a stored byte can serve many.
func mostOf(size int64) int64 { return 4*size + 1<<30 }

func (u *unpacking) charge(size int64) error {
	if size > u.limit-u.used {
		return checkpoint.Unsafe("reading all parameters would unpack more than %d bytes", u.limit).
			WithHint("load the file in PyTorch and save it again: torch.save does not pack")
	}
	u.used += size
	return nil
}

func newStorages(big bool) *storages {
	return &storages{known: map[string]*pickle.Storage{}, data: map[string]tensor.Data{}, big: big, unpacking: &unpacking{}}
}

// persistent answers the pickle's persistent ids. A key must mean the same storage each time.
func (s *storages) persistent(id pickle.Value) (pickle.Value, error) {
	reference, err := pickle.Reference(id)
	storage, isStorage := reference.(*pickle.Storage)
	if err != nil || !isStorage {
		return reference, err
	}
	if storage.Count > math.MaxInt64/storage.Width() {
		return nil, checkpoint.Malformed("the storage %.200q has %d elements, more than can be counted", storage.Key, storage.Count)
	}
	known, ok := s.known[storage.Key]
	if !ok {
		s.keys = append(s.keys, storage.Key)
		s.known[storage.Key] = storage
	} else if known.DType != storage.DType || known.Foreign != storage.Foreign || known.Count != storage.Count {
		return nil, checkpoint.Malformed("the storage %.200q is used with two types or sizes", storage.Key)
	}
	return storage, nil
}

// size returns the size of a known storage, in bytes.
func (s *storages) size(key string) int64 {
	known := s.known[key]
	return known.Count * known.Width()
}

// checkpoint selects the state dict in the loaded object and connects its tensors with their data.
func (s *storages) checkpoint(object *pickle.Document, fileSize int64, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
	found, err := statedict.Choose(object.Root, statedict.Options{Select: options.Select, FileSize: fileSize})
	if err != nil {
		return nil, err
	}
	s.unpacking.limit = mostOf(fileSize)
	opened := &checkpoint.Checkpoint{
		Wrapper: found.Wrapper, Class: found.Class, Modules: found.Modules, Reason: found.Reason, Others: found.Others, Heads: found.Heads, Stated: found.Stated,
		Notes: append(found.Notes, object.Notes()...),
	}
	if opened.Tensors, err = s.views(found.Tensors); err != nil {
		return nil, err
	}
	opened.Unsaved, err = s.views(found.Unsaved)
	return opened, err
}

// views makes tensors of their descriptions in the pickle.
func (s *storages) views(found []statedict.Tensor) ([]tensor.Named, error) {
	tensors := make([]tensor.Named, len(found))
	for i, t := range found {
		view, err := s.view(t)
		if err != nil {
			return nil, err
		}
		tensors[i] = tensor.Named{Name: t.Name, View: view}
	}
	return tensors, nil
}

// view makes a tensor of its description in the pickle.
func (s *storages) view(t statedict.Tensor) (tensor.View, error) {
	switch value := t.Value.(type) {
	case *pickle.Array: // a NumPy array among the tensors
		return value.View, nil
	case *pickle.TorchTensor:
		return s.window(t.Name, value)
	}
	return tensor.View{}, checkpoint.Unsupported("parameter %.200q is not a tensor", t.Name)
}

// window checks that all elements of a tensor lie in its storage, and makes a view of them.
func (s *storages) window(name string, t *pickle.TorchTensor) (tensor.View, error) {
	source, size, err := s.source(t.Storage)
	if err != nil {
		return tensor.View{}, checkpoint.Malformed("parameter %.200q: %s", name, err.Reason)
	}
	width := t.DType.Size()
	strided := tensor.Strided{Storage: source, Width: width, Offset: t.Offset, Strides: t.Strides, Shape: t.Shape}
	if err := strided.Check(size / int64(width)); err != nil {
		return tensor.View{}, checkpoint.Malformed("parameter %.200q of shape %s reaches beyond its storage of %d elements", name, t.Shape, size/int64(width))
	}
	view := tensor.View{DType: t.DType, Shape: t.Shape, Data: strided}
	if whole, err := view.Size(); err == nil && whole == size && strided.Contiguous() {
		view.Data = source
	} else if err := s.charge(source, size); err != nil {
		return tensor.View{}, err
	}
	if s.big && swapWidth(t.DType) > 1 {
		view.Data = tensor.Swapped{Data: view.Data, Width: swapWidth(t.DType)}
	}
	return view, nil
}

// charge counts what it costs to read a part of a packed storage: unpacking all of it, each time. A stored one costs nothing.
func (s *storages) charge(source tensor.Data, size int64) error {
	record, ok := source.(*archive.Record)
	if !ok || record.Stored() {
		return nil
	}
	return s.unpacking.charge(size)
}

// source returns the bytes of a storage, or of the part of one that PyTorch before 0.4 could name, and their number.
func (s *storages) source(storage *pickle.Storage) (tensor.Data, int64, *checkpoint.Error) {
	data, ok := s.data[storage.Key]
	if !ok {
		return nil, 0, checkpoint.Malformed("its storage %.200q is missing", storage.Key)
	}
	part := storage.View
	if part == nil {
		return data, s.size(storage.Key), nil
	}
	if part.Offset < 0 || part.Count < 0 || part.Offset > storage.Count-part.Count {
		return nil, 0, checkpoint.Malformed("%d elements from %d on of a storage of %d", part.Count, part.Offset, storage.Count)
	}
	if part.Count > math.MaxInt {
		return nil, 0, checkpoint.Malformed("a part of %d elements", part.Count)
	}
	width := int(storage.Width())
	window := tensor.Strided{Storage: data, Width: width, Offset: part.Offset, Strides: []int64{1}, Shape: tensor.Shape{int(part.Count)}}
	return window, part.Count * storage.Width(), nil
}

// swapWidth returns the number of bytes of which the order is reversed: a complex number is two numbers.
func swapWidth(dtype tensor.DType) int {
	if dtype == tensor.C64 || dtype == tensor.C128 {
		return dtype.Size() / 2
	}
	return dtype.Size()
}
