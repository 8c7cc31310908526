package blame

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/blame/loss"
)

// A vector that the file shows to be lost can have had any values. So a stage is explained by another mistake if it agrees with the reference under that and
// under some values of the lost vectors. To find the mistake, what the lost vectors can move is taken away from what each mistake leaves of the difference.

const (
	// mostLost is how many values of vectors are solved for at once. A stage must have a few times as many values, so that not anything can be explained.
	mostLost = 128
	perLost  = 4
)

// besideLost returns the trial that agrees with a target with other values of the vectors that the file shows to be lost, and with at most one of the known
// hypotheses, or nil.
func (s *Search) besideLost(ctx context.Context, t *target, start *trial, known []hypothesis) (*trial, error) {
	const most = 4
	lost, err := s.lostVectors(ctx, t, start.draft)
	if err != nil || lost == nil {
		return nil, err
	}
	span, err := t.spanOf(ctx, start.draft, lost)
	if err != nil || span == nil {
		return nil, err
	}
	all := []*trial{start}
	left := map[*trial]float64{start: span.beyond(span.rest)}
	for _, h := range known {
		if h.name == anotherVector || t.beyond != nil && h.exceeds(t.parts) {
			continue
		}
		next := &trial{draft: start.draft.copied(), hypotheses: []hypothesis{h}}
		next.draft.note = ""
		if !h.apply(next.draft) || slices.ContainsFunc(lost, func(u unknown) bool { return next.draft.edits[u.name] != start.draft.edits[u.name] }) {
			continue
		}
		rest, err := t.rest(ctx, next.draft)
		if err != nil {
			return nil, err
		}
		next.notes = []string{next.draft.note}
		if left[next] = math.Inf(1); rest != nil {
			left[next] = span.beyond(rest)
		}
		all = append(all, next)
	}
	slices.SortStableFunc(all[1:], func(a, b *trial) int { return cmp.Compare(left[a], left[b]) }) // fewer mistakes come first
	for _, one := range all[:min(most, len(all))] {
		found, err := t.withVectors(ctx, one, lost)
		if err != nil || found == nil {
			return nil, err
		}
		agrees, err := t.fits(ctx, found)
		if err != nil || found.share <= 1 && agrees {
			return found, err
		}
	}
	t.vain = lost
	return nil, nil
}

// unknown is a vector with values that are lost, those with these indices.
type unknown struct {
	// ending is that of its name, and name the whole.
	ending, name string
	indices      []int
}

// lostVectors returns the vectors of a stage that the file shows to be lost, if they have not too many values.
func (s *Search) lostVectors(ctx context.Context, t *target, d *draft) ([]unknown, error) {
	own, err := s.suspicious(ctx, t)
	if err != nil || t.stage == WholeModel || len(d.places) != 1 {
		return nil, err
	}
	var lost []unknown
	count := 0
	for _, one := range own {
		old, err := d.Tensor(one.Tensor)
		if err != nil {
			return nil, err
		}
		known := slices.ContainsFunc(lost, func(u unknown) bool { return u.name == one.Tensor })
		if len(old.Shape) != 1 || slices.Contains([]loss.Kind{loss.NotFinite, loss.Outlier}, one.Kind) || known {
			continue
		}
		u := unknown{ending: strings.TrimPrefix(one.Tensor, d.places[0]), name: one.Tensor}
		if one.Kind == loss.ZeroSlices {
			u.indices = one.Indices
		} else {
			u.indices = rolled(old.Shape[0], 0)
		}
		lost = append(lost, u)
		count += len(u.indices)
	}
	if count > mostLost || perLost*count > len(t.want.Values) {
		return nil, nil
	}
	return lost, nil
}

// span is what vectors can move, to first order.
type span struct {
	// rest is what the reference has more than the draft, and lines how it changes with each value.
	rest    []float64
	lines   [][]float64
	inverse *factors
}

// rest returns what the reference has more than a draft, or nil if that has another shape.
func (t *target) rest(ctx context.Context, d *draft) ([]float64, error) {
	got, err := t.compute(ctx, d)
	if err != nil || len(got.Values) != len(t.want.Values) {
		return nil, err
	}
	return subtract(t.want, got).Values, nil
}

