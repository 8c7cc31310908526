package zoo

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/pins"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// Use says what a blob of the cache is for.
type Use struct {
	manifest.Reference
	Part Part
}

// Part is the role of a file in an entry, as a phrase for people.
type Part string

// The parts.
const (
	WeightsPart    Part = "weights"
	EncodedPart    Part = "encoded weights"
	CheckpointPart Part = "upstream checkpoint"
	RecordingPart  Part = "recording"
	ManifestPart   Part = "manifest"
	SignaturePart  Part = "signature"
	HubPart        Part = "file of the hub"
)

// Uses returns what the blobs of the cache are for, by digest, as far as that is known without a network: from the manifests inside the program, from the
// indexes that were accepted last, and from the records of upstream files, conversions and models of the hub. Blobs of other manifests are missing.
func (z *Zoo) Uses(ctx context.Context) (map[digest.Digest][]Use, error) {
	uses := useTable{}
	for _, document := range z.embedded {
		if err := z.addUses(uses, document); err != nil {
			return nil, err
		}
	}
	places, err := z.trust.Places()
	if err != nil {
		return nil, err
	}
	for _, name := range places {
		index, err := z.trust.Latest(name)
		if err != nil {
			return nil, err
		}
		if index == nil {
			continue
		}
		for _, entry := range index.Entries {
			uses.add(entry.Digest, entry.Reference(), ManifestPart)
			uses.add(entry.Signature.Digest, entry.Reference(), SignaturePart)
			content := manifest.Content{Digest: entry.Digest, Size: entry.Size}
			raw, err := store.Read(ctx, z.options.Cache, place.ContentBlob(content, entry.Reference().String()), manifest.MaxSize)
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if err != nil {
				continue // nobody looked at that entry, or its manifest was pruned
			}
			document, err := ReadManifest(entry.Reference().String(), raw)
			if err != nil {
				continue // it was written for another version of the program
			}
			if err := z.addUses(uses, document); err != nil {
				return nil, err
			}
		}
	}
	snapshots, err := pins.Open(z.options.State, z.options.Cache.Dir()).Snapshots()
	if err != nil {
		return nil, err
	}
	for _, snapshot := range snapshots {
		_, reference, _ := strings.Cut(snapshot.Reference, " ") // the address of the hub comes first
		for _, file := range snapshot.Files {
			uses.add(file.Digest, manifest.Reference{Name: reference}, HubPart)
		}
	}
	return uses, nil
}

type useTable map[digest.Digest][]Use

func (t useTable) add(sum digest.Digest, of manifest.Reference, part Part) {
	if use := (Use{of, part}); sum != "" && !slices.Contains(t[sum], use) {
		t[sum] = append(t[sum], use)
	}
}

// addUses adds the files of one manifest.
func (z *Zoo) addUses(uses useTable, document *manifest.Document) error {
	reference := document.Reference()
	for _, blob := range document.Blobs {
		if blob.Weights().Digest != blob.Digest {
			uses.add(blob.Digest, reference, EncodedPart)
		}
		uses.add(blob.Weights().Digest, reference, WeightsPart)
	}
	for _, recording := range document.Recordings {
		uses.add(recording.Digest, reference, RecordingPart)
	}
	p := z.newPull(MatchOf(document), PullOptions{})
	for _, source := range document.Sources {
		known, err := p.identify(source)
		if err != nil {
			return err
		}
		uses.add(known.Digest, reference, CheckpointPart)
		made, err := p.records.Conversion(pins.Conversion{Checkpoint: known.Digest, Architecture: p.architecture(), Form: canonicalForm})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			uses.add(made.Weights, reference, WeightsPart)
		}
	}
	return nil
}
