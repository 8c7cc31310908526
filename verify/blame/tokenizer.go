package blame

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// TokenizerSearch looks for reasons in an image tokenizer. The transformers of VQ-KD have a Search each; everything else is computed by the native engine in
// float64, from weights, pixels and activations as a mistake would have them.
type TokenizerSearch struct {
	config  arch.Config
	weights []tensor.Named
	// parts are the searches in the transformers of VQ-KD, by the prefix of their parameters; nil until they are needed.
	parts map[string]*Search
	// found are the reasons of earlier stages, which are tried first.
	found []mistake
}

// NewTokenizerSearch returns the search in a tokenizer of canonical weights, exactly config.Params(). They are read later, so their checkpoint must stay open.
func NewTokenizerSearch(config arch.Config, weights []tensor.Named) *TokenizerSearch {
	return &TokenizerSearch{config: config, weights: weights, parts: map[string]*Search{}}
}

// Find looks for what is wrong at one stage, as Search.Find does.
func (s *TokenizerSearch) Find(ctx context.Context, c Case) ([]Finding, error) {
	stage, err := engine.ParseStage(c.After.Name)
	if err != nil {
		return nil, err
	}
	t := &chosenStage{Case: c, stage: stage, whole: c.Before == nil && stage.Kind != engine.Embed}
	start := &tokenizerDraft{config: s.config, weights: s.weights, input: c.Input, before: c.Before}
	if !t.whole {
		start.only = &stage
	}
	own, err := t.distance(ctx, start)
	if err != nil {
		return nil, err
	}
	if t.share(own) <= 1 {
		return []Finding{{Stage: c.After.Name, Hypothesis: Healthy, Distance: own.MaxAbs, Without: own.MaxAbs, Tolerance: c.Limit.Max}}, nil
	}
	best, err := s.best(ctx, t, start, own)
	if err != nil {
		return nil, err
	}
	if best != nil {
		s.found = append(s.found, best.mistake)
		return []Finding{best.finding(t, own)}, nil
	}
	if part, prefix := s.transformer(stage); part.Depth > 0 && !t.whole {
		return s.findInPart(ctx, c, stage, part, prefix)
	}
	return nil, nil
}

// attempt is a draft with a mistake mended.
type attempt struct {
	mistake
	draft    *tokenizerDraft
	distance drift.Distance
	slack    float64
}

// best returns the attempt that agrees best with the reference, or nil if none does.
func (s *TokenizerSearch) best(ctx context.Context, t *chosenStage, start *tokenizerDraft, own drift.Distance) (best *attempt, err error) {
	for _, m := range slices.Concat(s.found, mistakes(s.config)) {
		if !t.concerns(s.config, m) {
			continue
		}
		d := start.copied()
		if !m.apply(d) || !t.whole && !d.whole && !d.touches(t.stage) {
			continue
		}
		distance, err := t.distance(ctx, d)
		if err != nil {
			var problem *engine.InputError
			if errors.As(err, &problem) {
				continue
			}
			return nil, err
		}
		slack := 0.0
		if m.input || d.whole {
			slack = pixelSlack
		}
		// What hardly helps is no reason, however near it leads.
		if t.slackShare(distance, slack) > 1 || distance.RMS > much*own.RMS || best != nil && distance.RMS >= near*best.distance.RMS {
			continue
		}
		best = &attempt{m, d, distance, slack}
		if t.share(distance) < 1.0/20 {
			break
		}
	}
	return best, nil
}

// finding returns what an attempt says.
func (a *attempt) finding(t *chosenStage, own drift.Distance) Finding {
	f := Finding{
		Stage: t.After.Name, Hypothesis: a.name, Side: a.side, Advice: a.advice, Tensors: slices.Sorted(slices.Values(a.draft.changed())), Distance: a.distance.MaxAbs,
		Without: own.MaxAbs, Tolerance: max(t.Limit.Max, a.slack*largestOf(t.After.Values)), says: a.says,
	}
	who := t.After.Name + " agrees"
	if t.whole {
		f.Stage, who = WholeModel, "the model agrees"
	}
	if f.Side == "" {
		f.Side = Checkpoint
	}
	if f.Side == Checkpoint || f.Side == Either {
		for _, name := range f.Tensors {
			f.Edits = append(f.Edits, Edit{Tensor: name, Says: a.repair, View: a.draft.view(name)})
		}
	}
	f.Sentence = f.agrees(who)
	return f
}

// transformer returns the transformer of VQ-KD that has a stage, and the prefix of its parameters; one without blocks if none has.
func (s *TokenizerSearch) transformer(stage engine.Stage) (arch.Config, string) {
	switch {
	case s.config.Kind != arch.VQKD:
	case stage.Kind <= engine.Pool:
		return s.config.Encoder(), "encoder."
	case stage.Kind >= engine.DecoderEmbed && stage.Kind <= engine.DecoderPool:
		return s.config.Decoder(), decoderPrefix
	}
	return arch.Config{}, ""
}

const decoderPrefix = "decoder."

