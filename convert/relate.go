package convert

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"

	"golang.org/x/sync/semaphore"

	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/tensor/relation"
)

// mostRelated is how many elements are in memory at a time, as pairs of float64 and the changed copies that are compared with them.
const mostRelated = 1 << 25

// relate sets how the tensors of each pair with a difference are related.
func relate(ctx context.Context, a *Model, both [][2]tensor.Named, differences []*TensorDifference) error {
	budget := semaphore.NewWeighted(mostRelated)
	err := parallel.Each(ctx, len(both), guarded(func(ctx context.Context, i int) error {
		d := differences[i]
		if d == nil || d.Count == 0 && d.ShapeA.Equal(d.ShapeB) {
			return nil
		}
		weight := min(d.Elements, mostRelated)
		if err := budget.Acquire(ctx, weight); err != nil {
			return context.Cause(ctx)
		}
		defer budget.Release(weight)
		var err error
		d.Relation, err = related(both[i][0], both[i][1], a)
		return err
	}))
	if err != nil {
		return err
	}
	return findElsewhere(ctx, a, both, differences)
}

func related(a, b tensor.Named, model *Model) (*relation.Relation, error) {
	elementsA, _ := a.Shape.Elements()
	if elementsB, _ := b.Shape.Elements(); elementsA != elementsB {
		return nil, nil
	}
	left, err := relation.Read(a.View)
	if err != nil {
		return nil, err
	}
	right, err := relation.Read(b.View)
	if err != nil {
		return nil, err
	}
	found := relation.Between(left, right, relation.Options{Axes: model.Config.Axes(a.Name)})
	if found.Equal() { // but for the signs of zeros, or the bits of NaNs
		return nil, nil
	}
	return found, nil
}

// findElsewhere sets which other parameter of A has the values of a parameter of B that is not related to its own, or close by chance, as norms are: blocks may
// be in another order, or one be a copy of another.
func findElsewhere(ctx context.Context, a *Model, both [][2]tensor.Named, differences []*TensorDifference) error {
	var unrelated []int
	for i, d := range differences {
		if d != nil && (d.Relation == nil || d.Relation.Is(relation.Close)) && d.Count > 1 && d.DTypeA == d.DTypeB {
			unrelated = append(unrelated, i)
		}
	}
	if len(unrelated) == 0 {
		return nil
	}
	seed := maphash.MakeSeed()
	digests := make([]uint64, len(a.Tensors))
	err := parallel.Each(ctx, len(a.Tensors), guarded(func(ctx context.Context, i int) (err error) {
		digests[i], err = digest(ctx, seed, a.Tensors[i].View)
		return err
	}))
	if err != nil {
		return err
	}
	return parallel.Each(ctx, len(unrelated), guarded(func(ctx context.Context, i int) error {
		own := both[unrelated[i]][1]
		theirs, err := digest(ctx, seed, own.View)
		if err != nil {
			return err
		}
		for k, t := range a.Tensors {
			if digests[k] == theirs && t.DType == own.DType && t.Shape.Equal(own.Shape) {
				differences[unrelated[i]].Elsewhere, differences[unrelated[i]].Relation = t.Name, nil
				break
			}
		}
		return nil
	}))
}

// digest returns a hash of the bytes of a tensor.
func digest(ctx context.Context, seed maphash.Seed, v tensor.View) (uint64, error) {
	var hash maphash.Hash
	hash.SetSeed(seed)
	_, err := v.Data.WriteTo(pieceFunc(func(p []byte) error {
		_, _ = hash.Write(p) // which never fails
		return context.Cause(ctx)
	}))
	return hash.Sum64(), err
}

// common counts relations that say the same.
func common(tensors []TensorDifference) []CommonRelation {
	counts := map[string]int{}
	var all []CommonRelation
	for _, t := range tensors {
		if gist := t.gist(); gist != "" {
			if counts[gist]++; counts[gist] == 1 {
				all = append(all, CommonRelation{Sentence: gist})
			}
		}
	}
	for i := range all {
		all[i].Count = counts[all[i].Sentence]
	}
	slices.SortStableFunc(all, func(a, b CommonRelation) int { return cmp.Compare(b.Count, a.Count) })
	return all
}
