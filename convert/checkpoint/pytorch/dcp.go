package pytorch

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/framework"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/mosaic"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/statedict"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

const (
	// metadataFile describes the folder that torch.distributed.checkpoint writes.
	metadataFile = ".metadata"
	// partEnding ends the names of the files in it, of which each process writes one or more.
	partEnding = ".distcp"
	// maxParts bounds the parts of all tensors together.
	maxParts = 200_000
)

// adviceDistributed is the way to one file from the folder of torch.distributed.checkpoint.
const adviceDistributed = "or put it into one file with PyTorch: python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE.pth"

// distributed is the kind of a folder that torch.distributed.checkpoint wrote, DCP for short: the parts of each tensor lie in the files of several processes.
// The layout is that of pytorch/pytorch torch/distributed/checkpoint, files metadata.py and filesystem.py.
var distributed = checkpoint.FolderKind{
	Match:  func(folder *checkpoint.Folder) bool { return folder.Has(metadataFile) },
	Member: func(name string) bool { return name == metadataFile },
	Read:   readDistributed,
}

// readDistributed reads .metadata, and joins the parts that it names.
func readDistributed(ctx context.Context, folder *checkpoint.Folder, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
	content, err := folder.Content(metadataFile)
	if err != nil {
		return nil, err
	}
	if len(content) < 2 || content[0] != 0x80 {
		return nil, nil // another program's file of this name
	}
	document, err := pickle.Load(ctx, content, 0, pickle.Options{})
	if err != nil {
		return nil, err
	}
	root, ok := document.Root.(*pickle.Record)
	if !ok || root.Class.Name != "Metadata" || !strings.HasPrefix(root.Class.Module, "torch.distributed.") {
		return nil, nil
	}
	d := &dcp{folder: folder, used: map[string]bool{}, opened: map[place]part{}, unpacking: &unpacking{}}
	if err := d.index(root); err != nil {
		return nil, err
	}
	tree, err := d.tree(ctx, root)
	if err != nil {
		return nil, err
	}
	opened, err := newStorages(false).checkpoint(&pickle.Document{Root: tree, Called: document.Called}, folder.Size(), options)
	if err != nil {
		return nil, err
	}
	opened.Container = fmt.Sprintf("distributed checkpoint of PyTorch (DCP), tensors in parts in %s", text.Count(len(d.used), "file", "files"))
	opened.Notes = append(opened.Notes, "tensors were joined from the parts that the processes of a training saved")
	return opened, nil
}

// dcp is a folder of torch.distributed.checkpoint.
type dcp struct {
	folder *checkpoint.Folder
	// places say where the parts of each tensor lie, by the tensor's name and the part's offset.
	places map[string]map[string]place
	parts  int
	used   map[string]bool
	// opened are the parts that were read, and unpacking counts what it costs to read all of them.
	opened    map[place]part
	unpacking *unpacking
}

// part is a tensor in a place, and how many bytes have to be unpacked each time that it is read.
type part struct {
	view     tensor.View
	unpacked int64
}

// place is where a part lies: a whole file of torch.save within a file.
type place struct {
	file           string
	offset, length int64
}

