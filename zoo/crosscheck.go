package zoo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/pins"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// SourceWeights is what one source of a manifest holds.
type SourceWeights struct {
	// Source is the name of the source.
	Source string
	// Checkpoint is the upstream file, unless a cache had what it was converted to; Weights is the canonical file that it was converted to.
	Checkpoint, Weights store.Blob
	// Err says why the source could not be compared, or that it disagrees with another. It is nil if Weights are those of the others.
	Err error
}

// CrossCheck pulls every source of a manifest, and compares what they were converted to: publishers who converted one checkpoint independently must have
// the same canonical tensors, although one may store them in a wider type than the other. The result has one entry for each source, in the order of the manifest.
//
// If two sources disagree, the error is a *[SourcesDisagreeError]; if fewer than two could be compared, a *[CrossCheckError].
func (z *Zoo) CrossCheck(ctx context.Context, match *Match, options PullOptions) ([]SourceWeights, error) {
	all := make([]SourceWeights, len(match.Sources))
	compared := 0
	var disagree *SourcesDisagreeError
	var problems []error
	for i, source := range match.Sources {
		options.Source = source.Name
		all[i].Source = source.Name
		pulled, err := z.Pull(ctx, match, options)
		if ctx.Err() != nil {
			return all[:i], context.Cause(ctx)
		}
		if err != nil {
			all[i].Err = err
			if !errors.As(err, &disagree) {
				problems = append(problems, err)
			}
			continue
		}
		all[i].Checkpoint, all[i].Weights = pulled.Checkpoint, pulled.Weights
		compared++
		for _, before := range all[:i] {
			if before.Err != nil || disagree != nil {
				continue
			}
			if err := z.newPull(match, options).compare(ctx, all[i], before); err != nil && !errors.As(err, &disagree) {
				return all, err
			}
			if disagree != nil {
				all[i].Err = disagree
			}
		}
	}
	switch {
	case disagree != nil:
		return all, disagree
	case compared < 2:
		return all, &CrossCheckError{Name: match.Reference().String(), Sources: len(match.Sources), Compared: compared, Problems: problems}
	}
	return all, nil
}

// SourcesDisagreeError says that two sources of a manifest hold different weights.
type SourcesDisagreeError struct {
	// Name is that of the weights.
	Name string
	// Source and Other are the names of the sources, Weights and OtherWeights the digests of the canonical files that they were converted to.
	Source, Other         string
	Weights, OtherWeights digest.Digest
}

func (e *SourcesDisagreeError) Error() string {
	return fmt.Sprintf("%s: the weights of the source %s are not those of the source %s: as canonical files they are %s and %s",
		e.Name, e.Source, e.Other, e.Weights, e.OtherWeights)
}

// Is makes a SourcesDisagreeError a store.ErrDigestMismatch and an errdef.ErrIntegrity.
func (*SourcesDisagreeError) Is(kind error) bool {
	return kind == store.ErrDigestMismatch || kind == errdef.ErrIntegrity
}

// Hint says what that means.
func (e *SourcesDisagreeError) Hint() string {
	return "one of the two publishers converted another checkpoint or made a mistake: compare the two files, and tell them; to use the source " + e.Source +
		" all the same, accept it as it is now"
}

// CrossCheckError says that fewer than two sources could be compared. It wraps the errors of the others.
type CrossCheckError struct {
	Name string
	// Sources is how many the manifest has, Compared how many could be read.
	Sources, Compared int
	Problems          []error
}

func (e *CrossCheckError) Error() string {
	text := fmt.Sprintf("%s: nothing was compared: %d of %d sources could be read, and a comparison takes two", e.Name, e.Compared, e.Sources)
	for _, problem := range e.Problems {
		text += "\n  " + problem.Error()
	}
	return text
}

func (e *CrossCheckError) Unwrap() []error { return e.Problems }

// Is makes a CrossCheckError an errdef.ErrUsage if the manifest has too few sources; otherwise it is of the kinds of its problems.
func (e *CrossCheckError) Is(kind error) bool { return e.Sources < 2 && kind == errdef.ErrUsage }

// Hint says what to do.
func (e *CrossCheckError) Hint() string {
	if e.Sources < 2 {
		return "compare models with several sources; the manifest lists them"
	}
	return "try again when the sources can be reached"
}

// checkOtherSources compares what a source was converted to with what the other sources of the manifest are known to be converted to. If a difference is
// found, the new weights are removed from the cache.
func (p *pull) checkOtherSources(ctx context.Context, source manifest.Source, weights store.Blob) error {
	for _, other := range p.match.Sources {
		if other.Name == source.Name {
			continue
		}
		known, err := p.identify(other)
		if err != nil {
			return err
		}
		if known.Digest == "" {
			continue
		}
		made, err := p.records.Conversion(pins.Conversion{Checkpoint: known.Digest, Architecture: p.architecture(), Form: canonicalForm})
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		before := SourceWeights{Source: other.Name, Weights: store.Blob{Digest: made.Weights, Size: made.Size}}
		err = p.compare(ctx, SourceWeights{Source: source.Name, Weights: weights}, before)
		if errors.As(err, new(*SourcesDisagreeError)) {
			return errors.Join(err, p.zoo.options.Cache.Remove(weights.Digest))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compare returns a *SourcesDisagreeError if two sources have other weights. Canonical files of different sizes hold the weights in different types; they are
// compared by value, if the cache has both.
func (p *pull) compare(ctx context.Context, source, other SourceWeights) error {
	if source.Weights.Digest == other.Weights.Digest {
		return nil
	}
	if source.Weights.Size != other.Weights.Size {
		same, err := p.sameValues(ctx, source.Weights, other.Weights)
		if same || err != nil {
			return err
		}
	}
	return &SourcesDisagreeError{
		Name: p.match.Reference().String(), Source: source.Source, Other: other.Source, Weights: source.Weights.Digest, OtherWeights: other.Weights.Digest,
	}
}

// sameValues reports whether two canonical files hold the same numbers; also if that can't be known because the cache has only one of them.
func (p *pull) sameValues(ctx context.Context, a, b store.Blob) (bool, error) {
	config, err := Architecture(&p.match.Manifest)
	if err != nil {
		return false, err
	}
	var paths [2]string
	for i, weights := range []store.Blob{a, b} {
		if _, err := p.zoo.options.Cache.Stat(ctx, weights); err != nil {
			return true, nil //nolint:nilerror // what is not there can't be compared
		}
		if paths[i], err = p.zoo.options.Cache.Path(weights.Digest); err != nil {
			return false, err
		}
	}
	open := convert.OpenOptions{From: naming.Canonical, Arch: &config}
	difference, err := convert.Diff(ctx, paths[0], paths[1], open, open)
	return err == nil && difference.SameValues, err
}
