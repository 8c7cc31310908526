package zoo

import (
	"context"
	"errors"
	"time"

	"aead.dev/minisign"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
)

// StatusChange says what a publisher now says about published entries.
type StatusChange struct {
	// Entries have a version each.
	Entries []manifest.Reference
	// Status is what is said about them; nil takes back what was said. If it is nil, Undo is the state that is taken back: entries of another state
	// are a *manifest.StatusError.
	Status *manifest.Status
	Undo   string
	// Key signs the index. Expires is when readers stop accepting it; zero is a year from now.
	Key     minisign.PrivateKey
	Expires time.Time
	// DryRun checks everything and changes nothing.
	DryRun bool
}

// StatusResult says what SetStatus changed.
type StatusResult struct {
	// Changed are the entries whose status is another one now.
	Changed []manifest.Reference
	// Index is the index with the change, also after a dry run. If nothing was changed, its version is the one that the place had already.
	Index *manifest.Index
}

// SetStatus deprecates or withdraws entries of a place, or takes that back, all in one new version of the index. Manifests and weights stay as they are. If
// one entry cannot be changed, none is: errors are those of Index.SetStatus. If all entries have the status already, nothing is written. A place
// without an index is store.ErrNotFound; a *place.RaceError says that somebody else published at the same time.
func (z *Zoo) SetStatus(ctx context.Context, at place.Destination, change StatusChange) (*StatusResult, error) {
	if err := z.checkExpiry(change.Expires); err != nil {
		return nil, err
	}
	index, err := z.publishedIndex(ctx, at, change.Key)
	if err != nil {
		return nil, err
	}
	result := &StatusResult{Index: index.Index}
	var problems []error
	for _, reference := range change.Entries {
		changed, err := change.apply(index.Index, reference)
		if changed {
			result.Changed = append(result.Changed, reference)
		}
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if len(result.Changed) == 0 {
		return result, nil
	}
	if change.DryRun {
		_, _, err = z.signIndex(at, index, change.Key, change.Expires, false)
		return result, err
	}
	return result, z.writeIndex(ctx, at, index, change.Key, change.Expires, false)
}

// apply changes one entry of an index.
func (c StatusChange) apply(index *manifest.Index, reference manifest.Reference) (changed bool, err error) {
	if c.Status != nil {
		return index.SetStatus(reference, c.Status)
	}
	return index.ClearStatus(reference, c.Undo)
}
