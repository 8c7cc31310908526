package site

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// model is one set of weights with all its versions.
type model struct {
	// shown is the version that its name stands for, or the latest one if all are withdrawn.
	shown
	// Versions are all versions, the latest first.
	Versions []Entry
	// Config is the architecture; nil if this program does not know it.
	Config *arch.Config
	// LabelSet is the position of the labels in the catalogue's list, or -1 if the table does not search them.
	LabelSet int
	// others has the names of all models of the site, for links.
	others map[string]bool
}

// group returns the models that entries are versions of, sorted by name. Of entries with the same name and version it keeps the first.
func group(entries []Entry) []*model {
	byID := map[string]*model{}
	for _, entry := range entries {
		m := byID[entry.ID]
		if m == nil {
			m = &model{LabelSet: -1}
			byID[entry.ID] = m
		}
		if !slices.ContainsFunc(m.Versions, func(other Entry) bool { return other.Version == entry.Version }) {
			m.Versions = append(m.Versions, entry)
		}
	}
	models := slices.SortedFunc(maps.Values(byID), func(a, b *model) int { return strings.Compare(a.Versions[0].ID, b.Versions[0].ID) })
	names := map[string]bool{}
	for _, m := range models {
		slices.SortFunc(m.Versions, func(a, b Entry) int { return manifest.CompareVersions(b.Version, a.Version) })
		m.shown = shown{m.Versions[latest(m.Versions)]}
		m.Config = config(&m.Manifest)
		m.others, names[m.ID] = names, true
	}
	return models
}

// latest returns the position of the version that a name stands for, or 0 if all are withdrawn.
func latest(versions []Entry) int {
	options := make([]manifest.Option, len(versions))
	for i, version := range versions {
		options[i] = manifest.Option{Reference: version.Reference(), Status: version.Status}
	}
	at, err := manifest.Pick(manifest.Reference{Name: versions[0].ID}, options)
	if err != nil {
		return 0
	}
	return at
}

// config returns the architecture of a manifest, or nil if this program does not know it.
func config(m *manifest.Manifest) *arch.Config {
	if m.Config != nil {
		return m.Config
	}
	if known, err := arch.ByName(m.Architecture); err == nil {
		return &known
	}
	return nil
}

// Pixels returns the height of the images that the model takes, for sorting; 0 if it is not known.
func (m *model) Pixels() int {
	if m.Config != nil {
		return m.Config.ImageHeight
	}
	if len(m.Preprocessing) > 0 {
		return m.Preprocessing[0].Recipe.Crop
	}
	return 0
}

// Size returns the size of the images that the model takes: "224", or "224 × 196" if they are not square.
func (m *model) Size() string {
	switch {
	case m.Pixels() == 0:
		return "–"
	case m.Config != nil && m.Config.ImageHeight != m.Config.ImageWidth:
		return fmt.Sprintf("%d × %d", m.Config.ImageHeight, m.Config.ImageWidth)
	}
	return strconv.Itoa(m.Pixels())
}

// Classes returns the number of logits.
func (m *model) Classes() int64 { return int64(m.Categories.Count) }

// ClassSet names the classes and says how many there are, for the filter: "ImageNet-1k, 1000".
func (m *model) ClassSet() string {
	if m.Categories.Count == 0 {
		return "none"
	}
	return fmt.Sprintf("%s, %d", m.Categories.Set, m.Categories.Count)
}

// Classifies reports that the logits of the model are those of classes of whole images.
func (m *model) Classifies() bool {
	return m.Categories.Count > 0 && m.Config != nil && m.Config.Classifies()
}

// Segments reports that the logits of the model are those of classes of pixels.
func (m *model) Segments() bool { return m.Config != nil && m.Config.Segments() }

