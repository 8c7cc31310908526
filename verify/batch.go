package verify

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// batch is one pass over the parts of a model, for some of the images.
type batch struct {
	*verification
	input    engine.Input
	from, to int
	// subject is the subject's run if it is not native. wanted is the reference's, or nil for the oracle.
	subject, wanted *stream
	// walks are the runs of the native engine, one for each lane.
	walks map[*lane]*walk
	// before are the reference's activations; see localBefore.
	before *trail
	// apart means that the subject's engine chose other visual tokens than the reference, so that what it makes of them is something else.
	apart bool
}

// newBatch starts the runs that the images [from, to) need. The caller closes the batch.
func (v *verification) newBatch(ctx context.Context, from, to int) (*batch, error) {
	input, err := v.beside.input(from, to)
	if err != nil {
		return nil, err
	}
	b := &batch{verification: v, input: input, from: from, to: to, walks: map[*lane]*walk{}, before: newTrail(v.subject.Config)}
	if !v.reference.isOracle() {
		b.wanted = startStream(ctx, func(ctx context.Context, tap engine.Tap) error { return v.beside.run(ctx, from, to, input, tap) })
	}
	return b, nil
}

func (b *batch) close() {
	for _, s := range []*stream{b.subject, b.wanted} {
		if s != nil {
			s.close()
		}
	}
}

// add makes a lane compute the whole model.
func (b *batch) add(lanes ...*lane) {
	for _, l := range lanes {
		if l != nil {
			b.walks[l] = &walk{lane: l, input: b.input, trail: newTrail(b.verification.subject.Config)}
		}
	}
}

// batch runs subject, reference and the models that measure noise on the images [from, to), and compares their activations.
func (v *verification) batch(ctx context.Context, from, to int) (err error) {
	b, err := v.newBatch(ctx, from, to)
	if err != nil {
		return err
	}
	defer b.close()
	v.inputs.add(v.subject.Config, from, b.input)
	v.samples.begin(from, to, b.input)
	defer v.samples.end()
	if v.model != nil {
		b.subject = startStream(ctx, forward(v.model, b.input))
	}
	b.add(v.own, v.exact, v.rounded)
	count := 0
	for _, stages := range partsOf(v.subject.Config) {
		if err := b.step(ctx, stages, count); err != nil {
			return err
		}
		count += len(stages)
	}
	return b.leftOver()
}

// replay runs the reference alone once more on the images [from, to), and calls see for each part of the model with what the reference has there.
func (v *verification) replay(ctx context.Context, from, to int, see func(b *batch, stages []engine.Stage, want []*engine.Activation) error) error {
	b, err := v.newBatch(ctx, from, to)
	if err != nil {
		return err
	}
	defer b.close()
	for _, stages := range partsOf(v.subject.Config) {
		acts, err := b.activations(ctx, stages)
		if err != nil {
			return err
		}
		if err := see(b, stages, acts.want); err != nil {
			return err
		}
		b.before.add(stages, acts.want)
	}
	return nil
}

// step compares the stages of one part, of which count come before.
func (b *batch) step(ctx context.Context, stages []engine.Stage, count int) error {
	b.phase(Reading)
	// The streams compute while the part is loaded.
	if err := b.loadLanes(stages[0], b.own, b.exact, b.rounded, b.rough); err != nil {
		return err
	}
	b.phase(Running)
	acts, err := b.activations(ctx, stages)
	if err != nil {
		return err
	}
	b.phase(Alone)
	local, err := b.localActivations(ctx, stages, acts.want, b.exact, b.rough)
	if err != nil {
		return err
	}
	b.phase(Comparing)
	var group errgroup.Group // the stages of a block side by side
	for i, stage := range stages {
		if acts.got[i] == nil {
			b.progress(b.to - b.from)
			continue
		}
		m := b.meter(count+i, acts.got[i])
		switch {
		case stage.Kind == engine.Tokens:
			if err := b.compareTokens(m, acts, i); err != nil {
				return err
			}
			b.sameTokens(acts, i)
		case b.decodes(stage):
			group.Go(func() error {
				return b.compare(b.from, m, acts.got[i], acts.want[i], acts.rounded[i], acts.exact[i])
			})
		}
		if stage.Kind != engine.Tokens {
			group.Go(func() error { b.compareLocal(m, stage, acts.want[i], local, i); return nil })
		}
		b.progress(b.to - b.from)
	}
	if err := group.Wait(); err != nil {
		return err
	}
	b.before.add(stages, acts.want)
	return nil
}

// sameTokens lets all runs of the native engine go on from the same visual tokens, the reference's if it has any. Those of another engine go on from their own.
func (b *batch) sameTokens(acts activationsOf, i int) {
	if len(b.walks) == 0 {
		return
	}
	common := acts.want[i]
	if common == nil || !drift.AllFinite(common.Values) {
		common = acts.exact[i]
	}
	for _, w := range b.walks {
		w.trail.set(engine.Stage{Kind: engine.Tokens}, common)
	}
	b.apart = b.subject != nil && !slices.Equal(acts.got[i].Values, common.Values)
}

// decodes reports whether a stage of the subject's run can be compared: one that follows from visual tokens can if they are the reference's.
func (b *batch) decodes(stage engine.Stage) bool {
	if !b.apart || stage.Compare(engine.Stage{Kind: engine.Tokens}) <= 0 {
		return true
	}
	b.unfollowed = true
	return false
}

// activationsOf are those of the stages of one part; a nil pointer stands for one that a run does not have.
type activationsOf struct{ got, want, exact, rounded []*engine.Activation }

// activations returns the next activations of all runs.
func (b *batch) activations(ctx context.Context, stages []engine.Stage) (a activationsOf, err error) {
	of := map[*lane][]*engine.Activation{}
	for l, w := range b.walks {
		if of[l], err = w.step(ctx, stages); err != nil {
			return a, err
		}
	}
	a.exact, a.rounded, a.got, a.want = of[b.exact], of[b.rounded], of[b.own], of[b.exact]
	if b.subject != nil {
		if a.got, err = b.subject.takeAll(stages); err != nil {
			return a, err
		}
	}
	if b.wanted != nil {
		a.want, err = b.wanted.takeAll(stages)
	}
	return a, err
}

// loadLanes loads the part of a stage in each lane, once.
func (b *batch) loadLanes(stage engine.Stage, lanes ...*lane) (err error) {
	loaded := map[*lane]bool{nil: true}
	for _, l := range lanes {
		if loaded[l] {
			continue
		}
		loaded[l] = true
		l.parts.Free() // the next part takes the memory of the last one
		if l.part, err = l.parts.Load(stage); err != nil {
			return err
		}
	}
	return nil
}

// leftOver returns a *MismatchError if the reference has an activation that the model does not have.
func (b *batch) leftOver() error {
	if b.wanted == nil {
		return nil
	}
	a, err := b.wanted.peek()
	if err == nil && a != nil {
		err = &MismatchError{What: a.Name, Want: a.Shape}
	}
	return err
}
