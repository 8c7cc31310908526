package statedict

import (
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/tensor"
)

// Shard is the part of a tensor that one process of a distributed training had: a DTensor of PyTorch, as in pytorch/pytorch torch/distributed/tensor.
type Shard struct {
	// Local is the part.
	Local *pickle.TorchTensor
	// Shape is that of the whole tensor, and Offset where the part begins in it; Offset is nil if that does not follow from the file, for Reason.
	Shape  tensor.Shape
	Offset []int
	Reason string
}

// Whole reports whether the part is all of the tensor.
func (s *Shard) Whole() bool { return s.Local.Shape.Equal(s.Shape) && s.Offset != nil }

// shardOf reads a DTensor: _rebuild_wrapper_subclass(class, dtype, size, strides, ...) with the attributes _local_tensor and _spec.
func shardOf(value pickle.Value) (*Shard, bool) {
	opaque, ok := value.(*pickle.Opaque)
	if !ok || opaque.Inner == nil || opaque.Inner.Class.Name != "DTensor" || !strings.HasPrefix(opaque.Inner.Class.Module, "torch.distributed.") {
		return nil, false
	}
	local, isTensor := field(opaque.Inner, "_local_tensor").(*pickle.TorchTensor)
	if !isTensor || len(opaque.Inner.Args) < 3 {
		return nil, false
	}
	shape, ok := numbers(opaque.Inner.Args[2])
	if !ok || len(shape) != len(local.Shape) {
		return nil, false
	}
	shard := &Shard{Local: local, Shape: shape}
	shard.place(field(opaque.Inner, "_spec"))
	return shard, true
}

// place finds out where the part lies, from how the tensor was distributed over the mesh of processes, and which of these saved the file.
func (s *Shard) place(spec pickle.Value) {
	placements, ok := items(field(spec, "placements"))
	mesh := field(spec, "mesh")
	grid, gridOK := meshShape(mesh)
	if !ok || !gridOK || len(grid) != len(placements) {
		s.Reason = "the file does not say how the tensors were distributed"
		return
	}
	at, known := numbers(field(mesh, "_coordinate_on_dim"))
	known = known && len(at) == len(grid)
	offset, size := make([]int, len(s.Shape)), slices.Clone(s.Shape)
	for i, placement := range placements {
		record, isRecord := placement.(*pickle.Record)
		if !isRecord {
			s.Reason = "the file does not say how the tensors were distributed"
			return
		}
		switch record.Class.Name {
		case "Replicate":
			continue
		case "Shard":
		default:
			s.Reason = "the tensors were distributed as " + quote(record.Class.Name)
			return
		}
		dim, isInt := field(record, "dim").(int64)
		if !isInt || dim < 0 || dim >= int64(len(size)) || grid[i] < 1 {
			s.Reason = "the file does not say how the tensors were distributed"
			return
		}
		if grid[i] == 1 {
			continue
		}
		if !known || at[i] >= grid[i] {
			s.Reason = "the file does not say which of the processes saved it"
			return
		}
		// As torch.chunk cuts: all pieces have the same length, rounded up, and the last ones less or nothing.
		step := (size[dim] + grid[i] - 1) / grid[i]
		begin := min(step*at[i], size[dim])
		offset[dim] += begin
		size[dim] = min(step, size[dim]-begin)
	}
	if !s.Local.Shape.Equal(size) {
		s.Reason = "the part of a tensor has another size than its distribution gives it"
		return
	}
	s.Offset = offset
}

// meshShape returns how many processes there are along each dimension of a mesh.
func meshShape(mesh pickle.Value) (tensor.Shape, bool) {
	if layout := field(mesh, "_layout"); layout != nil {
		if n, ok := field(layout, "shape").(int64); ok && n > 0 && n < 1<<31 {
			return tensor.Shape{int(n)}, true
		}
		return numbers(field(layout, "shape"))
	}
	if ranks, ok := field(mesh, "mesh").(*pickle.TorchTensor); ok { // before PyTorch 2.10
		return ranks.Shape, true
	}
	return nil, false
}

// field returns an attribute of a saved object, also one in slots, or nil.
func field(value pickle.Value, name string) pickle.Value {
	record, ok := value.(*pickle.Record)
	if !ok {
		return nil
	}
	states := []pickle.Value{record.State}
	if pair, ok := record.State.(*pickle.Tuple); ok && len(pair.Items) == 2 { // (attributes, slots)
		states = pair.Items
	}
	for _, state := range states {
		if dict, ok := state.(*pickle.Dict); ok {
			if found, ok := dict.Get(name); ok {
				return found
			}
		}
	}
	return nil
}

func items(value pickle.Value) ([]pickle.Value, bool) {
	switch value := value.(type) {
	case *pickle.Tuple:
		return value.Items, true
	case *pickle.List:
		return value.Items, true
	}
	return nil, false
}

// numbers reads a tuple or list of numbers that are not negative.
func numbers(value pickle.Value) (tensor.Shape, bool) {
	all, ok := items(value)
	if !ok || len(all) > tensor.MaxRank {
		return nil, false
	}
	shape := make(tensor.Shape, len(all))
	for i, item := range all {
		n, isInt := item.(int64)
		if !isInt || n < 0 || n >= 1<<31 {
			return nil, false
		}
		shape[i] = int(n)
	}
	return shape, true
}

// adviceWhole is how a distributed training saves a model in one file.
const adviceWhole = "save the whole model from one process: gather it with torch.distributed.checkpoint.state_dict.get_model_state_dict(model, " +
	"options=StateDictOptions(full_state_dict=True, cpu_offload=True)), or each tensor with full_tensor()"

// Refuse says that a file has a part of a tensor, and how to get the whole.
func (s *Shard) Refuse(name string) error {
	err := checkpoint.Unsupported("parameter %s is a part of shape %s of a tensor of shape %s, which processes of a training had together", quote(name), s.Local.Shape, s.Shape)
	if s.Reason != "" {
		err.Reason += "; " + s.Reason
		return err.WithHint("%s", adviceWhole)
	}
	return err.WithHint("give the folder with the files of all processes, if it holds nothing else; or %s", adviceWhole)
}