// TokenizerPage reports whether the site has a page about the model's tokenizer.
func (m *model) TokenizerPage() bool { return m.others[m.Tokenizer] && m.Tokenizer != m.ID }

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
	if len(m.Sources) == 0 {
		return download{}
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

// Where says where the weights come from, in a word or two.
func (m *model) Where() string {
	switch {
	case m.Place == Here:
		return "this place"
	case m.Place != "":
		return m.Place
	}
	var names []string
	for _, source := range m.Sources {
		names = append(names, source.Name)
	}
	return strings.Join(names, ", ")
}

// Search returns the text in which the table looks for words, in lower case.
func (m *model) Search() string {
	words := append([]string{
		m.ID, m.Title, m.Version, m.Architecture, m.Categories.Set, m.Origin.Licence.Expression, m.Origin.Training, m.Where(),
	}, m.Origin.Authors...)
	return strings.ToLower(strings.Join(words, " "))
}

// said is what the publisher said about a model after it was published, for a page whose site's root is at Root.
type said struct {
	*manifest.Status
	// SuccessorPage is the page of the model that is recommended instead, or empty.
	SuccessorPage string
}

// Said returns the status of the model. root is the path from the page to the site's root.
func (m *model) Said(root string) said {
	s := said{Status: m.Status}
	if m.Status == nil {
		return s
	}
	if name, _, _ := strings.Cut(m.Status.Successor, "@"); m.others[name] && name != m.ID {
		s.SuccessorPage = root + "models/" + name + "/index.html"
	}
	return s
}

// firstLabels is how many names of classes are shown before the rest is folded.
const firstLabels = 10

// Labels returns the names of the classes, which may be those of a set that is known.
func (m *model) Labels() []string { return m.Categories.Names() }

// FirstLabels returns the names of the first classes.
func (m *model) FirstLabels() []string {
	return m.Labels()[:min(len(m.Labels()), firstLabels)]
}

// MoreLabels reports that there are more classes than FirstLabels.
func (m *model) MoreLabels() bool { return len(m.Labels()) > firstLabels }

// Known returns the digests that a reader can compare a file with: those of the weights.
func (m *model) Known() []labelled {
	var known []labelled
	for i := range m.Blobs {
		known = append(known, labelled{Label: m.Blobs[i].DType, Digest: m.Blobs[i].Weights().Digest})
	}
	return known
}

type labelled struct {
	Label  string
	Digest digest.Digest
}

// catalogue is the data of the table.
type catalogue struct {
	Models []*model
	Charts []chart
	// Places are the different places of the entries, the program itself left out.
	Places []shown
	// Sizes and ClassSets are what the table can be filtered by.
	Sizes, ClassSets []string
	// LabelSets are the different lists of labels, in lower case, that the table searches.
	LabelSets []string
}

// maxSearched is how many labels a model may have for the table to search them; its own page searches any number.
const maxSearched = 5000

func newCatalogue(entries []Entry) *catalogue {
	c := &catalogue{Models: group(entries)}
	c.Charts = charts(c.Models)
	sets, sizes := map[string]int{}, map[string]int{}
	for _, m := range c.Models {
		sizes[m.Size()] = m.Pixels()
		if set := m.ClassSet(); !slices.Contains(c.ClassSets, set) {
			c.ClassSets = append(c.ClassSets, set)
		}
		if !slices.ContainsFunc(c.Places, func(other shown) bool { return other.Place == m.Place }) && m.Place != "" {
			c.Places = append(c.Places, m.shown)
		}
		if n := len(m.Labels()); n == 0 || n > maxSearched {
			continue
		}
		labels := strings.ToLower(strings.Join(m.Labels(), "\n"))
		at, found := sets[labels]
		if !found {
			at = len(c.LabelSets)
			sets[labels] = at
			c.LabelSets = append(c.LabelSets, labels)
		}
		m.LabelSet = at
	}
	c.Sizes = slices.SortedFunc(maps.Keys(sizes), func(a, b string) int { return cmp.Or(sizes[a]-sizes[b], strings.Compare(a, b)) })
	slices.Sort(c.ClassSets)
	return c
}
