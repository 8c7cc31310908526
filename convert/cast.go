package convert

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// cast rounds the parameters to dtype, and says what that loses.
func (r *Report) cast(tensors []tensor.Named, dtype tensor.DType) ([]tensor.Named, error) {
	if dtype == tensor.Invalid {
		return tensors, nil
	}
	cast := make([]tensor.Named, len(tensors))
	rounded := map[tensor.DType]int{}
	for i, t := range tensors {
		view, err := transform.Cast(t.View, dtype)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		cast[i] = tensor.Named{Name: t.Name, View: view}
		if t.DType != dtype {
			r.Parameters[i].Cast = dtype.String()
		}
		if !transform.Widens(t.DType, dtype) {
			rounded[t.DType]++
		}
	}
	for _, from := range []tensor.DType{tensor.F64, tensor.F32, tensor.BF16, tensor.F16} {
		if rounded[from] > 0 {
			r.Lossy = append(r.Lossy, fmt.Sprintf("%s rounded from %s to %s", text.Count(rounded[from], "parameter was", "parameters were"), from, dtype))
		}
	}
	return cast, r.warn(tensors, dtype)
}

const (
	// smallestNormalF16 and largestF16 bound what a half holds with full precision.
	smallestNormalF16 = 1.0 / (1 << 14)
	largestF16        = 65504
)

// warn looks for small parameters whose values a half can't hold well: the layer scale of large models begins at 1e-5. Matrices are not searched.
func (r *Report) warn(tensors []tensor.Named, dtype tensor.DType) error {
	if dtype != tensor.F16 {
		return nil
	}
	var faint, huge []string
	for _, t := range tensors {
		if t.DType == tensor.F16 || len(t.Shape) > 1 && !strings.HasSuffix(t.Name, "table") {
			continue
		}
		err := tensor.Guard(func() error {
			values, err := tensor.Float64s(t.View)
			small, large := outside(values)
			if small {
				faint = append(faint, t.Name)
			}
			if large {
				huge = append(huge, t.Name)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	if len(faint) > 0 {
		r.Lossy = append(r.Lossy, fmt.Sprintf("F16 holds values below %.1e with fewer digits or as zero: %s some, such as %s; bf16 would not lose them",
			smallestNormalF16, text.Count(len(faint), "parameter has", "parameters have"), faint[0]))
	}
	if len(huge) > 0 {
		have := text.Count(len(huge), "parameter has", "parameters have")
		r.Lossy = append(r.Lossy, fmt.Sprintf("F16 turns values beyond %d into infinity: %s some, such as %s", largestF16, have, huge[0]))
	}
	return nil
}

// outside reports whether some value is too small or too large for a half.
func outside(values []float64) (small, large bool) {
	for _, v := range values {
		magnitude := max(v, -v)
		small = small || magnitude > 0 && magnitude < smallestNormalF16
		large = large || magnitude > largestF16
	}
	return small, large
}
