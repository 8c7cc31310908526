package site

import (
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// model is one set of weights with all its versions.
type model struct {
	*manifest.Document
	// Versions are all versions, the latest first, which is the Document.
	Versions []*manifest.Document
}

// group returns the models that documents are versions of, sorted by name.
func group(documents []*manifest.Document) []*model {
	byID := map[string]*model{}
	var models []*model
	for _, document := range documents {
		m := byID[document.ID]
		if m == nil {
			m = &model{}
			byID[document.ID] = m
			models = append(models, m)
		}
		m.Versions = append(m.Versions, document)
	}
	for _, m := range models {
		slices.SortFunc(m.Versions, func(a, b *manifest.Document) int { return manifest.CompareVersions(b.Version, a.Version) })
		m.Document = m.Versions[0]
	}
	slices.SortFunc(models, func(a, b *model) int { return strings.Compare(a.ID, b.ID) })
	return models
}

// Pixels returns the width and height of the images that the model takes.
func (m *model) Pixels() int {
	if len(m.Preprocessing) == 0 {
		return 0
	}
	return m.Preprocessing[0].Recipe.Crop
}

// Classes returns the number of logits.
func (m *model) Classes() int64 { return int64(m.Categories.Count) }

// Best returns the accuracy for the table: the first one, which is that of the first source.
func (m *model) Best() *manifest.Accuracy {
	if len(m.Accuracy) == 0 {
		return nil
	}
	return &m.Accuracy[0]
}

// Download returns how many bytes a pull fetches, and whether that is exact.
func (m *model) Download() download {
	if len(m.Blobs) > 0 {
		return download{Bytes: m.Blobs[0].Size, Exact: true}
	}
	first := m.Sources[0]
	if first.Size > 0 {
		return download{Bytes: first.Size, Exact: true}
	}
	return download{Bytes: first.Estimate}
}

type download struct {
	Bytes int64
	Exact bool
}

// Known returns the digests that a reader can compare a file with: those of the weights and of the sources.
func (m *model) Known() []labelled {
	var known []labelled
	for i := range m.Blobs {
		known = append(known, labelled{Label: "weights " + m.Blobs[i].DType, Digest: m.Blobs[i].Weights().Digest})
	}
	for _, source := range m.Sources {
		if source.Digest != "" {
			known = append(known, labelled{Label: source.Name, Digest: source.Digest})
		}
	}
	return known
}

type labelled struct {
	Label  string
	Digest digest.Digest
}