// index reads storage_data: {MetadataIndex(fqn, offset, index): _StorageInfo(relative_path, offset, length, transform_descriptors)}.
func (d *dcp) index(root *pickle.Record) error {
	table, ok := attribute(root, "storage_data").(*pickle.Dict)
	if !ok {
		return checkpoint.Unsupported("the file %s does not say where the tensors lie", metadataFile).WithHint("%s", strings.TrimPrefix(adviceDistributed, "or "))
	}
	d.places = map[string]map[string]place{}
	var all []place
	for _, entry := range table.Entries {
		name, isText := attribute(entry.Key, "fqn").(string)
		file, isFile := attribute(entry.Value, "relative_path").(string)
		offset, isOffset := attribute(entry.Value, "offset").(int64)
		length, isLength := attribute(entry.Value, "length").(int64)
		if !isText || !isFile || !isOffset || !isLength {
			return checkpoint.Malformed("an entry of %s does not say where a part lies", metadataFile)
		}
		if steps := attribute(entry.Value, "transform_descriptors"); steps != nil {
			return checkpoint.Unsupported("the parts of tensors are compressed or encoded").WithHint("save without transforms, %s", adviceDistributed)
		}
		corner, ok := attribute(entry.Key, "offset").(*pickle.Tuple)
		if !ok {
			continue // not a tensor
		}
		at, err := sizes(corner)
		if err != nil {
			return err
		}
		if d.places[name] == nil {
			d.places[name] = map[string]place{}
		}
		key := fmt.Sprint([]int(at))
		if _, twice := d.places[name][key]; twice {
			return checkpoint.Malformed("tensor %s has two parts at the same place", text.Quote(text.Cut(name, 100)))
		}
		if offset < 0 || length < 0 || offset > math.MaxInt64-length {
			return checkpoint.Malformed("a part of tensor %s should be %d bytes from byte %d on of %.200q", text.Quote(text.Cut(name, 100)), length, offset, file)
		}
		d.places[name][key] = place{file, offset, length}
		all = append(all, place{file, offset, length})
	}
	return apart(all)
}

// apart refuses places that overlap without being the same: no program writes such files, and each would have to be read anew.
func apart(places []place) error {
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.offset, b.offset), cmp.Compare(a.length, b.length))
	})
	for i, next := range places[min(1, len(places)):] {
		if last := places[i]; last != next && last.file == next.file && next.offset < last.offset+last.length {
			return checkpoint.Malformed("two parts of tensors overlap in %.200q: %d bytes from byte %d on, and %d from byte %d on", next.file, last.length, last.offset,
				next.length, next.offset)
		}
	}
	return nil
}

