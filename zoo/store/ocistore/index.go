package ocistore

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// index is the index.json of a layout: its manifests and their tags.
type index struct{ ocispec.Index }

func newIndex() index {
	return index{ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{}}}
}

func parseIndex(content []byte) (index, error) {
	x := newIndex()
	if err := json.Unmarshal(content, &x.Index); err != nil {
		return x, fmt.Errorf("%w: %s is not an OCI index: %w", store.ErrInvalid, ocispec.ImageIndexFile, text.JSONError(err))
	}
	if x.SchemaVersion != 2 {
		return x, fmt.Errorf("%w: %s has the version %d, not 2", store.ErrInvalid, ocispec.ImageIndexFile, x.SchemaVersion)
	}
	return x, nil
}

// find returns the manifest of a tag, and whether there is one.
func (x index) find(tag string) (store.Blob, bool, error) {
	for _, d := range x.Manifests {
		if d.Annotations[ocispec.AnnotationRefName] == tag {
			blob, err := blobOf(d)
			return blob, true, err
		}
	}
	return store.Blob{}, false, nil
}

// tags lists all tags, sorted.
func (x index) tags() []string {
	var tags []string
	for _, d := range x.Manifests {
		if tag := d.Annotations[ocispec.AnnotationRefName]; tag != "" {
			tags = append(tags, tag)
		}
	}
	sort.Strings(tags)
	return slices.Compact(tags)
}

// add enters a manifest under a tag. Manifests are sorted by tag, so the index does not depend on the order of publishing.
func (x *index) add(tag string, manifest store.Blob) {
	d := descriptorOf(manifest)
	d.ArtifactType = ArtifactType
	d.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
	x.Manifests = append(x.Manifests, d)
	sort.SliceStable(x.Manifests, func(i, j int) bool {
		return x.Manifests[i].Annotations[ocispec.AnnotationRefName] < x.Manifests[j].Annotations[ocispec.AnnotationRefName]
	})
}
