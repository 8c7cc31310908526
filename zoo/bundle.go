package zoo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
)

// A bundle is an ocistore.Bundle with what the entries need that are in it: the artefacts and the signed index of a place, or, for entries of
// the program itself, their upstream checkpoints.
const (
	// upstreamTag is the tag of the artefact with upstream checkpoints.
	upstreamTag = "zoo-upstream"
	// upstreamFile is its file that says what the others are: a list of Pins.
	upstreamFile = "upstream.json"
	// originKey is the annotation with the place of which a bundle is a part.
	originKey = "com.github.beitzoo.origin"
)

// Bundled is what a bundle holds.
type Bundled struct {
	Entries []manifest.Reference
	// Upstream are the checkpoints in it.
	Upstream []Pin
	// Bytes is the size of the file.
	Bytes int64
}

// Bundle writes entries into one file. All that come from a place must come from the same. What is needed is fetched. The file appears whole or
// not at all; the same entries give the same file.
func (z *Zoo) Bundle(ctx context.Context, path string, entries []*Found, options PullOptions) (*Bundled, error) {
	b := &bundling{zoo: z, options: options, staging: newStaging()}
	for _, found := range entries {
		var err error
		if found.Place != nil {
			err = b.entry(ctx, found)
		} else {
			err = b.checkpoint(ctx, found)
		}
		if err != nil {
			return nil, err
		}
		b.Entries = append(b.Entries, found.Reference())
	}
	if err := b.upstream(ctx); err != nil {
		return nil, err
	}
	return &b.Bundled, b.write(ctx, path)
}

// bundling is one Bundle.
type bundling struct {
	Bundled
	*staging
	zoo     *Zoo
	options PullOptions
	place   Place
}

// MixedPlacesError says that a bundle can only hold entries of one place.
type MixedPlacesError struct{ One, Other string }

func (e *MixedPlacesError) Error() string {
	return fmt.Sprintf("a bundle has entries of one place, not of both %s and %s", e.One, e.Other)
}

// entry adds an entry of a place, and the index of the place.
func (b *bundling) entry(ctx context.Context, found *Found) error {
	if b.place == nil {
		index, err := b.zoo.index(ctx, found.Place)
		if err != nil || index == nil {
			return errors.Join(err, fmt.Errorf("the index of %s: %w", found.Place, store.ErrNotFound))
		}
		b.place = found.Place
		a := indexArtefact(index.Version, index.Raw, index.signature, found.Place.String())
		if err := b.add(ctx, a, memory{index.Raw, index.signature}); err != nil {
			return err
		}
	}
	if b.place.String() != found.Place.String() {
		return &MixedPlacesError{One: b.place.String(), Other: found.Place.String()}
	}
	return b.add(ctx, entryArtefact(found.Document, found.Signature), found.Place.Blobs())
}

// checkpoint fetches the upstream checkpoint of an entry that no place has.
func (b *bundling) checkpoint(ctx context.Context, found *Found) error {
	p := &pull{zoo: b.zoo, found: found, options: b.options, records: b.zoo.records()}
	var problems []error
	for _, source := range p.wanted() {
		if strings.HasPrefix(source.Address, manifest.EmbeddedScheme) {
			return nil // it is in every program
		}
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
		pin := Pin{Address: source.Address, Digest: blob.Digest, Size: blob.Size, Declared: declared}
		b.Upstream = append(b.Upstream, pin)
		return p.records.setPin(pin)
	}
	return &PullError{Name: found.Reference().String(), Problems: problems}
}

// upstream adds the artefact of the checkpoints, where there are any.
func (b *bundling) upstream(ctx context.Context) error {
	if len(b.Upstream) == 0 {
		return nil
	}
	content, err := json.MarshalIndent(b.Upstream, "", "  ")
	if err != nil {
		return err
	}
	files := []ocistore.File{inMemory(upstreamFile, content)}
	for i, pin := range b.Upstream {
		name := fmt.Sprintf("%d/%s", i, path.Base(pin.Address))
		files = append(files, file(name, ocistore.MediaTypeWeights, store.Blob{Digest: pin.Digest, Size: pin.Size}))
	}
	a := artefact{ocistore.Artifact{Config: ocistore.Config{Descriptor: ocistore.Descriptor{Name: upstreamTag}}, Files: files}, upstreamTag}
	return b.add(ctx, a, beside{memory{content}, b.zoo.options.Cache})
}

// write makes the file beside its place and renames it.
func (b *bundling) write(ctx context.Context, path string) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // a no-op once it has its name
	defer file.Close()
	tags, err := b.Tags(ctx)
	if err != nil {
		return err
	}
	to := &countedWriter{ctx: ctx, to: file, progress: b.options.Progress}
	if err := ocistore.WriteBundle(ctx, to, b.staging, tags...); err != nil {
		return err
	}
	b.Bytes = to.done
	if err := errors.Join(file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// countedWriter reports progress, and ends with its context.
type countedWriter struct {
	ctx      context.Context
	to       io.Writer
	done     int64
	progress func(step Step, done, total int64)
}

func (w *countedWriter) Write(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	n, err := w.to.Write(p)
	if w.done += int64(n); w.progress != nil {
		w.progress(Packing, w.done, store.UnknownSize)
	}
	return n, err
}
