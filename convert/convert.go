package convert

import (
	"context"
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/tensor"
)

// Options say what to read and what to write. The zero value finds out everything, and takes format and scheme from the name of the output.
type Options struct {
	OpenOptions
	SaveOptions
	// DType is what the parameters are cast to; Invalid keeps theirs.
	DType tensor.DType
}

// Convert reads the checkpoint at source, a file or folder, and writes it to target. For target see Save. On any error nothing new is
// left behind. A target that is the source itself, under whatever name, is refused with *SameFileError.
func Convert(ctx context.Context, source, target string, options Options) (*Report, error) {
	to, err := newTarget(target, options.Format, options.To)
	if err != nil {
		return nil, err
	}
	if options.DType != tensor.Invalid && !options.DType.IsFloat() {
		return nil, &TargetError{Reason: fmt.Sprintf("cannot cast to %s", options.DType), Advice: "take f32, f64, bf16 or f16"}
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
	options.processor = model.processor
	saved, err := to.save(ctx, model.Config, canonical, options.SaveOptions)
	if err != nil {
		return nil, err
	}
	report.finish(saved, options.DryRun)
	return report, nil
}

// Input says what was read.
func (m *Model) Input() Input {
	return Input{
		Path: m.File.Path, Format: m.File.Format, Container: m.File.Container, Wrapper: m.File.Wrapper, OtherDicts: m.File.Others,
		Scheme: m.Scheme, Assumptions: m.Assumptions, Bytes: m.File.Size, Tensors: len(m.File.Tensors),
	}
}

// report fills in what is known after opening.
func (m *Model) report() *Report {
	r := &Report{
		Input:        m.Input(),
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