// findInPart looks for what is wrong in a transformer of VQ-KD.
func (s *TokenizerSearch) findInPart(ctx context.Context, c Case, stage engine.Stage, config arch.Config, prefix string) ([]Finding, error) {
	search := s.parts[prefix]
	if search == nil {
		var own []tensor.Named
		for _, w := range s.weights {
			if name, is := strings.CutPrefix(w.Name, prefix); is {
				own = append(own, tensor.Named{Name: name, View: w.View})
			}
		}
		var err error
		if search, err = NewSearch(config, own); err != nil {
			return nil, err
		}
		s.parts[prefix] = search
	}
	if prefix == decoderPrefix {
		if stage.Kind == engine.DecoderEmbed {
			var err error
			if c.Input, err = s.codesOf(c.Before.Values); err != nil {
				return nil, err
			}
			c.Before = nil
		}
		c.After.Name = strings.TrimPrefix(c.After.Name, decoderPrefix)
		for _, a := range []**engine.Activation{&c.Before, &c.Branch, &c.Stream} {
			if *a != nil {
				renamed := **a
				renamed.Name = strings.TrimPrefix(renamed.Name, decoderPrefix)
				*a = &renamed
			}
		}
	}
	found, err := search.Find(ctx, c)
	for i := range found {
		found[i] = found[i].under(prefix)
	}
	return found, err
}

// under returns a finding about a transformer as one about the whole model.
func (f Finding) under(prefix string) Finding {
	if prefix == decoderPrefix && f.Stage != WholeModel {
		f.Sentence = strings.Replace(f.Sentence, f.Stage, prefix+f.Stage, 1)
		f.Stage = prefix + f.Stage
	}
	for _, names := range []*[]string{&f.Tensors, &f.Rounded} {
		own := make([]string, len(*names))
		for i, name := range *names {
			own[i] = prefix + name
		}
		*names = own
	}
	f.Edits = slices.Clone(f.Edits)
	for i := range f.Edits {
		f.Edits[i].Tensor = prefix + f.Edits[i].Tensor
	}
	return f
}

// codesOf returns the picture of codes that VQ-KD's decoder reads.
func (s *TokenizerSearch) codesOf(tokens []float64) (engine.Input, error) {
	d := &tokenizerDraft{config: s.config, weights: s.weights}
	codes, dim, patches := d.values(codebook), s.config.Codebook.Dim, s.config.Patches()
	pixels := make([]float32, len(tokens)*dim)
	for i, token := range tokens {
		image, patch := i/patches, i%patches
		if token < 0 || int(token) >= s.config.Codebook.Codes {
			return engine.Input{}, &engine.InputError{What: "tokens", Got: len(tokens), Want: patches, Reason: "one of them is no code"}
		}
		for k := range dim {
			pixels[(image*dim+k)*patches+patch] = float32(codes[int(token)*dim+k])
		}
	}
	return engine.Input{Pixels: pixels}, nil
}

// chosenStage is the stage that attempts are compared at.
type chosenStage struct {
	Case
	stage engine.Stage
	// whole means that it is computed from the input, and not from the stage before it.
	whole bool
}

// concerns reports whether a mistake can show at the stage.
func (t *chosenStage) concerns(config arch.Config, m mistake) bool {
	if t.whole {
		return !m.local
	}
	if m.input {
		return t.stage.Kind == engine.Embed && config.Kind != arch.DVAEDecoder
	}
	return true
}

// share returns how much of the limit a distance takes.
func (t *chosenStage) share(d drift.Distance) float64 { return t.slackShare(d, 0) }

func (t *chosenStage) slackShare(d drift.Distance, slack float64) float64 {
	if t.stage.Kind == engine.Tokens {
		const few = 0.01 // where the choice is close, or another fault is
		return d.Mean / few
	}
	limit := t.Limit
	if slack > 0 {
		limit.Max = max(limit.Max, slack*largestOf(t.After.Values))
		if limit.RMS > 0 {
			limit.RMS = max(limit.RMS, slack*largestOf(t.After.Values))
		}
	}
	return limit.share(d)
}

// distance returns how far a draft is from the reference; visual tokens are as far as the share of them that differs.
func (t *chosenStage) distance(ctx context.Context, d *tokenizerDraft) (drift.Distance, error) {
	got, err := d.compute(ctx, t.stage, t.whole || d.whole)
	if err != nil {
		return drift.Distance{}, err
	}
	want := t.After.Values
	if len(got) != len(want) {
		return drift.Distance{MaxAbs: math.Inf(1), RMS: math.Inf(1), Mean: math.Inf(1)}, nil
	}
	if t.stage.Kind != engine.Tokens {
		return drift.Compare(got, want), nil
	}
	differ := 0.0
	for i, v := range want {
		if got[i] != v {
			differ++
		}
	}
	part := differ / float64(max(1, len(want)))
	return drift.Distance{MaxAbs: min(1, differ), RMS: part, Mean: part, Largest: 1}, nil
}

