package recording

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// Read reads a recording into memory. If the file is not a safetensors file, the error is that of checkpoint.Open; otherwise it is that of Parse.
func Read(ctx context.Context, path string) (*Recording, error) {
	file, err := checkpoint.Open(ctx, path, checkpoint.Options{}, safetensors.Format)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var read *Recording
	err = tensor.Guard(func() (err error) {
		read, err = Parse(file.Tensors, file.Metadata)
		return err
	})
	if problem := (*Error)(nil); errors.As(err, &problem) {
		problem.Path = path
	}
	if other := (*TaskError)(nil); errors.As(err, &other) {
		other.Path = path
	}
	if err != nil {
		return nil, err
	}
	return read, nil
}

// Write writes a recording, with activations in float64 if it was computed in float64, else in float32. An existing file is replaced only when the new one
// is complete, as output.Write does.
func Write(ctx context.Context, path string, r *Recording) error {
	parts, err := safetensors.Layout(r.tensors(), r.metadata())
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	return output.Write(ctx, path, parts, output.Options{})
}

func (r *Recording) metadata() map[string]string {
	metadata := map[string]string{"format": Format, "dtype": dtypeNames[r.DType], "input": "stored"}
	for key, value := range map[string]string{
		"architecture": r.Architecture, "framework": r.Framework, "framework_version": r.FrameworkVersion,
		"implementation": r.Implementation, "note": r.Note, "autocast": r.Autocast, "task": r.Task,
	} {
		if value != "" {
			metadata[key] = value
		}
	}
	if r.ImageNames != nil {
		list, _ := json.Marshal(r.ImageNames) // strings are never refused
		metadata["images"] = string(list)
	}
	if r.Epsilon != 0 {
		metadata["epsilon"] = strconv.FormatFloat(r.Epsilon, 'g', -1, 64)
	}
	if r.Probes != nil {
		metadata["input"] = fmt.Sprintf("recipe images %d..%d", r.Probes.First, r.Probes.Last)
		metadata["seed"] = strconv.FormatUint(r.Probes.Seed, 10)
	}
	return metadata
}

// tensors encodes the inputs, labels and activations that the recording has.
func (r *Recording) tensors() []tensor.Named {
	var all []tensor.Named
	add := func(name string, dtype tensor.DType, shape tensor.Shape, raw []byte) {
		all = append(all, tensor.Named{Name: name, View: tensor.View{DType: dtype, Shape: shape, Data: tensor.Memory(raw)}})
	}
	if len(r.Pixels) > 0 {
		raw := make([]byte, 0, 4*len(r.Pixels))
		for _, v := range r.Pixels {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		add("input", tensor.F32, tensor.Shape{r.Images, r.Channels, r.Height, r.Width}, raw)
	}
	if r.Mask != nil {
		raw := make([]byte, len(r.Mask))
		for i, masked := range r.Mask {
			if masked {
				raw[i] = 1
			}
		}
		add("mask", tensor.U8, tensor.Shape{r.Images, len(r.Mask) / r.Images}, raw)
	}
	if r.Labels != nil {
		var raw []byte
		for _, v := range r.Labels {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
		}
		add("labels", tensor.I64, tensor.Shape{r.Images}, raw)
	}
	for _, a := range r.Activations {
		dtype, raw := encode(a.Values, r.DType)
		if a.Name == tokens {
			dtype, raw = encodeWhole(a.Values)
		}
		add(a.Name, dtype, a.Shape, raw)
	}
	return all
}

// encode returns the stored dtype and the bytes of an activation that was computed in the dtype computed.
func encode(values []float64, computed tensor.DType) (tensor.DType, []byte) {
	var raw []byte
	if computed == tensor.F64 {
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
		}
		return tensor.F64, raw
	}
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
	}
	return tensor.F32, raw
}

// encodeWhole returns the stored dtype and the bytes of whole numbers. One that is NaN, as where nothing could be chosen, is stored as -1, which no reader takes.
func encodeWhole(values []float64) (tensor.DType, []byte) {
	var raw []byte
	for _, v := range values {
		whole := int64(-1)
		if !math.IsNaN(v) {
			whole = int64(v)
		}
		raw = binary.LittleEndian.AppendUint64(raw, uint64(whole))
	}
	return tensor.I64, raw
}

// Is reports whether the file at path is a recording, of whatever version and task. It reads the header alone.
func Is(ctx context.Context, path string) bool {
	file, err := checkpoint.Open(ctx, path, checkpoint.Options{}, safetensors.Format)
	if err != nil {
		return false
	}
	defer file.Close()
	return strings.HasPrefix(file.Metadata["format"], anyFormat)
}

// anyFormat is how recordings of all versions begin to call their format.
const anyFormat = "beitzoo.recording."
