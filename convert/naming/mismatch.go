package naming

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/tensor"
)

// relatives are beginnings of names, after any prefix, of models that are BEiTs with something more, which can't be converted.
var relatives = []reason{
	{"decode_head.", "a segmentation model"},
	{"auxiliary_head.", "a segmentation model"},
	{"backbone.fpn", "the backbone of a segmentation model"},
	{"fpn", "the backbone of a segmentation model"},
	{"scratch.refinenet", "a depth model (MiDaS's DPT)"},
	{"neck.reassemble_stage", "a depth model (DPT in the names of transformers)"},
}

// forms are components of names that show that a model was saved in another form than it has, and the way back.
var forms = []struct{ component, what, way string }{
	{"_packed_params", "a quantised model", adviceQuantised},
	{"zero_point", "a quantised model", adviceQuantised},
	{
		"parametrizations", "a model with parametrizations, such as weight norm",
		"call torch.nn.utils.parametrize.remove_parametrizations(MODULE, NAME) for each of them, and save the state dict again",
	},
	{"weight_g", "a model with weight norm", "call torch.nn.utils.remove_weight_norm(MODULE) for each module that has it, and save the state dict again"},
	{"weight_mask", "a pruned model", "call torch.nn.utils.prune.remove(MODULE, \"weight\") for each module that was pruned, and save the state dict again"},
	{"bias_mask", "a pruned model", "call torch.nn.utils.prune.remove(MODULE, \"bias\") for each module that was pruned, and save the state dict again"},
}

const adviceWhole = "give the model as it was before it was quantised, or multiply each weight by its scale in the program that made it, " +
	"and save floating-point weights without the scales"

// Quantised returns the error for a whole module with a part that keeps its weights packed.
func Quantised(part string) *UnsupportedError {
	return &UnsupportedError{What: "a quantised model", Name: part + "._packed_params", Way: adviceQuantised}
}

const adviceQuantised = "the weights that it was made of are not in the file: give the model as it was before it was quantised"

// form returns an *UnsupportedError if the names of the model show that it was saved in another form, or nil.
func (r *reading) form() error {
	for _, f := range forms {
		for _, name := range r.unexpected {
			if strings.Contains("."+name+".", "."+f.component+".") {
				return &UnsupportedError{What: f.what, Name: name, Way: f.way}
			}
		}
	}
	return nil
}

// relative returns an *UnsupportedError if some tensor that is no parameter of the model shows that it is a known relative of BEiT.
func (r *reading) relative() error {
	if err := r.form(); err != nil {
		return err
	}
	if r.family == segmenterFamily {
		if r.names == nil { // canonical tensors, in which there is nothing but parameters
			return nil
		}
		return r.otherSegmenter()
	}
	names := slices.Clone(r.unexpected)
	for _, i := range r.beside {
		names = append(names, r.names.original[i])
	}
	for _, relative := range relatives {
		for _, name := range names {
			if strings.Contains("."+name, "."+relative.prefix) {
				return &UnsupportedError{What: relative.why, Name: name}
			}
		}
	}
	return nil
}

// explainUnknown returns the error for tensors that are mostly unknown to all schemes.
func (r *reading) explainUnknown(total int) error {
	if err := r.relative(); err != nil {
		return err
	}
	e := &NotBEiTError{Scheme: r.Name, Known: r.recognised(total), Total: total}
	if len(r.unexpected) > 0 {
		e.Example = slices.Min(r.unexpected)
	}
	return e
}

// check returns an error that says why the reading cannot be used as a floating-point model, or nil.
func (r *reading) check(given *arch.Config) error {
	if err := r.relative(); err != nil {
		return err
	}
	if r.refused != nil {
		return r.refused
	}
	if err := r.twoNorms(); err != nil {
		return err
	}
	_, head := r.params["head.weight"]
	_, token := r.params["mask_token"]
	_, maskedHead := r.params["lm_head.weight"]
	if masked := !head && (token || maskedHead); masked && given != nil && !given.Masked() {
		return &MaskedModelError{Architecture: describe(*given)}
	}
	if r.configErr != nil {
		if len(r.shapes)+len(r.missing) == 0 {
			return r.configErr
		}
		// The tensors are so odd that no architecture could be inferred, so what they should be is not known.
		e := &MismatchError{Scheme: r.Name, Architecture: "any BEiT", Missing: r.missing, Shapes: r.shapes}
		for i := range e.Shapes {
			e.Shapes[i].Want = tensor.Shape{}
		}
		e.finish(r)
		return fmt.Errorf("%w; %w", e, r.configErr)
	}
	if err := r.elements(); err != nil {
		return err
	}
	gap := r.gap()
	if mismatch := r.mismatch(); mismatch != nil {
		mismatch.finish(r)
		if gap != nil {
			return fmt.Errorf("%w; %w", mismatch, gap)
		}
		return mismatch
	}
	if gap != nil {
		return gap
	}
	if r.headsErr != nil {
		return r.headsErr
	}
	return r.misplaced()
}

