package pickle

import (
	"slices"
	"strings"

	"github.com/nlpodyssey/gopickle/types"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/framework"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Reference reads the persistent ids of PyTorch: it returns the *Storage or the *Global of a class that one refers to. It serves as Options.Persistent.
func Reference(id Value) (Value, error) {
	if class, ok := moduleClass(id); ok {
		return class, nil
	}
	storage, err := storageOf(id)
	if err != nil {
		return nil, err
	}
	return storage, nil
}

// storageOf reads the persistent id of a storage: ("storage", class, key, location, count) in zip archives, with the view or None behind it in
// legacy streams.
func storageOf(id Value) (*Storage, error) {
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
	storage := &Storage{Key: key, Count: count}
	var err error
	if storage.DType, err = storageType(class); err != nil {
		return nil, err
	}
	if storage.DType == tensor.Invalid && class.Name != framework.UntypedStorage {
		storage.Foreign = class.Name
	}
	if len(tuple.Items) == 6 {
		storage.View, err = storageView(tuple.Items[5])
	}
	return storage, err
}

// moduleClass reads the persistent id by which legacy streams refer to the class of a whole module, ("module", class, file, text of the program), and reports
// whether it is one.
func moduleClass(id Value) (*Global, bool) {
	tuple, ok := id.(*Tuple)
	if !ok || len(tuple.Items) != 4 {
		return nil, false
	}
	kind, _ := tuple.Items[0].(string)
	class, isGlobal := tuple.Items[1].(*Global)
	return class, kind == "module" && isGlobal
}

func storageType(class *Global) (tensor.DType, error) {
	dtype := framework.TorchStorageType(class.Name)
	if framework.TorchStorageWidth(class.Name) == 0 || !slices.Contains([]string{"torch", "torch.storage", "torch.cuda"}, class.Module) {
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
func rebuildTensor(l *loader, callable *Global, args []any) (any, error) {
	if len(args) != 4 && len(args) != 6 && len(args) != 7 {
		return nil, badArguments(callable)
	}
	made, err := strided(callable, args)
	if err != nil {
		return nil, err
	}
	if made.DType == tensor.Invalid && made.Storage.Foreign == "" {
		return nil, checkpoint.Malformed("a tensor without dtype over an untyped storage")
	}
	if len(args) == 7 {
		return l.plain(made, args[6])
	}
	return l.plain(made, nil)
}

// rebuildTensorV3 has the dtype as argument 7, then the metadata.
func rebuildTensorV3(l *loader, callable *Global, args []any) (any, error) {
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
		return &opaqueTensor{what: "a tensor of type " + text.Quote(named.String())}, nil
	}
	made.DType = dtype
	if len(args) == 8 {
		return l.plain(made, args[7])
	}
	return l.plain(made, nil)
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

// plain returns a tensor whose elements are what the storage holds. Others cannot be read: those with the flags for conjugate and negative, and those over
// storages of elements that have a scale.
func (l *loader) plain(made *TorchTensor, metadata any) (any, error) {
	entries, ok, err := l.pairs(metadata)
	if err != nil {
		return nil, err
	}
	if metadata != nil && !ok {
		return nil, checkpoint.Malformed("a tensor whose metadata is not a dict")
	}
	if made.Storage.Foreign != "" {
		return &opaqueTensor{what: "a tensor of a " + text.Quote(made.Storage.Foreign)}, nil
	}
	for _, entry := range entries {
		name, _ := textOf(entry.Key)
		if set, isBool := entry.Value.(bool); (name == "conj" || name == "neg") && (!isBool || set) {
			return &opaqueTensor{what: "a tensor with the lazy flag " + text.Quote(name), advice: "call resolve_conj() and resolve_neg() before saving"}, nil
		}
	}
	return made, nil
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

// rebuilding are the modules of the functions that rebuildFromType may be told to call.
var rebuilding = []string{"torch._utils", "torch.nested._internal.nested_tensor"}

// rebuildFromType is _rebuild_from_type_v2(callable, class, arguments, state): a tensor with attributes, or of a class that wraps tensors.
func rebuildFromType(l *loader, callable *Global, args []any) (any, error) {
	if len(args) != 4 {
		return nil, badArguments(callable)
	}
	inner, ok := args[0].(*Global)
	arguments, isTuple := args[2].(*types.Tuple)
	if !ok || !isTuple {
		return nil, badArguments(callable)
	}
	if !slices.Contains(rebuilding, inner.Module) || !inner.known() {
		return nil, inner.forbidden()
	}
	class, isClass := args[1].(*Global)
	made, err := l.call(inner, *arguments)
	if err == nil && isClass && isForeignTensor(class) {
		return foreignTensor(class), nil
	}
	if wrapper, opaque := made.(*opaqueTensor); opaque && isClass && inner.Name == "_rebuild_wrapper_subclass" {
		wrapper.what, wrapper.class, wrapper.args = "a tensor of class "+text.Quote(class.String()), *class, *arguments
		return wrapper, wrapper.setState(l, args[3])
	}
	return made, err
}

// opaqueTensor is a tensor in a form that cannot be read as it is.
type opaqueTensor struct {
	what, advice string
	// class, args and state describe a tensor that wraps others, such as those of torch.distributed.
	class Global
	args  []any
	state any
}

func (t *opaqueTensor) setState(_ *loader, state any) error {
	t.state = state
	return nil
}

var _ stateSetter = (*opaqueTensor)(nil)

// unreadables says in words what functions and classes of PyTorch make that is no plain tensor, and how to make one of it.
var unreadables = map[string]struct{ what, advice string }{
	"_rebuild_qtensor":                       {"a quantised tensor, whose elements have a scale", "call dequantize() before saving, or save the model before it was quantised"},
	"_rebuild_sparse_tensor":                 {"a sparse tensor", "call to_dense() before saving"},
	"_rebuild_sparse_csr_tensor":             {"a sparse tensor", "call to_dense() before saving"},
	"_rebuild_nested_tensor":                 {"a nested tensor", "save the tensors in it one by one"},
	"_rebuild_njt":                           {"a nested tensor", "save the tensors in it one by one"},
	"_rebuild_meta_tensor_no_storage":        {"a tensor without elements (on the device meta)", "load the weights into the model before saving it"},
	"_rebuild_device_tensor_from_numpy":      {"a tensor of another device", "call to(\"cpu\") before saving"},
	"_rebuild_device_tensor_from_cpu_tensor": {"a tensor of another device", "call to(\"cpu\") before saving"},
	"_rebuild_xla_tensor":                    {"a tensor of another device", "call to(\"cpu\") before saving"},
	"UninitializedParameter":                 {"a parameter that has no elements yet", "run the model once, so that its lazy modules get their shapes, and save it then"},
	"UninitializedBuffer":                    {"a buffer that has no elements yet", "run the model once, so that its lazy modules get their shapes, and save it then"},
}

func unreadableTensor(_ *loader, callable *Global, _ []any) (any, error) {
	if known, ok := unreadables[callable.Name]; ok {
		return &opaqueTensor{what: known.what, advice: known.advice}, nil
	}
	return &opaqueTensor{what: "a tensor that " + text.Quote(callable.Name) + " makes"}, nil
}

// isForeignTensor recognises classes whose instances hold tensors that are a part of something else.
func isForeignTensor(class *Global) bool {
	return class.Name == "ShardedTensor" && strings.HasPrefix(class.Module, "torch.distributed.")
}

func foreignTensor(class *Global) *opaqueTensor {
	return &opaqueTensor{
		what:   "a part of a tensor that processes of a training had together (" + text.Quote(class.String()) + ")",
		advice: "save the whole model from one process: FSDP.state_dict_type(model, StateDictType.FULL_STATE_DICT)",
	}
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