// spanOf returns what the vectors can move from a draft, or nil if a combination of their values moves nothing.
func (t *target) spanOf(ctx context.Context, d *draft, lost []unknown) (*span, error) {
	const step = 1e-4
	rest, err := t.rest(ctx, d)
	if err != nil || rest == nil {
		return nil, err
	}
	s := &span{rest: rest}
	for _, u := range lost {
		old, err := d.Tensor(u.name)
		if err != nil {
			return nil, err
		}
		for _, i := range u.indices {
			moved := d.copied()
			moved.Set(u.name, withValue(old, i, old.Values()[i]+step))
			after, err := t.rest(ctx, moved)
			if err != nil {
				return nil, err
			}
			for j, v := range after {
				after[j] = (rest[j] - v) / step
			}
			s.lines = append(s.lines, after)
		}
	}
	n := len(s.lines)
	gram := make([]float64, n*n)
	for i, a := range s.lines {
		for j, b := range s.lines[:i+1] {
			gram[i*n+j] = dot(a, b)
			gram[j*n+i] = gram[i*n+j]
		}
		gram[i*n+i] *= 1 + 1e-12
	}
	s.inverse = factorise(ctx, gram, n)
	if s.inverse == nil {
		return nil, ctx.Err()
	}
	return s, nil
}

// values returns the changes of the values that explain the most of a difference, and their products with it.
func (s *span) values(rest []float64) (changes, along []float64) {
	for _, line := range s.lines {
		along = append(along, dot(line, rest))
	}
	return s.inverse.solve(along), along
}

// beyond returns the square of what the vectors do not explain of a difference.
func (s *span) beyond(rest []float64) float64 {
	changes, along := s.values(rest)
	return square(rest) - dot(changes, along)
}

// withVectors returns a trial with the values of vectors with which it comes nearest to the target; nil if they can't be solved for.
func (t *target) withVectors(ctx context.Context, from *trial, lost []unknown) (*trial, error) {
	d, err := t.solvedFor(ctx, from.draft, lost)
	if err != nil || d == nil {
		return nil, err
	}
	next := &trial{draft: from.draft.copied(), hypotheses: slices.Clone(from.hypotheses), notes: slices.Clone(from.notes)}
	for _, u := range lost {
		values, err := d.vector(u.ending)
		if err != nil {
			return nil, err
		}
		h := inexact(assigning(anotherVector, partOf(u.ending), u.ending, u.ending+hasOthers, slices.Clone(values)))[0]
		h.apply(next.draft)
		next.hypotheses, next.notes = append(next.hypotheses, h), append(next.notes, "")
	}
	distance, err := t.distance(ctx, next.draft)
	if err != nil {
		return nil, err
	}
	next.distance, next.limit = distance, t.limitOf(next.hypotheses, distance)
	next.share = next.limit.share(distance)
	return next, nil
}

// solvedFor returns a draft with the values of vectors with which it comes nearest to the target, or nil, by Newton's method. What the values move is computed
// anew if a step leaves more than a little.
func (t *target) solvedFor(ctx context.Context, from *draft, lost []unknown) (*draft, error) {
	const steps, spans, little = 16, 5, 1e-3
	d, known, least := from.copied(), (*span)(nil), math.Inf(1)
	for count := range steps {
		rest, err := t.rest(ctx, d)
		if err != nil || rest == nil {
			return nil, err
		}
		now := square(rest)
		if known == nil || now > little*least {
			if count > spans || now > least/2 && count > 1 {
				break
			}
			if known, err = t.spanOf(ctx, d, lost); err != nil || known == nil {
				return nil, err
			}
		}
		least = min(least, now)
		changes, _ := known.values(rest)
		for _, u := range lost {
			if changes, err = d.shift(u, changes); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

// shift adds the first of some changes to a vector, and returns the others.
func (d *draft) shift(u unknown, changes []float64) ([]float64, error) {
	old, err := d.Tensor(u.name)
	if err != nil {
		return nil, err
	}
	values := slices.Clone(old.Values())
	for at, i := range u.indices {
		values[i] += changes[at]
	}
	d.Set(u.name, whatif.NewTensor(old.Shape, values))
	return changes[len(u.indices):], nil
}
