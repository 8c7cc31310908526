package paddle

import (
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/tensor"
)

const (
	// nameTable maps structured names to parameter names; it is not a parameter.
	nameTable = "StructuredToParameterName@@"
	// sliceTable lists arrays that were cut into slices of 1 GiB, because protocols 2 and 3 can't hold longer ones.
	sliceTable = "UnpackBigParamInfor@@"
	// maxSlices bounds how many slices all tables may name.
	maxSlices = 100_000
)

// tidy removes Paddle's two tables from every dict, and joins the slices of parameters that were cut.
func tidy(root pickle.Value) error {
	return (&tidier{seen: map[*pickle.Dict]bool{}}).walk(root)
}

// tidier walks through dicts, and through each once, as dicts can be shared.
type tidier struct {
	seen   map[*pickle.Dict]bool
	slices int
}

func (t *tidier) walk(value pickle.Value) error {
	dict, ok := value.(*pickle.Dict)
	if !ok || t.seen[dict] {
		return nil
	}
	t.seen[dict] = true
	if err := t.tidy(dict); err != nil {
		return err
	}
	for _, entry := range dict.Entries {
		if err := t.walk(entry.Value); err != nil {
			return err
		}
	}
	return nil
}

func (t *tidier) tidy(dict *pickle.Dict) error {
	names, _ := dict.Get(nameTable)
	_, hasNames := names.(*pickle.Dict)
	cut, hasSlices := dict.Get(sliceTable)
	if !hasNames && !hasSlices {
		return nil
	}
	j := joiner{dict: dict, used: map[string]bool{nameTable: hasNames, sliceTable: hasSlices}}
	if hasSlices {
		if err := j.join(cut); err != nil {
			return err
		}
	}
	if t.slices += len(j.used); t.slices > maxSlices {
		return checkpoint.Unsafe("more than %d slices of parameters", maxSlices)
	}
	kept := slices.DeleteFunc(slices.Clone(dict.Entries), func(entry pickle.Entry) bool {
		key, isText := entry.Key.(string)
		return isText && j.used[key]
	})
	return dict.Reset(append(kept, j.joined...))
}

// joiner puts the arrays of one dict together.
type joiner struct {
	dict   *pickle.Dict
	used   map[string]bool
	joined []pickle.Entry
}

func (j *joiner) join(cut pickle.Value) error {
	table, ok := cut.(*pickle.Dict)
	if !ok {
		return checkpoint.Malformed("%q is not a dict", sliceTable)
	}
	for _, entry := range table.Entries {
		name, ok := entry.Key.(string)
		if !ok {
			return checkpoint.Malformed("%q has a key that is not a text", sliceTable)
		}
		whole, err := j.whole(name, entry.Value)
		if err != nil {
			return err
		}
		j.joined = append(j.joined, pickle.Entry{Key: name, Value: whole})
	}
	return nil
}

// whole joins the slices of a parameter.
func (j *joiner) whole(name string, info pickle.Value) (*pickle.Array, error) {
	shape, parts, err := sliceInfo(name, info)
	if err != nil {
		return nil, err
	}
	var data tensor.Joined
	var dtype tensor.DType
	var elements int64
	for _, part := range parts {
		slice, err := j.take(name, part)
		if err != nil {
			return nil, err
		}
		if len(data) > 0 && slice.DType != dtype {
			return nil, checkpoint.Malformed("the slices of parameter %q differ in type", name)
		}
		dtype = slice.DType
		data = append(data, slice.Data)
		elements += int64(slice.Shape[0])
	}
	if want, err := shape.Elements(); err != nil || want != elements {
		return nil, checkpoint.Malformed("the slices of parameter %q have %d elements together, which does not fill its shape %s", name, elements, shape)
	}
	return &pickle.Array{View: tensor.View{DType: dtype, Shape: shape, Data: data}}, nil
}

// take returns a slice of parameter name. Each slice may be used once.
func (j *joiner) take(name, part string) (*pickle.Array, error) {
	value, _ := j.dict.Get(part)
	slice, isArray := value.(*pickle.Array)
	if !isArray || len(slice.Shape) != 1 || j.used[part] {
		return nil, checkpoint.Malformed("parameter %q needs the slice %q, which is missing, taken, or not an array of one dimension", name, part)
	}
	j.used[part] = true
	return slice, nil
}

// sliceInfo reads {"OriginShape": sizes, "slices": names}.
func sliceInfo(name string, value pickle.Value) (tensor.Shape, []string, error) {
	info, ok := value.(*pickle.Dict)
	if !ok {
		return nil, nil, checkpoint.Malformed("parameter %q is cut into slices, but its entry is not a dict", name)
	}
	sizes, _ := info.Get("OriginShape")
	names, _ := info.Get("slices")
	shape, shapeErr := itemsOf[int64](sizes)
	parts, partsErr := itemsOf[string](names)
	if shapeErr != nil || partsErr != nil || len(shape) > tensor.MaxRank || len(parts) == 0 {
		return nil, nil, checkpoint.Malformed("parameter %q is cut into slices, but its shape or their names are missing", name)
	}
	whole := make(tensor.Shape, len(shape))
	for i, n := range shape {
		whole[i] = int(n)
	}
	return whole, parts, nil
}

// itemsOf returns the items of a list or tuple, all of one type.
func itemsOf[T any](value pickle.Value) ([]T, error) {
	var items []pickle.Value
	switch value := value.(type) {
	case *pickle.List:
		items = value.Items
	case *pickle.Tuple:
		items = value.Items
	default:
		return nil, fmt.Errorf("not a list")
	}
	typed := make([]T, len(items))
	for i, item := range items {
		one, ok := item.(T)
		if !ok {
			return nil, fmt.Errorf("item %d is of another type", i)
		}
		typed[i] = one
	}
	return typed, nil
}