// elements returns an error if parameters have elements that are no floating-point numbers: whole ones are those of a quantised model.
func (r *reading) elements() error {
	for _, name := range slices.Sorted(maps.Keys(r.params)) {
		made := r.params[name]
		switch kind := made.view.DType; {
		case kind.IsFloat(), isCounter(name):
		case kind == tensor.C64 || kind == tensor.C128:
			return &TensorError{Name: made.from[0], Err: fmt.Errorf("elements of type %s: a parameter must be F64, F32, BF16 or F16", kind), Complex: true}
		default:
			return &UnsupportedError{What: fmt.Sprintf("a quantised model (elements of type %s)", kind), Name: made.from[0], Way: adviceWhole}
		}
	}
	return nil
}

// isCounter reports whether a canonical parameter is the counter of a batch norm.
func isCounter(name string) bool { return strings.HasSuffix(name, "."+counterName) }

// mismatch compares what was found with the parameters of the architecture; nil if they are the same. The result has to be finished.
func (r *reading) mismatch() *MismatchError {
	e := &MismatchError{Scheme: r.Name, Architecture: describe(r.config), Missing: slices.Clone(r.missing), Shapes: slices.Clone(r.shapes)}
	for _, name := range r.unexpected {
		e.Unexpected = append(e.Unexpected, Unexpected{Name: name})
	}
	reported := map[string]bool{} // as incomplete or ill-shaped already
	for _, m := range r.missing {
		reported[m.Canonical] = true
	}
	for _, s := range r.shapes {
		reported[s.Name] = true
	}
	wanted := map[string]bool{}
	for _, p := range r.config.Params() {
		wanted[p.Name] = true
		if made, ok := r.params[p.Name]; !ok {
			e.Missing = append(e.Missing, r.lacking(p, reported)...)
		} else if !made.view.Shape.Equal(p.Shape) {
			e.Shapes = append(e.Shapes, made.illShaped(p.Shape)...)
		}
	}
	for name, made := range r.params {
		if !wanted[name] {
			for _, from := range made.from {
				e.Unexpected = append(e.Unexpected, Unexpected{Name: from})
			}
		}
	}
	if len(e.Missing)+len(e.Unexpected)+len(e.Shapes) == 0 {
		return nil
	}
	return e
}

