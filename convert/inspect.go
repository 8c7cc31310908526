package convert

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"math"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// InspectOptions say how closely to look. Without Digests and Statistics no element is read.
type InspectOptions struct {
	OpenOptions
	// Digests computes the sha256 of every parameter's canonical bytes, and of all together.
	Digests bool
	// Statistics counts NaN and infinite values, and finds range and mean.
	Statistics bool
	// Progress is called with the bytes of parameters read so far, which never decrease, and in total. Calls never overlap.
	Progress func(done, total int64)
}

// Inspection is what a checkpoint holds.
type Inspection struct {
	Input
	// Equivalent are schemes that name the parameters the same way.
	Equivalent []string `json:"equivalent,omitempty"`
	// Architecture is nil if the tensors are not those of a BEiT; Problem says why then, and Tensors are those of the file.
	Architecture *arch.Config `json:"architecture,omitempty"`
	// Card are the facts about the model, each with its source; nil without an architecture.
	Card    *InspectedCard `json:"card,omitempty"`
	Problem error          `json:"-"`
	// Steps are the changes to the model that the file's metadata records, in order.
	Steps []adapt.Step `json:"steps,omitempty"`
	// Parameters is the number of elements of all parameters, without the statistics of batch norms; ParameterBytes is the size of all in the file's dtypes.
	Parameters     int64 `json:"parameters"`
	ParameterBytes int64 `json:"parameter_bytes"`
	// DTypes counts tensors by dtype.
	DTypes map[string]int `json:"dtypes"`
	// SHA256 is over the canonical bytes of all parameters in byte order of their names, if Digests asks for it.
	SHA256   string            `json:"sha256,omitempty"`
	Tensors  []InspectedTensor `json:"tensors"`
	Dropped  []Dropped         `json:"dropped,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Notes    []string          `json:"notes,omitempty"`
}

// InspectedCard is what is known of a model beside the numbers of its architecture.
type InspectedCard struct {
	// From says where each item comes from.
	From map[card.Item]card.Origin `json:"from"`
	// StateDict is the key of the state dict in the file, or in the checkpoint of several from which the file was made; or empty.
	StateDict string   `json:"state_dict,omitempty"`
	Labels    []string `json:"labels,omitempty"`
	// Palette are the colours of the classes of pixels.
	Palette []card.Colour `json:"palette,omitempty"`
	// Recipe is how images are prepared; nil for a model that neither classifies nor makes visual tokens, or if it is not known. Problem says why it is not.
	Recipe        *card.Recipe `json:"recipe,omitempty"`
	RecipeName    string       `json:"recipe_name,omitempty"`
	RecipeProblem string       `json:"recipe_problem,omitempty"`
	Problem       card.Problem `json:"problem_type,omitempty"`
}

// inspectCard returns the card with the recipe by which the model would be run.
func (m *Model) inspectCard() *InspectedCard {
	c := &InspectedCard{From: maps.Clone(m.From), StateDict: cmp.Or(m.StateDict, m.File.Wrapper), Labels: m.Labels, Palette: m.Palette, Problem: m.Problem}
	if !m.Config.Classifies() && !m.Config.Tokenizes() {
		c.Recipe, c.RecipeName = m.Facts.Recipe, m.RecipeName
		return c
	}
	choice, err := m.Recipe()
	if err != nil {
		c.RecipeProblem = err.Error()
		return c
	}
	c.Recipe, c.RecipeName, c.From[card.Preparing] = &choice.Recipe, choice.Name, choice.From
	return c
}

// InspectedTensor is one parameter.
type InspectedTensor struct {
	// Name is canonical, From are the names in the file.
	Name  string       `json:"name"`
	From  []string     `json:"from,omitempty"`
	Read  string       `json:"read,omitempty"`
	DType string       `json:"dtype"`
	Shape tensor.Shape `json:"shape"`
	Bytes int64        `json:"bytes"`
	// SHA256 and Statistics are there if they were asked for.
	SHA256     string      `json:"sha256,omitempty"`
	Statistics *Statistics `json:"statistics,omitempty"`
}

// Statistics describe the values of a tensor. Min, Max and Mean are over the finite ones, and zero if there are none.
type Statistics struct {
	NaN  int64   `json:"nan"`
	Inf  int64   `json:"inf"`
	Zero int64   `json:"zero"`
	Min  float64 `json:"min"`
	Max  float64 `json:"max"`
	Mean float64 `json:"mean"`
}

// Inspect opens a checkpoint and says what it holds. A file that can be read but is not a BEiT is not an error: see Inspection.Problem.
func Inspect(ctx context.Context, path string, options InspectOptions) (*Inspection, error) {
	file, err := openFile(ctx, path, options.OpenOptions)
	if err != nil {
		return nil, offer(ctx, path, options.OpenOptions, nil, err)
	}
	defer file.Close()
	closely := options.Digests || options.Statistics
	options.SkipIndex = options.SkipIndex || !closely
	inspection, tensors := describe(ctx, file, options.OpenOptions)
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if !closely {
		return inspection, nil
	}
	return inspection, inspection.read(ctx, tensors, options)
}

// describe lists the canonical tensors, or those of the file if it is not a BEiT.
func describe(ctx context.Context, file *checkpoint.Checkpoint, options OpenOptions) (*Inspection, []tensor.Named) {
	i := &Inspection{DTypes: map[string]int{}, Metadata: file.Metadata}
	tensors := file.Tensors
	model, err := understand(ctx, file, options)
	if err != nil {
		i.Problem, i.Notes = offer(ctx, file.Path, options, file, err), file.Notes
		model = &Model{File: file}
	} else {
		tensors = model.Tensors
		i.Architecture, i.Equivalent, i.Card, i.Steps, i.Notes = &model.Config, model.Equivalent, model.inspectCard(), model.Steps, model.Notes
	}
	buffers := map[string]bool{}
	if err == nil {
		for _, p := range model.Config.Params() {
			buffers[p.Name] = p.Buffer
		}
	}
	report := model.report()
	i.Input, i.Dropped = report.Input, report.Dropped
	for at, t := range tensors {
		entry := InspectedTensor{Name: t.Name, DType: t.DType.String(), Shape: t.Shape}
		entry.Bytes, _ = t.Size()
		if err == nil {
			entry.From, entry.Read = model.Changes[at].From, model.Changes[at].Operation
		}
		elements, _ := t.Shape.Elements()
		if buffers[t.Name] {
			elements = 0
		}
		i.Parameters, i.ParameterBytes = i.Parameters+elements, i.ParameterBytes+entry.Bytes
		i.DTypes[entry.DType]++
		i.Tensors = append(i.Tensors, entry)
	}
	return i, tensors
}

// read reads the elements: one worker digests everything in order, the others take tensor by tensor.
func (i *Inspection) read(ctx context.Context, tensors []tensor.Named, options InspectOptions) error {
	group, ctx := errgroup.WithContext(ctx)
	if options.Digests {
		group.Go(func() error { return tensor.Guard(func() error { return i.digestAll(ctx, tensors) }) })
	}
	counter := &counter{total: i.ParameterBytes, report: options.Progress}
	group.Go(func() error {
		return parallel.Each(ctx, len(tensors), guarded(func(ctx context.Context, at int) error {
			return i.Tensors[at].read(ctx, tensors[at].View, options, counter)
		}))
	})
	return group.Wait()
}

func (i *Inspection) digestAll(ctx context.Context, tensors []tensor.Named) (err error) {
	i.SHA256, err = Digest(ctx, tensors)
	return err
}

// Digest returns the sha256, in hexadecimal digits, of the canonical bytes of parameters in byte order of their names. It is that of an [Inspection], and the
// same whatever file holds them.
func Digest(ctx context.Context, tensors []tensor.Named) (string, error) {
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b tensor.Named) int { return strings.Compare(a.Name, b.Name) })
	digest := sha256.New()
	for _, t := range sorted {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if _, err := t.Data.WriteTo(digest); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

func (t *InspectedTensor) read(ctx context.Context, view tensor.View, options InspectOptions, progress *counter) error {
	options.Statistics = options.Statistics && tensor.Decode([]float64{}, view.DType, nil) == nil // not of complex numbers
	digest := sha256.New()
	statistics := &accumulator{dtype: view.DType, min: math.Inf(1), max: math.Inf(-1)}
	_, err := view.Data.WriteTo(pieceFunc(func(p []byte) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		progress.add(len(p))
		if options.Digests {
			digest.Write(p)
		}
		if options.Statistics {
			return statistics.add(p)
		}
		return nil
	}))
	if err != nil {
		return err
	}
	if options.Digests {
		t.SHA256 = hex.EncodeToString(digest.Sum(nil))
	}
	if options.Statistics {
		t.Statistics = statistics.statistics()
	}
	return nil
}
