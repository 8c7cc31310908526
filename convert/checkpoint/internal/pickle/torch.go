package pickle

import (
	"slices"

	"github.com/nlpodyssey/gopickle/types"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/framework"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// StorageOf reads the persistent id of a storage: ("storage", class, key, location, count) in zip archives, with the view or None behind it in
// legacy streams. It serves as Options.Persistent.
func StorageOf(id Value) (*Storage, error) {
	tuple, ok := id.(*Tuple)
	if !ok || len(tuple.Items) < 5 || len(tuple.Items) > 6 {
		return nil, checkpoint.Malformed("a persistent id that is not a tuple of 5 or 6 values")
	}
	kind, _ := tuple.Items[0].(string)
	class, isGlobal := tuple.Items[1].(*Global)
	key, isText := tuple.Items[2].(string)
	count, isInt := tuple.Items[4].(int64)
	if kind != "storage" || !isGlobal || !isText || !isInt || count < 0 {
		return nil, checkpoint.Malformed("a persistent id that does not name a storage")
	}
	dtype, err := storageType(class)
	if err != nil {
		return nil, err
	}
	storage := &Storage{Key: key, DType: dtype, Count: count}
	if len(tuple.Items) == 6 {
		storage.View, err = storageView(tuple.Items[5])
	}
	return storage, err
}

func storageType(class *Global) (tensor.DType, error) {
	dtype := framework.TorchStorageType(class.Name)
	if dtype == tensor.Invalid && class.Name != framework.UntypedStorage || !slices.Contains([]string{"torch", "torch.storage", "torch.cuda"}, class.Module) {
		return tensor.Invalid, checkpoint.Unsupported("a storage of type %q", class.String())
	}
	return dtype, nil
}

// storageView reads (view key, offset, count), or None.
func storageView(value Value) (*StorageView, error) {
	if value == nil {
		return nil, nil
	}
	if tuple, ok := value.(*Tuple); ok && len(tuple.Items) == 3 {
		key, isText := tuple.Items[0].(string)
		offset, isOffset := tuple.Items[1].(int64)
		count, isCount := tuple.Items[2].(int64)
		if isText && isOffset && isCount {
			return &StorageView{Key: key, Offset: offset, Count: count}, nil
		}
	}
	return nil, checkpoint.Malformed("a view of a storage that is not a tuple of key, offset and count")
}

// rebuildTensor is _rebuild_tensor(storage, offset, size, stride) and
// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata]).
func rebuildTensor(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) != 4 && len(args) != 6 && len(args) != 7 {
		return nil, badArguments(callable)
	}
	made, err := strided(callable, args)
	if err != nil {
		return nil, err
	}
	if made.DType == tensor.Invalid {
		return nil, checkpoint.Malformed("a tensor without dtype over an untyped storage")
	}
	if len(args) == 7 {
		return made, plain(args[6])
	}
	return made, nil
}

// rebuildTensorV3 has the dtype as argument 7, then the metadata.
func rebuildTensorV3(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) != 7 && len(args) != 8 {
		return nil, badArguments(callable)
	}
	made, err := strided(callable, args)
	if err != nil {
		return nil, err
	}
	named, ok := args[6].(*Global)
	if !ok || named.Module != "torch" {
		return nil, badArguments(callable)
	}
	dtype := framework.TorchType(named.Name)
	if dtype == tensor.Invalid {
		return &opaqueTensor{"a tensor of type " + text.Quote(named.String())}, nil
	}
	made.DType = dtype
	if len(args) == 8 {
		return made, plain(args[7])
	}
	return made, nil
}

func strided(callable *Global, args []any) (*TorchTensor, error) {
	storage, isStorage := args[0].(*Storage)
	offset, isInt := args[1].(int)
	if !isStorage || !isInt || offset < 0 {
		return nil, badArguments(callable)
	}
	shape, err := shapeOf(args[2])
	if err != nil {
		return nil, err
	}
	if _, err := shape.Elements(); err != nil {
		return nil, checkpoint.Malformed("a tensor of shape %s: %s", shape, err)
	}
	steps, err := shapeOf(args[3])
	if err != nil || len(steps) != len(shape) {
		return nil, checkpoint.Malformed("a tensor of shape %s with impossible strides", shape)
	}
	strides := make([]int64, len(steps))
	for i, step := range steps {
		strides[i] = int64(step)
	}
	return &TorchTensor{Storage: storage, DType: storage.DType, Offset: int64(offset), Shape: shape, Strides: strides}, nil
}

// plain refuses metadata by which the elements are not what the storage holds: the flags for conjugate and negative.
func plain(metadata any) error {
	entries, ok := pairs(metadata)
	if metadata != nil && !ok {
		return checkpoint.Malformed("a tensor whose metadata is not a dict")
	}
	for _, entry := range entries {
		name, _ := textOf(entry.Key)
		if set, isBool := entry.Value.(bool); (name == "conj" || name == "neg") && (!isBool || set) {
			return checkpoint.Unsupported("a tensor with the lazy flag %q", name).WithHint("call resolve_conj() and resolve_neg() before saving")
		}
	}
	return nil
}

// rebuildParameter is _rebuild_parameter(tensor, requires_grad, hooks[, state]).
func rebuildParameter(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) != 3 && len(args) != 4 {
		return nil, badArguments(callable)
	}
	switch made := args[0].(type) {
	case *TorchTensor, *opaqueTensor:
		return made, nil
	}
	return nil, badArguments(callable)
}

// rebuilders are what rebuildFromType may be told to call.
var rebuilders = []string{"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter", "_rebuild_parameter_with_state"}

// rebuildFromType is _rebuild_from_type_v2(callable, class, arguments, state): a tensor with attributes.
func rebuildFromType(l *loader, callable *Global, args []any) (any, error) {
	if len(args) != 4 {
		return nil, badArguments(callable)
	}
	inner, ok := args[0].(*Global)
	arguments, isTuple := args[2].(*types.Tuple)
	if !ok || !isTuple {
		return nil, badArguments(callable)
	}
	if inner.Module != "torch._utils" || !slices.Contains(rebuilders, inner.Name) {
		return nil, inner.forbidden()
	}
	return l.call(inner, *arguments)
}

// opaqueTensor is a tensor in a form that cannot be read.
type opaqueTensor struct{ what string }

func (t *opaqueTensor) setState(*loader, any) error { return nil }

var _ stateSetter = (*opaqueTensor)(nil)

func unreadableTensor(_ *loader, callable *Global, _ []any) (any, error) {
	return &opaqueTensor{"a tensor that " + text.Quote(callable.Name) + " makes"}, nil
}

// shapeOf reads a tuple of sizes.
func shapeOf(value any) (tensor.Shape, error) {
	items, ok := itemsOf(value)
	if !ok || len(items) > tensor.MaxRank {
		return nil, checkpoint.Malformed("a shape that is not a tuple of at most %d sizes", tensor.MaxRank)
	}
	shape := make(tensor.Shape, len(items))
	for i, item := range items {
		size, isInt := item.(int)
		if !isInt || size < 0 {
			return nil, checkpoint.Malformed("a shape with a size that is not a positive number")
		}
		shape[i] = size
	}
	return shape, nil
}
