package blame

import (
	"context"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// decoderParts has the part of each stage that UPerNet has behind its blocks.
var decoderParts = map[engine.StageKind]part{
	engine.Feature: atNecks, engine.Lateral: atLaterals, engine.Pyramid: atPyramid, engine.Fused: atFused, engine.Logits: atLogits, engine.FullLogits: atFull,
	engine.AuxiliaryLogits: atAuxiliary,
}

// decodes reports whether a stage is one that UPerNet has behind its blocks.
func decodes(config arch.Config, stage engine.Stage) bool {
	return config.Segments() && decoderParts[stage.Kind] != 0
}

// partReading returns the part behind the blocks of UPerNet that reads a parameter, or 0.
func partReading(config arch.Config, name string) part {
	for _, stage := range engine.Stages(config) {
		if decodes(config, stage) && stage.Reads(config, name) {
			return decoderParts[stage.Kind]
		}
	}
	return 0
}

// partsReading returns the parts that read parameters, each once.
func partsReading(config arch.Config, names []string) (parts []part) {
	for _, name := range names {
		if p := partReading(config, name); p != 0 && !slices.Contains(parts, p) {
			parts = append(parts, p)
		}
	}
	return parts
}

// mapOf returns an activation of UPerNet, [N, C, height, width], as a map.
func mapOf(a engine.Activation) whatif.Map {
	return whatif.MapOf(a.Values, a.Shape[1], a.Shape[2], a.Shape[3])
}

// byPixels returns an activation of UPerNet as [N, height, width, C].
func byPixels(a engine.Activation) engine.Activation {
	s := a.Shape
	return engine.Activation{Name: a.Name, Shape: []int{s[0], s[2], s[3], s[1]}, Values: mapOf(a).Values}
}

// decoderTarget returns what a stage behind the blocks of UPerNet alone has to be compared with.
func (s *Search) decoderTarget(c Case, stage engine.Stage) *target {
	t := &target{stage: stage.String(), name: stage.String(), parts: []part{decoderParts[stage.Kind]}, want: mapOf(c.After).Rows, limit: c.Limit}
	if stage.Kind == engine.Feature {
		stream := whatif.RowsOf(c.Maps[0].Values, s.config.EmbedDim)
		t.compute = func(ctx context.Context, d *draft) (*whatif.Rows, error) {
			own := stream
			if taps := d.Rules.Decoder.Taps; taps != nil { // the reference's blocks are right, or this would not be asked
				streams, err := s.streamsOf(ctx, d.input)
				if err != nil {
					return nil, err
				}
				own = streams[int(taps[stage.Block])+1]
			}
			return d.feature(ctx, stage, own)
		}
		t.solve = func(ctx context.Context, d *draft) ([]hypothesis, error) { return s.solveTaps(ctx, c, stage, d) }
		return t
	}
	var before []whatif.Map
	for _, a := range c.Maps {
		before = append(before, mapOf(a))
	}
	auxiliary := engine.Stage{Kind: engine.AuxiliaryLogits}
	t.compute = func(ctx context.Context, d *draft) (*whatif.Rows, error) {
		if d.Rules.Decoder.Auxiliary && (stage.Kind == engine.Logits || stage.Kind == engine.FullLogits) {
			if feature := c.Features[auxiliary.Inputs(s.config)[0].Block]; feature != nil {
				m, err := d.Decode(ctx, auxiliary, mapOf(*feature))
				if err != nil {
					return nil, err
				}
				m, err = d.InPlace(m, stage)
				return m.Rows, err
			}
		}
		m, err := d.Decode(ctx, stage, before...)
		return m.Rows, err
	}
	if stage.Kind == engine.Logits {
		t.solve = func(ctx context.Context, d *draft) ([]hypothesis, error) { return solveLogits(ctx, t, d) }
	}
	return t
}

// feature returns the map that is made of a stream.
func (d *draft) feature(ctx context.Context, stage engine.Stage, stream *whatif.Rows) (*whatif.Rows, error) {
	patches, err := d.Patches(stream)
	if err != nil {
		return nil, err
	}
	m, err := d.Decode(ctx, stage, patches)
	return m.Rows, err
}

// streamsOf returns the streams of the model as it is: that before each block, and that after the last.
func (s *Search) streamsOf(ctx context.Context, input whatif.Input) ([]*whatif.Rows, error) {
	if s.streams != nil && &s.streamed.Pixels[0] == &input.Pixels[0] {
		return s.streams, nil
	}
	m := &march{search: s, input: input, stage: engine.Stage{Kind: engine.Block, Block: s.config.Depth - 1}, assumed: newWalker(), account: &account{}}
	if _, err := m.plainly(ctx); err != nil {
		return nil, err
	}
	s.streamed, s.streams = input, m.plain
	return m.plain, nil
}

// solveTaps returns the hypothesis that other blocks are tapped: those of which the model makes the reference's maps.
func (s *Search) solveTaps(ctx context.Context, c Case, stage engine.Stage, d *draft) ([]hypothesis, error) {
	const near = 1e-3 // of the root mean square, as far as pixels in float32 lead
	streams, err := s.streamsOf(ctx, d.input)
	if err != nil {
		return nil, err
	}
	own := s.config.Segmentation.Taps
	taps, shifts := own, map[arch.Tap]bool{}
	var unknown []int
	for level, a := range c.Features {
		if level == stage.Block {
			a = &c.After
		}
		if a == nil {
			unknown = append(unknown, level)
			continue
		}
		want, best := mapOf(*a), -1
		most := near * rms(want.Values)
		for blocks, stream := range streams {
			got, err := d.feature(ctx, engine.Stage{Kind: engine.Feature, Block: level}, stream)
			if err != nil {
				return nil, err
			}
			if off := drift.Compare(got.Values, want.Values).RMS; off < most {
				best, most = blocks, off
			}
		}
		if best >= 0 {
			taps[level] = arch.Tap(best - 1)
			shifts[taps[level]-own[level]] = true
		}
	}
	for shift := range shifts {
		for _, level := range unknown {
			if tap := own[level] + shift; len(shifts) == 1 && tap >= arch.TapEmbed && int(tap) < s.config.Depth {
				taps[level] = tap // as the others
			}
		}
	}
	if taps == own {
		return nil, nil
	}
	h := tapping(own, taps)
	h.general = true
	return []hypothesis{h}, nil
}

func rms(values []float64) float64 { return drift.Compare(values, make([]float64, len(values))).RMS }

// decoded computes the stage of a march that is behind the blocks of UPerNet.
func (m *march) decoded(ctx context.Context, w *walker) (*whatif.Rows, error) {
	d, _ := m.draft(w, engine.Stage{}, wholeDecoder...)
	got, err := d.Segment(ctx, m.stage, func(blocks int) *whatif.Rows {
		if stream := w.streams[blocks]; stream != nil {
			return stream
		}
		return m.plain[blocks]
	})
	return got.Rows, err
}

// tapped reports whether UPerNet makes a map of the stream after that many blocks.
func (m *march) tapped(blocks int) bool {
	return slices.Contains(m.search.config.Segmentation.Taps[:], arch.Tap(blocks-1))
}

// decoderCost returns about how many operations all takes that UPerNet has behind its blocks.
func (m *march) decoderCost() float64 {
	config, cost := m.search.config, 0.0
	for _, p := range config.Params() {
		stage, elements := partReading(config, p.Name), 1.0
		for _, n := range p.Shape {
			elements *= float64(n)
		}
		level := 0
		switch {
		case len(p.Shape) != 4 || stage == atAuxiliary:
			continue
		case stage == atNecks:
			level = 2
		case stage == atPyramid:
			level = arch.Levels - 1
		}
		height, width := config.LevelSize(level)
		cost += 2 * elements * float64(height*width)
	}
	images := m.plain[0].Count / config.Tokens()
	return cost * float64(images)
}