// tree returns the state dict as it was saved, with its nesting.
func (d *dcp) tree(ctx context.Context, root *pickle.Record) (*pickle.Dict, error) {
	described, ok := attribute(root, "state_dict_metadata").(*pickle.Dict)
	if !ok {
		return nil, checkpoint.Malformed("the file %s does not describe a state dict", metadataFile)
	}
	paths, _ := attribute(root, "planner_data").(*pickle.Dict)
	top := &branch{}
	for _, entry := range described.Entries {
		name, isText := entry.Key.(string)
		if !isText {
			return nil, checkpoint.Malformed("a tensor in %s has a name that is not a text", metadataFile)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		value, err := d.value(ctx, name, entry.Value)
		if err != nil {
			return nil, err
		}
		if err := top.put(pathOf(paths, name), value); err != nil {
			return nil, err
		}
	}
	return top.dict()
}

// value joins the parts of a tensor. What is no tensor becomes None.
func (d *dcp) value(ctx context.Context, name string, described pickle.Value) (pickle.Value, error) {
	chunks, ok := attribute(described, "chunks").(*pickle.List)
	if !ok {
		return nil, nil
	}
	shape, err := sizes(attribute(described, "size"))
	if err != nil {
		return nil, err
	}
	var parts []mosaic.Part
	dtype := tensor.Invalid
	for _, chunk := range chunks.Items {
		if d.parts++; d.parts > maxParts {
			return nil, checkpoint.Unsafe("more than %d parts of tensors", maxParts)
		}
		offset, offsetErr := sizes(attribute(chunk, "offsets"))
		size, sizeErr := sizes(attribute(chunk, "sizes"))
		if offsetErr != nil || sizeErr != nil {
			return nil, checkpoint.Malformed("a part of tensor %s without offsets or sizes", text.Quote(text.Cut(name, 100)))
		}
		if slices.Contains(size, 0) && len(chunks.Items) > 1 {
			continue
		}
		view, err := d.part(ctx, name, offset, size)
		if err != nil {
			return nil, err
		}
		dtype = view.DType
		parts = append(parts, mosaic.Part{Offset: offset, View: view})
	}
	if stated := statedType(described); stated != tensor.Invalid && dtype != tensor.Invalid && stated != dtype {
		return nil, checkpoint.Malformed("tensor %s has type %s in the file of a process, and %s in %s", text.Quote(text.Cut(name, 100)), dtype, stated, metadataFile).
			WithHint("the files are of several trainings, or were changed: PyTorch would convert the tensor on loading; copy the whole folder again")
	}
	whole, err := mosaic.Join(dtype, shape, parts)
	if err != nil {
		return nil, checkpoint.Malformed("tensor %s of shape %s: %s", text.Quote(text.Cut(name, 100)), shape, err).
			WithHint("the files of some processes are missing, or of another training; copy the whole folder again")
	}
	return &pickle.Array{View: whole}, nil
}

// statedType returns the type that the properties of a tensor state, or tensor.Invalid: the state of TensorProperties is a tuple that begins with it.
func statedType(described pickle.Value) tensor.DType {
	properties, ok := attribute(described, "properties").(*pickle.Record)
	if !ok {
		return tensor.Invalid
	}
	state, ok := properties.State.(*pickle.Tuple)
	if !ok || len(state.Items) == 0 {
		return tensor.Invalid
	}
	stated, ok := state.Items[0].(*pickle.Global)
	if !ok || stated.Module != "torch" {
		return tensor.Invalid
	}
	return framework.TorchType(stated.Name)
}

// part reads a part where it lies.
func (d *dcp) part(ctx context.Context, name string, offset, size tensor.Shape) (tensor.View, error) {
	quoted := text.Quote(text.Cut(name, 100))
	found, ok := d.places[name][fmt.Sprint([]int(offset))]
	if !ok {
		return tensor.View{}, checkpoint.Malformed("the part of tensor %s at %s is in no file", quoted, offset)
	}
	content, err := d.folder.Content(found.file)
	if checkpoint.Missing(err) {
		return tensor.View{}, checkpoint.Malformed("the file %.200q is missing, which has a part of tensor %s", found.file, quoted).
			WithHint("put the files of all processes into the folder of %s", metadataFile)
	}
	if err != nil {
		return tensor.View{}, err
	}
	d.used[found.file] = true
	if found.offset > int64(len(content))-found.length {
		return tensor.View{}, checkpoint.Malformed("a part of tensor %s should be bytes %d to %d of %.200q, which has %d", quoted, found.offset, found.offset+found.length,
			found.file, len(content)).WithHint("copy the file again; it was cut, or is of another training")
	}
	d.unpacking.limit = mostOf(d.folder.Size())
	made, known := d.opened[found]
	if known {
		err = d.unpacking.charge(made.unpacked)
	} else {
		before := d.unpacking.used
		made.view, err = d.oneTensor(ctx, content[found.offset:found.offset+found.length:found.offset+found.length])
		made.unpacked = d.unpacking.used - before
		d.opened[found] = made
	}
	if err != nil {
		return tensor.View{}, fmt.Errorf("a part of tensor %s in %.200q: %w", quoted, found.file, err)
	}
	if !made.view.Shape.Equal(size) {
		return tensor.View{}, checkpoint.Malformed("a part of tensor %s has shape %s where %s is stated", quoted, made.view.Shape, size)
	}
	return made.view, nil
}

// oneTensor reads a file of torch.save that holds nothing but a tensor.
func (d *dcp) oneTensor(ctx context.Context, content []byte) (tensor.View, error) {
	if !isArchive(content) {
		return tensor.View{}, checkpoint.Unsupported("not an archive of torch.save").WithHint("%s", strings.TrimPrefix(adviceDistributed, "or "))
	}
	z, err := openArchive(ctx, content)
	if err != nil {
		return tensor.View{}, err
	}
	loaded, err := load(ctx, z)
	if err != nil {
		return tensor.View{}, err
	}
	found, ok := loaded.object.Root.(*pickle.TorchTensor)
	if !ok {
		return tensor.View{}, checkpoint.Unsupported("it holds something else than one plain tensor")
	}
	loaded.storages.unpacking = d.unpacking
	return loaded.storages.view(statedict.Tensor{Name: "it", Value: found})
}

// attribute returns an attribute of a saved object, or nil.
func attribute(value pickle.Value, name string) pickle.Value {
	record, ok := value.(*pickle.Record)
	if !ok {
		return nil
	}
	state, ok := record.State.(*pickle.Dict)
	if !ok {
		return nil
	}
	found, _ := state.Get(name)
	return found
}

// sizes reads a tuple of numbers that are not negative.
func sizes(value pickle.Value) (tensor.Shape, error) {
	tuple, ok := value.(*pickle.Tuple)
	if !ok || len(tuple.Items) > tensor.MaxRank {
		return nil, checkpoint.Malformed("a shape or place that is not a tuple of at most %d numbers", tensor.MaxRank)
	}
	shape := make(tensor.Shape, len(tuple.Items))
	for i, item := range tuple.Items {
		n, ok := item.(int64)
		if !ok || n < 0 || int64(int(n)) != n {
			return nil, checkpoint.Malformed("a shape or place with something else than a positive number")
		}
		shape[i] = int(n)
	}
	return shape, nil
}

// pathOf returns the keys that lead to a tensor in the state dict as it was saved; without a table of them, that is its name.
func pathOf(paths *pickle.Dict, name string) []string {
	if paths == nil {
		return []string{name}
	}
	value, _ := paths.Get(name)
	tuple, ok := value.(*pickle.Tuple)
	if !ok || len(tuple.Items) == 0 {
		return []string{name}
	}
	keys := make([]string, len(tuple.Items))
	for i, item := range tuple.Items {
		switch item := item.(type) {
		case string:
			keys[i] = item
		case int64:
			keys[i] = strconv.FormatInt(item, 10)
		default:
			return []string{name}
		}
	}
	return keys
}

// branch is a dict in the making.
type branch struct {
	keys     []string
	values   map[string]pickle.Value
	branches map[string]*branch
}

// put sets the value at the end of a path.
func (b *branch) put(path []string, value pickle.Value) error {
	if len(path) > 32 {
		return checkpoint.Unsafe("a state dict of more than 32 levels")
	}
	if b.values == nil {
		b.values, b.branches = map[string]pickle.Value{}, map[string]*branch{}
	}
	key := path[0]
	_, isValue := b.values[key]
	inner := b.branches[key]
	if isValue || len(path) == 1 && inner != nil {
		return checkpoint.Malformed("two entries of the state dict are called %s", text.Quote(text.Cut(key, 100)))
	}
	if inner == nil {
		b.keys = append(b.keys, key)
	}
	if len(path) == 1 {
		b.values[key] = value
		return nil
	}
	if inner == nil {
		inner = &branch{}
		b.branches[key] = inner
	}
	return inner.put(path[1:], value)
}

func (b *branch) dict() (*pickle.Dict, error) {
	entries := make([]pickle.Entry, len(b.keys))
	for i, key := range b.keys {
		entries[i] = pickle.Entry{Key: key, Value: b.values[key]}
		if inner := b.branches[key]; inner != nil {
			made, err := inner.dict()
			if err != nil {
				return nil, err
			}
			entries[i].Value = made
		}
	}
	dict := &pickle.Dict{}
	return dict, dict.Reset(entries)
}

// isPart recognises a file of parts: archives that follow each other. The end of the first is looked for, which stands right before the second.
func isPart(content []byte) bool {
	at := bytes.Index(content, []byte("PK\x05\x06\x00\x00\x00\x00"))
	return at > 0 && at+22 < len(content) && bytes.HasPrefix(content[at+22:], []byte("PK\x03\x04"))
}

// refusePart says what to give in place of a file of parts.
func refusePart() error {
	return checkpoint.Unsupported("a file of parts of tensors, as each process of a distributed training writes it (DCP, %s)", partEnding).
		WithHint("give the folder in which it lies together with its %s and the files of the other processes, %s", metadataFile, adviceDistributed)
}
