package zoo

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/pins"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// BundleResult says what a bundle holds.
type BundleResult struct {
	// Entries are the versions in it, in the order in which they were given.
	Entries []manifest.Reference
	// Upstream lists the upstream checkpoints in it.
	Upstream []pins.Pin
	// Bytes is the size of the file.
	Bytes int64
}

// Bundle writes entries into the file at path, which place.OpenBundle opens. Entries of different places are a *MixedPlacesError. Upstream
// checkpoints that the cache lacks are fetched; if no source has one, the error is a *PullError. The file appears whole or not at all, and the
// same entries always make the same bytes.
func (z *Zoo) Bundle(ctx context.Context, path string, entries []*Match, options PullOptions) (*BundleResult, error) {
	b := &bundleRun{zoo: z, options: options, writer: place.NewBundleWriter()}
	for _, match := range entries {
		if err := b.add(ctx, match, b.addCheckpoint); err != nil {
			return nil, err
		}
	}
	if len(b.result.Upstream) > 0 {
		if err := b.writer.AddUpstream(ctx, b.result.Upstream, z.options.Cache); err != nil {
			return nil, err
		}
	}
	var progress func(done int64)
	if options.Progress != nil {
		progress = func(done int64) { options.Progress(Encoding, done, store.UnknownSize) }
	}
	var err error
	b.result.Bytes, err = b.writer.Write(ctx, path, progress)
	return &b.result, err
}

// PlanBundle checks what Bundle checks before it writes, and returns the files that the bundle would hold; a size may be store.UnknownSize, and a
// digest empty. It fetches no weights: of upstream checkpoints it asks servers for the size.
func (z *Zoo) PlanBundle(ctx context.Context, entries []*Match, options PullOptions) ([]place.File, error) {
	var files []place.File
	b := &bundleRun{zoo: z, options: options, writer: place.NewBundleWriter()}
	for _, match := range entries {
		if match.Place != nil {
			files = append(files, place.FilesOf(match.Entry)...)
		}
		err := b.add(ctx, match, func(ctx context.Context, match *Match) error {
			checkpoint, err := b.planCheckpoint(ctx, match)
			files = append(files, checkpoint...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// bundleRun is one call of Bundle.
type bundleRun struct {
	zoo     *Zoo
	options PullOptions
	writer  *place.BundleWriter
	result  BundleResult
	// from is the place of the entries so far, or nil.
	from place.Place
}

// MixedPlacesError says that a bundle can hold entries of one place only.
type MixedPlacesError struct{ One, Other string }

func (e *MixedPlacesError) Error() string {
	return fmt.Sprintf("a bundle has entries of one place, not of both %s and %s", e.One, e.Other)
}

// Hint says what to do instead.
func (*MixedPlacesError) Hint() string { return "make one bundle for each place" }

// Is makes a MixedPlacesError an errdef.ErrUsage.
func (*MixedPlacesError) Is(kind error) bool { return kind == errdef.ErrUsage }

// add adds an entry: those of the program by addCheckpoint.
func (b *bundleRun) add(ctx context.Context, match *Match, addCheckpoint func(context.Context, *Match) error) error {
	add := b.addEntry
	if match.Place == nil {
		add = addCheckpoint
	}
	if err := add(ctx, match); err != nil {
		return err
	}
	b.result.Entries = append(b.result.Entries, match.Reference())
	return nil
}

// addEntry adds an entry of a place. The first one also adds the index of that place.
func (b *bundleRun) addEntry(ctx context.Context, match *Match) error {
	if b.from == nil {
		index, err := b.zoo.index(ctx, match.Place)
		if err != nil {
			return fmt.Errorf("the index of %s: %w", match.Place, err)
		}
		if index == nil {
			return fmt.Errorf("the index of %s: %w", match.Place, store.ErrNotFound)
		}
		b.from = match.Place
		if err := b.writer.AddIndex(ctx, index.IndexDocument, index.signature, match.Place.String()); err != nil {
			return err
		}
	}
	if b.from.String() != match.Place.String() {
		return &MixedPlacesError{One: b.from.String(), Other: match.Place.String()}
	}
	return b.writer.AddEntry(ctx, match.Entry, match.Place.Blobs())
}

// addCheckpoint fetches the upstream checkpoint of an entry that no place has.
func (b *bundleRun) addCheckpoint(ctx context.Context, match *Match) error {
	p := b.zoo.newPull(match, b.options)
	notices := p.holdNotices()
	var problems []error
	for _, source := range p.wantedSources() {
		known, err := p.identify(source)
		if err != nil {
			return err
		}
		blob, declared, err := p.download(ctx, source, known, b.zoo.options.Cache)
		if err != nil {
			p.notice(err)
			problems = append(problems, err)
			continue
		}
		notices.release()
		pin := pins.Pin{Address: source.Address, Digest: blob.Digest, Size: blob.Size, Declared: declared}
		b.result.Upstream = append(b.result.Upstream, pin)
		return p.records.SetPin(pin)
	}
	return &PullError{Name: match.Reference().String(), Problems: problems}
}

// planCheckpoint returns the upstream checkpoint that addCheckpoint would fetch.
func (b *bundleRun) planCheckpoint(ctx context.Context, match *Match) ([]place.File, error) {
	candidates, err := b.zoo.newPull(match, b.options).candidates()
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, c := range candidates {
		switch {
		case !c.Upstream:
		case b.zoo.complete(ctx, &c):
			return []place.File{{Name: c.Address, Content: manifest.Content{Digest: c.Digest, Size: c.Bytes}}}, nil
		default:
			problems = append(problems, c.Err)
		}
	}
	return nil, &PullError{Name: match.Reference().String(), Problems: problems}
}
