package pickle

import (
	"math/big"

	"github.com/nlpodyssey/gopickle/types"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

const (
	// maxDepth is how deeply values may be nested. State dicts need 4.
	maxDepth = 100
	// maxNodes bounds the number of values; the scanner's limits keep it lower in practice.
	maxNodes = 2_000_000
)

// tree converts what the machine made into values of this package, each once.
type tree struct {
	*loader
	done   map[any]Value
	inside map[any]bool
}

func (l *loader) convert(raw any) (Value, error) {
	t := &tree{loader: l, done: map[any]Value{}, inside: map[any]bool{}}
	return t.value(raw, 0)
}

// value converts one value. Containers that contain themselves, and values that are nested too deeply, become Opaque.
func (t *tree) value(raw any, depth int) (Value, error) {
	if t.values++; t.values > maxNodes {
		return nil, checkpoint.Unsafe("more than %d values", maxNodes)
	}
	switch raw := raw.(type) {
	case nil, bool, float64, string, *big.Int, []byte, *Global, *Storage, *TorchTensor:
		return raw, nil
	case int:
		return int64(raw), nil
	case rawString:
		text, _ := textOf(raw)
		return text, nil
	case *types.ByteArray:
		return []byte(*raw), nil
	case *Blob:
		return &Opaque{What: kindNames[raw.Kind], Length: raw.Length}, nil
	case *latin1Blob:
		return &Opaque{What: kindNames[KindBytes], Length: raw.Length}, nil
	case *dtype:
		return &Record{Class: Global{"numpy", "dtype"}, Args: []Value{raw.code}}, nil
	}
	return t.once(raw, depth)
}

// once converts a value that may be shared by several others.
func (t *tree) once(raw any, depth int) (Value, error) {
	if done, ok := t.done[raw]; ok {
		return done, nil
	}
	if t.inside[raw] {
		return &Opaque{What: "a value that contains itself"}, nil
	}
	if depth > maxDepth {
		return &Opaque{What: "a value that is nested too deeply"}, nil
	}
	t.inside[raw] = true
	made, err := t.container(raw, depth+1)
	delete(t.inside, raw)
	if err == nil && made != nil {
		t.done[raw] = made
	}
	return made, err
}

func (t *tree) container(raw any, depth int) (Value, error) {
	switch raw := raw.(type) {
	case *types.Dict:
		return t.dict(*raw, depth)
	case *types.List:
		items, err := t.items(*raw, depth)
		return &List{Items: items}, err
	case *types.Tuple:
		items, err := t.items(*raw, depth)
		return &Tuple{Items: items}, err
	case *array:
		return convertArray(raw)
	case *opaqueTensor:
		return t.opaque(raw, depth)
	case *object:
		return t.object(raw, depth)
	}
	return nil, checkpoint.Malformed("a value of an unexpected kind")
}

func (t *tree) items(raw []any, depth int) ([]Value, error) {
	items := make([]Value, len(raw))
	for i, item := range raw {
		made, err := t.value(item, depth)
		if err != nil {
			return nil, err
		}
		items[i] = made
	}
	return items, nil
}

// arguments converts those of a call. Many calls can have the same tuple of arguments.
func (t *tree) arguments(raw []any, depth int) ([]Value, error) {
	if err := t.charge(len(raw)); err != nil {
		return nil, err
	}
	return t.items(raw, depth)
}

func (t *tree) entries(raw types.Dict, depth int) ([]Entry, error) {
	entries := make([]Entry, len(raw))
	for i, entry := range raw {
		if _, long := entry.Key.(*Blob); long {
			return nil, checkpoint.Malformed("a key of %d bytes or more", threshold)
		}
		key, err := t.value(entry.Key, depth)
		if err != nil {
			return nil, err
		}
		value, err := t.value(entry.Value, depth)
		if err != nil {
			return nil, err
		}
		entries[i] = Entry{key, value}
	}
	return entries, nil
}

func (t *tree) dict(raw types.Dict, depth int) (*Dict, error) {
	entries, err := t.entries(raw, depth)
	if err != nil {
		return nil, err
	}
	d := &Dict{}
	return d, d.Reset(entries)
}

func (t *tree) object(raw *object, depth int) (Value, error) {
	if raw.isDict {
		return t.dict(raw.entries, depth)
	}
	made := &Record{Class: raw.class}
	var err error
	if made.Args, err = t.arguments(raw.args, depth); err != nil {
		return nil, err
	}
	if made.State, err = t.value(raw.state, depth); err != nil {
		return nil, err
	}
	if made.Items, err = t.items(raw.items, depth); err != nil {
		return nil, err
	}
	made.Entries, err = t.entries(raw.entries, depth)
	return made, err
}

func (t *tree) opaque(raw *opaqueTensor, depth int) (Value, error) {
	made := &Opaque{What: raw.what, Advice: raw.advice, Tensor: true}
	if raw.class == (Global{}) {
		return made, nil
	}
	made.Inner = &Record{Class: raw.class}
	var err error
	if made.Inner.Args, err = t.arguments(raw.args, depth); err != nil {
		return nil, err
	}
	made.Inner.State, err = t.value(raw.state, depth)
	return made, err
}

func convertArray(raw *array) (Value, error) {
	switch {
	case raw.unreadable != "":
		return &Opaque{What: raw.unreadable, Tensor: true}, nil
	case !raw.filled:
		return nil, checkpoint.Malformed("a NumPy array without content")
	}
	return &Array{View: raw.view}, nil
}