// gap returns a *[GapError] if no row makes a parameter that is missing, else nil.
func (r *reading) gap() error {
	made := map[string]bool{}
	for _, by := range r.rows {
		for _, pattern := range by.canonical {
			made[pattern] = true
		}
	}
	var missing []string
	for _, p := range r.config.Params() {
		if _, there := r.params[p.Name]; there {
			continue
		}
		if pattern, _ := split(p.Name); !made[pattern] {
			missing = append(missing, p.Name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &GapError{Map: r.Name, Parameters: missing}
}

// lacking returns the names that a missing parameter has in the scheme, without those that were reported already.
func (r *reading) lacking(p arch.Param, reported map[string]bool) []Missing {
	if reported[p.Name] {
		return nil
	}
	by, block := r.writing(p.Name, r.config, "")
	if by == nil { // a map may only read it
		pattern, _ := split(p.Name)
		at := slices.IndexFunc(r.rows, func(one row) bool { return slices.Contains(one.canonical, pattern) })
		if at < 0 {
			return nil
		}
		_, block = split(p.Name)
		by = &r.rows[at]
	}
	var missing []Missing
	for _, pattern := range by.foreign {
		if name := r.inFile(fill(pattern, block)); !reported[name] {
			missing = append(missing, Missing{Name: name, Canonical: p.Name})
			reported[name] = len(by.canonical) > 1 // it makes another parameter, too
		}
	}
	return missing
}

// illShaped states the shapes as the file has them.
func (p param) illShaped(want tensor.Shape) []IllShaped {
	shapes := []IllShaped{{Name: p.from[0], Got: p.view.Shape, Want: want}}
	if len(p.row.canonical) > 1 {
		return shapes
	}
	got, errGot := p.row.operation.Inverse().Apply(tensor.View{DType: p.view.DType, Shape: p.view.Shape})
	wanted, errWant := p.row.operation.Inverse().Apply(tensor.View{DType: p.view.DType, Shape: want})
	if errGot != nil || errWant != nil || len(got) != len(p.from) || len(wanted) != len(p.from) {
		return shapes
	}
	shapes = shapes[:0]
	for i, from := range p.from {
		shapes = append(shapes, IllShaped{Name: from, Got: got[i].Shape, Want: wanted[i].Shape})
	}
	return shapes
}

// A search for the nearest name compares at most nearestLimit names with as many, of at most nearestLength bytes.
const nearestLimit, nearestLength = 20, 200

// finish fills in what ill-shaped tensors should have been, sorts the lists, and finds the nearest names.
func (e *MismatchError) finish(r *reading) {
	for i, s := range e.Shapes {
		if s.Want == nil {
			e.Shapes[i].Want = r.expectedShape(s.Name)
		}
	}
	slices.SortFunc(e.Missing, func(a, b Missing) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(e.Unexpected, func(a, b Unexpected) int { return strings.Compare(a.Name, b.Name) })
	e.Unexpected = slices.Compact(e.Unexpected) // a tensor can be there for two parameters
	slices.SortFunc(e.Shapes, func(a, b IllShaped) int { return cmp.Or(strings.Compare(a.Name, b.Name), len(a.Got)-len(b.Got)) })
	var absent, extra []string
	for i := range min(len(e.Missing), nearestLimit) {
		absent = append(absent, e.Missing[i].Name)
	}
	for i := range min(len(e.Unexpected), nearestLimit) {
		if len(e.Unexpected[i].Name) <= nearestLength {
			extra = append(extra, e.Unexpected[i].Name)
		}
	}
	e.Head = r.headInside(e)
	for i := range absent {
		e.Missing[i].Nearest = suggest.Nearest(absent[i], extra)
	}
	for i := range min(len(e.Unexpected), nearestLimit) {
		if len(e.Unexpected[i].Name) <= nearestLength {
			e.Unexpected[i].Nearest = suggest.Nearest(e.Unexpected[i].Name, absent)
		}
	}
}

// headInside returns the name of an unexpected tensor that may be the weight of the head of a model that seems to have none, or "".
func (r *reading) headInside(e *MismatchError) string {
	if r.configErr != nil || r.config.Classes != 0 || len(e.Missing)+len(e.Shapes) > 0 {
		return ""
	}
	for _, unexpected := range e.Unexpected {
		at := slices.Index(r.names.original, unexpected.Name)
		if at < 0 {
			continue
		}
		if shape := r.names.shapes[at]; len(shape) == 2 && shape[1] == r.config.EmbedDim {
			return unexpected.Name
		}
	}
	return ""
}

// expectedShape is the shape that the scheme's parameter of that name in the file should have, or nil.
func (r *reading) expectedShape(name string) tensor.Shape {
	rest, _, under := r.withoutPrefix((&wrapping{removed: map[string]int{}}).withoutWords(name, wrapperWords))
	at, block, index, known := r.find(rest)
	if !known || index || !under {
		return nil
	}
	by := r.rows[at.row]
	var views []tensor.View
	for _, canonical := range by.canonical {
		for _, p := range r.config.Params() {
			if p.Name == fill(canonical, block) {
				views = append(views, tensor.View{DType: tensor.F32, Shape: p.Shape})
			}
		}
	}
	made, err := by.operation.Inverse().Apply(views...)
	if err != nil || at.part >= len(made) {
		return nil
	}
	return made[at.part].Shape
}

// describe names an architecture for people.
func describe(c arch.Config) string {
	switch {
	case c.Name != "":
		return c.Name
	case c.Kind == arch.DVAEEncoder:
		return fmt.Sprintf("the encoder of a dVAE of width %d, %d blocks, %d visual tokens", c.EmbedDim, c.Depth, c.Classes)
	case c.Kind == arch.DVAEDecoder:
		return fmt.Sprintf("the decoder of a dVAE of width %d, %d blocks, %d visual tokens", c.EmbedDim, c.Depth, c.Classes)
	case c.Kind == arch.VQKD:
		return fmt.Sprintf("a VQ-KD of %d x %d pixels, width %d, %d blocks, %d visual tokens", c.ImageHeight, c.ImageWidth, c.EmbedDim, c.Depth, c.Codebook.Codes)
	}
	what := "classes"
	if c.Segments() {
		return fmt.Sprintf("a BEiT with UPerNet of %d x %d pixels, width %d, %d blocks, %d classes", c.ImageHeight, c.ImageWidth, c.EmbedDim, c.Depth, c.Classes)
	}
	if c.Masked() {
		what = "outputs for each patch"
	}
	return fmt.Sprintf("a BEiT of %d x %d pixels, width %d, %d blocks, %d %s", c.ImageHeight, c.ImageWidth, c.EmbedDim, c.Depth, c.Classes, what)
}

func isAboutShape(err error) bool {
	var shape *transform.ShapeError
	return errors.As(err, &shape) || errors.Is(err, tensor.ErrShape)
}
