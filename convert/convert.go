package convert

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/zoo/arch"
)

// Options say what to read and what to write. The zero value finds out everything, and takes format and scheme from the name of the output.
type Options struct {
	OpenOptions
	SaveOptions
	// DType is what the parameters are cast to; Invalid keeps theirs.
	DType tensor.DType
}

// Report says what Convert did.
type Report struct {
	Source Source `json:"source"`
	Saved  Saved  `json:"target"`
	// Architecture is that of the model, epsilon included.
	Architecture arch.Config `json:"architecture"`
	// Parameters are in the order of Architecture.Params.
	Parameters []Parameter `json:"parameters"`
	// Dropped are tensors of the source that are no parameters.
	Dropped []Dropped `json:"dropped,omitempty"`
	// Lossy are sentences about what can't be brought back; empty means that converting back gives the same tensors bit for bit.
	Lossy []string `json:"lossy,omitempty"`
	Notes []string `json:"notes,omitempty"`
	// DryRun says that nothing was written.
	DryRun bool `json:"dry_run,omitempty"`
}

// Source says what was read.
type Source struct {
	Path      string `json:"path"`
	Format    string `json:"format"`
	Container string `json:"container"`
	Wrapper   string `json:"wrapper,omitempty"`
	Scheme    string `json:"scheme"`
	// Bytes is the size of all files, Tensors their number, index buffers included.
	Bytes   int64 `json:"bytes"`
	Tensors int   `json:"tensors"`
}

// Parameter says what became of one.
type Parameter struct {
	// Name is canonical; From and To are the names in the two files.
	Name string   `json:"name"`
	From []string `json:"from"`
	To   []string `json:"to"`
	// Read is what was done to the elements to make them canonical, such as "transposed", or empty.
	Read string `json:"read,omitempty"`
	// DType is that of the source, Cast that of the target where it is another.
	DType string       `json:"dtype"`
	Cast  string       `json:"cast,omitempty"`
	Shape tensor.Shape `json:"shape"`
}

// Dropped is a tensor that was left out, and why.
type Dropped struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
	Bytes  int64  `json:"bytes"`
}

// Convert reads the checkpoint at source, a file or folder, and writes it to target. Everything about target is as Save has it. On any error nothing
// new is left behind. A target that is the source itself, under whatever name, is refused with *SameFileError.
func Convert(ctx context.Context, source, target string, options Options) (*Report, error) {
	to, err := newTarget(target, options.Format, options.To)
	if err != nil {
		return nil, err
	}
	if options.DType != tensor.Invalid && !options.DType.IsFloat() {
		return nil, &TargetError{fmt.Sprintf("cannot cast to %s", options.DType), "take f32, f64, bf16 or f16"}
	}
	model, err := Open(ctx, source, options.OpenOptions)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	if err := to.apart(source); err != nil {
		return nil, err
	}
	report := model.report()
	canonical, err := report.cast(model.Tensors, options.DType)
	if err != nil {
		return nil, err
	}
	if options.Labels == nil {
		options.Labels = model.Labels
	}
	if options.Processor == nil {
		options.Processor = model.Processor
	}
	saved, err := to.save(ctx, model.Config, canonical, options.SaveOptions)
	if err != nil {
		return nil, err
	}
	report.finish(saved, options.DryRun)
	return report, nil
}

// report fills in what is known after opening.
func (m *Model) report() *Report {
	r := &Report{
		Source: Source{
			Path: m.File.Path, Format: m.File.Format, Container: m.File.Container, Wrapper: m.File.Wrapper,
			Scheme: m.Scheme, Bytes: m.File.Size, Tensors: len(m.File.Tensors),
		},
		Architecture: m.Config, Notes: slices.Clone(m.Notes),
	}
	for i, t := range m.Tensors {
		r.Parameters = append(r.Parameters, Parameter{
			Name: t.Name, From: m.Changes[i].From, Read: m.Changes[i].Operation, DType: t.DType.String(), Shape: t.Shape,
		})
	}
	for _, d := range m.Dropped {
		r.Dropped = append(r.Dropped, Dropped(d))
	}
	return r
}

func (r *Report) finish(saved *Saved, dryRun bool) {
	r.Saved, r.DryRun = *saved, dryRun
	r.Notes = append(r.Notes, saved.Notes...)
	for i := range r.Parameters {
		r.Parameters[i].To = saved.Names[i]
	}
}

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
			r.Lossy = append(r.Lossy, fmt.Sprintf("%d parameters were rounded from %s to %s", rounded[from], from, dtype))
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
		r.Lossy = append(r.Lossy, fmt.Sprintf("F16 holds values below %.1e with fewer digits or as zero: %d parameters have some, such as %s; bf16 would not lose them",
			smallestNormalF16, len(faint), faint[0]))
	}
	if len(huge) > 0 {
		r.Lossy = append(r.Lossy, fmt.Sprintf("F16 turns values beyond %d into infinity: %d parameters have some, such as %s", largestF16, len(huge), huge[0]))
	}
	return nil
}

// outside tells whether some value is too small or too large for a half.
func outside(values []float64) (small, large bool) {
	for _, v := range values {
		magnitude := max(v, -v)
		small = small || magnitude > 0 && magnitude < smallestNormalF16
		large = large || magnitude > largestF16
	}
	return small, large
}
