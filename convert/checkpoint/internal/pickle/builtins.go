package pickle

import (
	"slices"

	"github.com/nlpodyssey/gopickle/types"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/framework"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// sequence is tuple(items), list(items), set(items) or torch.Size(items).
func sequence(l *loader, class *Global, args []any) (any, error) {
	var items []any
	if len(args) > 0 {
		given, ok := itemsOf(args[0])
		if !ok || len(args) > 1 {
			return nil, badArguments(class)
		}
		if err := l.charge(len(given)); err != nil {
			return nil, err
		}
		items = slices.Clone(given)
	}
	if class.Name == "list" {
		return types.NewListFromSlice(items), nil
	}
	if class.Name == "set" || class.Name == "frozenset" {
		return types.NewListFromSlice(items), nil
	}
	return types.NewTupleFromSlice(items), nil
}

// scalar is int(x), float(x), bool(x) or str(x) of a value that is one already.
func scalar(_ *loader, class *Global, args []any) (any, error) {
	if len(args) == 1 {
		switch args[0].(type) {
		case int, float64, bool, string, rawString:
			return args[0], nil
		}
	}
	return nil, badArguments(class)
}

// byteString is bytes() or bytearray(), of nothing, of bytes, or of (text, "latin-1") as protocol 2 has it.
func byteString(l *loader, class *Global, args []any) (any, error) {
	switch len(args) {
	case 0:
		return []byte{}, nil
	case 1:
		switch args[0].(type) {
		case []byte, *types.ByteArray, *Blob, *latin1Blob:
			return args[0], nil
		}
	case 2:
		return encode(l, class, args)
	}
	return nil, badArguments(class)
}

// encode is _codecs.encode(text, "latin1"): how protocol 2 holds bytes. Long texts are decoded when they are read.
func encode(_ *loader, class *Global, args []any) (any, error) {
	if len(args) != 2 {
		return nil, badArguments(class)
	}
	encoding, _ := textOf(args[1])
	if !slices.Contains([]string{"latin1", "latin-1", "iso-8859-1"}, encoding) {
		return nil, checkpoint.Unsupported("text in the encoding %q", encoding)
	}
	switch text := args[0].(type) {
	case *Blob:
		if text.Kind == KindText {
			return &latin1Blob{*text}, nil
		}
	case string:
		return encodeLatin1(text)
	}
	return nil, badArguments(class)
}

func encodeLatin1(text string) (any, error) {
	encoded := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return nil, checkpoint.Malformed("bytes in the form of text hold a character beyond latin1")
		}
		encoded = append(encoded, byte(r))
	}
	return encoded, nil
}

// latin1Blob is a Blob of text whose characters are bytes.
type latin1Blob struct{ Blob }

// denseTensor is the one expression that Paddle hands to eval: ("data", {"data": array}).
func denseTensor(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) != 2 {
		return nil, callable.forbidden()
	}
	expression, _ := textOf(args[0])
	variables, ok := args[1].(*types.Dict)
	if expression != "data" || !ok || variables.Len() != 1 {
		return nil, callable.forbidden()
	}
	entry := (*variables)[0]
	name, _ := textOf(entry.Key)
	array, ok := entry.Value.(*array)
	if name != "data" || !ok {
		return nil, callable.forbidden()
	}
	return array, nil
}

// onlyArray is a call whose result is its only argument.
func onlyArray(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) == 1 {
		if array, ok := args[0].(*array); ok {
			return array, nil
		}
	}
	return nil, badArguments(callable)
}

// paddleTensor is _rebuild_tensor(array, dtype, place, requires_grad), by which the tensors of a pickled nn.Layer are saved (Paddle's
// base/dygraph/math_op_patch.py). Bfloat16 travels as unsigned 16-bit integers.
func paddleTensor(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) != 4 {
		return nil, badArguments(callable)
	}
	made, isArray := args[0].(*array)
	name, isText := textOf(args[1])
	if !isArray || !isText {
		return nil, badArguments(callable)
	}
	named := framework.TorchType(name)
	if made.unreadable == "" && (named == tensor.Invalid || named != made.view.DType && (named != tensor.BF16 || made.view.DType != tensor.U16)) {
		return &opaqueTensor{what: "a tensor of type " + text.Quote(name)}, nil
	}
	return made, nil
}

// attribute is getattr(class, text), by which members of an enumeration and classes in a class are saved, or getattr(object, text), by which methods are.
// Of a class, it is a name, which can be called only if it is that of a class again; of an object, it can't be called.
func attribute(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) != 2 {
		return nil, badArguments(callable)
	}
	name, isText := textOf(args[1])
	if !isText {
		return nil, callable.forbidden()
	}
	owner, ok := args[0].(*Global)
	if !ok {
		return &object{class: *callable, args: args[1:]}, nil
	}
	if owner.dangerous() {
		return nil, owner.forbidden()
	}
	made, err := newGlobal(owner.Module, owner.Name+"."+name)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// bound is a call whose first argument is a function or class that somebody might call later, such as functools.partial(class). It must not be one that acts
// on the machine.
func bound(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) == 0 {
		return nil, badArguments(callable)
	}
	if inner, ok := args[0].(*Global); ok && inner.dangerous() && !inner.known() && !inner.plain() {
		return nil, inner.forbidden()
	}
	return &object{class: *callable, args: args}, nil
}

// applied is a call whose first argument is a function that it calls, such as map(function, items). The function must be a harmless one itself.
func applied(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) == 0 {
		return nil, badArguments(callable)
	}
	inner, ok := args[0].(*Global)
	if !ok {
		return nil, callable.forbidden()
	}
	if !inner.known() && !inner.plain() && !inner.harmless() {
		return nil, inner.forbidden()
	}
	return &object{class: *callable, args: args}, nil
}

// typeOf is type(None) and the like, which names a class. With more arguments, it would make one.
func typeOf(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) != 1 {
		return nil, callable.forbidden()
	}
	return &object{class: *callable, args: args}, nil
}

// newByFunction is copyreg.__newobj__(class, arguments...): NEWOBJ of protocols that have no such opcode.
func newByFunction(l *loader, callable *Global, args []any) (any, error) {
	if len(args) == 0 {
		return nil, badArguments(callable)
	}
	class, ok := args[0].(*Global)
	if !ok {
		return nil, badArguments(callable)
	}
	return l.newInstance(class, args[1:])
}

// reconstruct is copyreg._reconstructor(class, base, state): how protocols 0 and 1 make objects.
func reconstruct(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) == 3 {
		if class, ok := args[0].(*Global); ok {
			return inertClass(class, args[2])
		}
	}
	return nil, badArguments(callable)
}