// tokenizerDraft is a tokenizer under the assumption of a mistake.
type tokenizerDraft struct {
	config  arch.Config
	weights []tensor.Named
	input   engine.Input
	before  *engine.Activation
	// edited are the parameters that the mistake changes.
	edited map[string]tensor.View
	// choose computes visual tokens from codes in another way, and after changes a result; nil for none.
	choose func(codes []float64, d *tokenizerDraft) []float64
	// only is the stage that is looked at alone, so that what a program does everywhere is said of its parameters; nil for whole models.
	only *engine.Stage
	// whole means that the mistake shows only in a run of the whole model.
	whole bool
	after func(stage engine.Stage, values []float64)
}

func (d *tokenizerDraft) copied() *tokenizerDraft {
	c := *d
	c.edited = map[string]tensor.View{}
	return &c
}

// view returns a parameter.
func (d *tokenizerDraft) view(name string) tensor.View {
	if view, is := d.edited[name]; is {
		return view
	}
	for _, w := range d.weights {
		if w.Name == name {
			return w.View
		}
	}
	return tensor.View{}
}

// values returns the elements of a parameter, or nil if there is none or it cannot be read.
func (d *tokenizerDraft) values(name string) []float64 {
	view := d.view(name)
	if view.Data == nil {
		return nil
	}
	values, err := tensor.Float64s(view)
	if err != nil {
		return nil
	}
	return values
}

// set replaces a parameter.
func (d *tokenizerDraft) set(name string, values []float64) {
	raw := make([]byte, 0, 8*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	d.edited[name] = tensor.View{DType: tensor.F64, Shape: d.view(name).Shape, Data: tensor.Memory(raw)}
}

// edit changes a parameter, and reports whether there is one of that name.
func (d *tokenizerDraft) edit(name string, change changeFunc) bool {
	values := d.values(name)
	if values == nil {
		return false
	}
	if d.only == nil || d.only.Reads(d.config, name) {
		d.set(name, change(values, d.view(name).Shape))
	}
	return true
}

// exchange exchanges two parameters of the same shape.
func (d *tokenizerDraft) exchange(a, b string) bool {
	one, other := d.view(a), d.view(b)
	if one.Data == nil || other.Data == nil || !one.Shape.Equal(other.Shape) {
		return false
	}
	d.edited[a], d.edited[b] = other, one
	return true
}

// changed returns the names of the parameters that are changed.
func (d *tokenizerDraft) changed() (names []string) {
	for name := range d.edited {
		names = append(names, name)
	}
	return names
}

// touches reports whether the draft computes a stage in another way than the model.
func (d *tokenizerDraft) touches(stage engine.Stage) bool {
	if d.after != nil || d.choose != nil && stage.Kind == engine.Tokens || stage.Kind == engine.Embed && len(d.edited) == 0 {
		return true
	}
	return slices.ContainsFunc(d.changed(), func(name string) bool { return stage.Reads(d.config, name) })
}

// compute returns the activation of a stage, from the input or from the one before it.
func (d *tokenizerDraft) compute(ctx context.Context, stage engine.Stage, whole bool) (values []float64, err error) {
	weights := make([]tensor.Named, len(d.weights))
	for i, w := range d.weights {
		weights[i] = w
		if view, is := d.edited[w.Name]; is {
			weights[i].View = view
		}
	}
	parts, err := native.Engine{}.Parts(d.config, weights, engine.Options{DType: tensor.F64})
	if err != nil {
		return nil, err
	}
	if !whole {
		var before []engine.Activation
		if d.before != nil {
			before = append(before, *d.before)
		}
		a, err := d.step(ctx, parts, stage, before)
		return a.Values, err
	}
	done := map[engine.Stage]engine.Activation{}
	for _, s := range d.needed(stage) {
		var before []engine.Activation
		for _, input := range s.Inputs(d.config) {
			before = append(before, done[input])
		}
		if done[s], err = d.step(ctx, parts, s, before); err != nil {
			return nil, err
		}
	}
	return done[stage].Values, nil
}

// needed returns a stage and all from which it is computed, in their order.
func (d *tokenizerDraft) needed(stage engine.Stage) []engine.Stage {
	all := []engine.Stage{stage}
	for i := 0; i < len(all); i++ {
		for _, input := range all[i].Inputs(d.config) {
			if !slices.Contains(all, input) {
				all = append(all, input)
			}
		}
	}
	slices.SortFunc(all, engine.Stage.Compare)
	return all
}

// step computes one stage.
func (d *tokenizerDraft) step(ctx context.Context, parts *native.Parts, stage engine.Stage, before []engine.Activation) (a engine.Activation, err error) {
	if stage.Kind == engine.Tokens && d.choose != nil {
		return engine.Activation{Name: stage.String(), Shape: before[0].Shape[:2], Values: d.choose(before[0].Values, d)}, nil
	}
	parts.Free()
	part, err := parts.Load(stage)
	if err != nil {
		return a, err
	}
	all, err := part(ctx, d.input, before...)
	if err != nil {
		return a, err
	}
	a = all[len(all)-1]
	for _, one := range all {
		if one.Name == stage.String() {
			a = one
		}
	}
	if d.after != nil {
		d.after(stage, a.Values)
	}
	return a, nil
}
