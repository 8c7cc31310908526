package blame

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// StageSearch looks for reasons in image tokenizers. The transformers of VQ-KD have a Search each; everything
// else is computed by the native engine in float64, from weights, pixels and activations as a mistake would have them.
type StageSearch struct {
	config  arch.Config
	weights []tensor.Named
	// parts are the searches in the transformers of VQ-KD, by the prefix of their parameters; nil until they are needed.
	parts map[string]*Search
	// found are the reasons of earlier stages, which are tried first.
	found []mistake
}

// NewStageSearch returns the search in a model of canonical weights, exactly config.Params(). They are read later, so their checkpoint must stay open.
func NewStageSearch(config arch.Config, weights []tensor.Named) *StageSearch {
	return &StageSearch{config: config, weights: weights, parts: map[string]*Search{}}
}

// Find looks for what is wrong at one stage, as Search.Find does.
func (s *StageSearch) Find(ctx context.Context, c Case) ([]Finding, error) {
	stage, err := engine.ParseStage(c.After.Name)
	if err != nil {
		return nil, err
	}
	t := &chosenStage{Case: c, stage: stage, whole: c.whole(s.config, stage)}
	start := &stageDraft{config: s.config, weights: s.weights, input: c.Input, before: c.Before}
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

// mistake is one that a program or a conversion may have made with a model of a [StageSearch].
type mistake struct {
	name, says string
	// repair says what is done to each parameter, and advice what to change, or is empty.
	repair, advice string
	// side is whose fault it is; empty means Checkpoint.
	side Side
	// input means that it is about the images; local that it is tried on single stages only.
	input, local bool
	// apply changes the draft. It returns false if the mistake does not apply to it.
	apply func(*stageDraft) bool
}

// mistakes returns those that are known of a kind of model, the likeliest first.
func mistakes(config arch.Config) []mistake {
	var all []mistake
	if config.Kind != arch.DVAEDecoder {
		all = inView()
	}
	if config.Convolutional() {
		return slices.Concat(all, inGain(config), inConvolutions(config), inTokens(config))
	}
	return slices.Concat(all, inCodes(), inCodebook())
}

// attempt is a draft with a mistake mended.
type attempt struct {
	mistake
	draft    *stageDraft
	distance drift.Distance
	slack    float64
}

// best returns the attempt that agrees best with the reference, or nil if none does.
func (s *StageSearch) best(ctx context.Context, t *chosenStage, start *stageDraft, own drift.Distance) (best *attempt, err error) {
	for _, m := range slices.Concat(s.found, mistakes(s.config)) {
		if !t.concerns(s.config, m) {
			continue
		}
		d := start.copied()
		if !m.apply(d) || !t.whole && !d.touches(t.stage) {
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
		if m.input {
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
func (s *StageSearch) transformer(stage engine.Stage) (arch.Config, string) {
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
func (s *StageSearch) findInPart(ctx context.Context, c Case, stage engine.Stage, config arch.Config, prefix string) ([]Finding, error) {
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
func (s *StageSearch) codesOf(tokens []float64) (engine.Input, error) {
	d := &stageDraft{config: s.config, weights: s.weights}
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
func (t *chosenStage) distance(ctx context.Context, d *stageDraft) (drift.Distance, error) {
	got, err := d.compute(ctx, t.stage, t.whole)
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
