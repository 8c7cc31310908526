package zoo

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/image-spec/specs-go"
	oci "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// A bundle is an OCI image layout in a tar archive, as OCI tools read it, with what the entries need that are in it: the artefacts and the signed
// index of a place, or, for entries of the program itself, their upstream checkpoints.

// upstreamTag is the tag of the artefact with upstream checkpoints; the titles of its layers are their addresses.
const (
	upstreamTag  = "zoo-upstream"
	upstreamType = "application/vnd.beitzoo.upstream.v1"
	// originKey is the annotation with the place of which a bundle is a part.
	originKey = "com.github.beitzoo.origin"
)

// Bundled is what a bundle holds.
type Bundled struct {
	Entries []manifest.Reference
	// Upstream are the checkpoints in it.
	Upstream []store.Blob
	// Bytes is the size of the file.
	Bytes int64
}

// Bundle writes entries into one file. All that come from a place must come from the same. What is needed is fetched. The file appears whole or
// not at all; the same entries give the same file.
func (z *Zoo) Bundle(ctx context.Context, path string, entries []*Found, options PullOptions) (*Bundled, error) {
	b := &bundling{zoo: z, options: options, blobs: map[store.Digest]source{}}
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
	if err := b.artefacts(); err != nil {
		return nil, err
	}
	return &b.Bundled, b.write(ctx, path)
}

// bundling is one Bundle.
type bundling struct {
	Bundled
	zoo     *Zoo
	options PullOptions
	place   Place
	layout  oci.Index
	blobs   map[store.Digest]source
}

// source is a blob and where it is.
type source struct {
	store.Blob
	from store.Fetcher
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
		artefact, err := indexArtefact(index.Raw, index.signature)
		if err != nil {
			return err
		}
		b.place = found.Place
		b.add(artefact, memory{index.Raw, index.signature})
	}
	if b.place.String() != found.Place.String() {
		return &MixedPlacesError{One: b.place.String(), Other: found.Place.String()}
	}
	artefact, err := entryArtefact(found.Document, found.Signature)
	if err == nil {
		b.add(artefact, found.Place.Blobs())
	}
	return err
}

// checkpoint adds the upstream checkpoint of an entry that no place has.
func (b *bundling) checkpoint(ctx context.Context, found *Found) error {
	options := b.options
	options.KeepUpstream = true
	p := &pull{zoo: b.zoo, found: found, options: options, records: b.zoo.records()}
	var problems []error
	for _, s := range p.wanted() {
		if strings.HasPrefix(s.Address, manifest.EmbeddedScheme) {
			return nil // it is in every program
		}
		known, err := p.identify(s)
		if err != nil {
			return err
		}
		blob, declared, err := p.download(ctx, s, known)
		if err != nil {
			p.notice(err)
			problems = append(problems, err)
			continue
		}
		blob.Name = s.Address
		b.Upstream = append(b.Upstream, blob)
		return p.records.setPin(Pin{Address: s.Address, Digest: blob.Digest, Size: blob.Size, Declared: declared})
	}
	return &PullError{Name: found.Reference().String(), Problems: problems}
}

// artefacts adds the artefact of the checkpoints, where there are any.
func (b *bundling) artefacts() error {
	if len(b.Upstream) == 0 {
		return nil
	}
	var layers []layer
	for _, blob := range b.Upstream {
		blob.MediaType = weightType
		layers = append(layers, layer{blob, blob.Name})
	}
	artefact, err := newArtefact(upstreamTag, upstreamType, oci.MediaTypeEmptyJSON, []byte("{}"), layers, nil)
	if err == nil {
		b.add(artefact, b.zoo.options.Cache)
	}
	return err
}

// add enters an artefact and its blobs.
func (b *bundling) add(a Artefact, from store.Fetcher) {
	enter(&b.layout, a)
	for _, content := range [][]byte{a.Manifest, a.Config} {
		digest := store.DigestOf(content)
		b.blobs[digest] = source{store.Blob{Digest: digest, Size: int64(len(content))}, memory{content}}
	}
	for _, blob := range a.Layers {
		b.blobs[blob.Digest] = source{blob, from}
	}
}

// write makes the file beside its place and renames it.
func (b *bundling) write(ctx context.Context, path string) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // a no-op once it has its name
	defer file.Close()
	archive := tar.NewWriter(file)
	if err := b.archive(ctx, archive); err != nil {
		return err
	}
	if b.Bytes, err = file.Seek(0, io.SeekCurrent); err != nil {
		return err
	}
	if err := errors.Join(file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// archive writes the files of the layout; blobs come in the order of their digests.
func (b *bundling) archive(ctx context.Context, archive *tar.Writer) error {
	b.layout.Versioned, b.layout.MediaType = specs.Versioned{SchemaVersion: 2}, oci.MediaTypeImageIndex
	if b.place != nil {
		b.layout.Annotations = map[string]string{originKey: b.place.String()}
	}
	index, err := json.Marshal(b.layout)
	if err != nil {
		return err
	}
	err = errors.Join(
		writeFile(archive, oci.ImageLayoutFile, int64(len(layoutFile)), strings.NewReader(layoutFile)),
		writeFile(archive, oci.ImageIndexFile, int64(len(index)), bytes.NewReader(index)))
	if err != nil {
		return err
	}
	total, done := int64(0), int64(0)
	var digests []store.Digest
	for digest, s := range b.blobs {
		digests, total = append(digests, digest), total+s.Size
	}
	slices.Sort(digests)
	for _, digest := range digests {
		if err := b.blob(ctx, archive, b.blobs[digest]); err != nil {
			return err
		}
		if done += b.blobs[digest].Size; b.options.Progress != nil {
			b.options.Progress(Packing, done, total)
		}
	}
	return archive.Close()
}

// blob writes one blob, verified.
func (b *bundling) blob(ctx context.Context, archive *tar.Writer, s source) error {
	body, err := s.from.Fetch(ctx, s.Blob)
	if err != nil {
		return err
	}
	defer body.Close()
	return writeFile(archive, blobPath(s.Digest), s.Size, store.NewVerifier(&stoppable{ctx, body}, s.Blob, ""))
}

func blobPath(digest store.Digest) string { return "blobs/sha256/" + digest.Hex() }

// writeFile adds a file without owner and time, so that the same content gives the same archive.
func writeFile(archive *tar.Writer, name string, size int64, content io.Reader) error {
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := io.Copy(archive, content)
	return err
}

// stoppable is a reader that ends with its context.
type stoppable struct {
	ctx  context.Context
	from io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.from.Read(p)
}

// memory is a store of small blobs.
type memory [][]byte

// Stat implements store.Stater.
func (m memory) Stat(_ context.Context, blob store.Blob) (store.Info, error) {
	for _, content := range m {
		if store.DigestOf(content) == blob.Digest {
			return store.Info{Size: int64(len(content)), Digest: blob.Digest, Source: "memory"}, nil
		}
	}
	return store.Info{}, store.ErrNotFound
}

// Fetch implements store.Fetcher.
func (m memory) Fetch(_ context.Context, blob store.Blob) (io.ReadCloser, error) {
	for _, content := range m {
		if store.DigestOf(content) == blob.Digest {
			return io.NopCloser(bytes.NewReader(content)), nil
		}
	}
	return nil, store.ErrNotFound
}
