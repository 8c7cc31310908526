package manifest

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
)

// Template returns a draft for somebody to fill in: the fields of m, each with what it means. Fields that nobody stated have no value, so that they have to be
// filled in or deleted; optional fields that m does not have, and what is assumed, are comments. The lines of heading come first, as comments. What is
// computed from files, such as blobs, is left out. ID and Version may be empty.
func Template(m *Manifest, heading ...string) ([]byte, error) {
	t := &template{m: m, unstated: m.Unstated()}
	t.line(0, "format: "+Format)
	for _, line := range heading {
		t.line(0, "# "+line)
	}
	t.identity("id", m.ID, "my_beit")
	t.identity("version", m.Version, "1.0.0")
	t.field(0, "title", m.Title)
	t.optional(0, "notes", m.Notes, len(m.Notes) > 0, "notes:", "  - ...")
	if m.Config != nil {
		t.field(0, "config", m.Config)
	} else {
		t.field(0, "architecture", m.Architecture)
	}
	t.field(0, "parameters", m.Parameters)
	t.assumed()
	t.origin()
	t.categories()
	t.preprocessing()
	t.figures()
	t.visualTokens()
	if len(m.Sources) > 0 {
		t.field(0, "sources", m.Sources)
	}
	return []byte(t.text.String()), t.err
}

// template is one call of Template.
type template struct {
	m        *Manifest
	unstated []string
	text     strings.Builder
	err      error
}

func (t *template) line(indent int, line string) {
	t.text.WriteString(strings.Repeat(" ", indent) + line + "\n")
}

// meaning writes what a field means, as a comment. Top-level fields have an empty line before them.
func (t *template) meaning(indent int, path string) {
	if indent == 0 {
		t.text.WriteString("\n")
	}
	meaning := Meaning(path)
	first, size := utf8.DecodeRuneInString(meaning)
	t.line(indent, "# "+string(unicode.ToUpper(first))+meaning[size:]+".")
}

// identity writes a field that commands may state as well.
func (t *template) identity(field, value, example string) {
	t.meaning(0, field)
	if value == "" {
		t.line(0, "# "+field+": "+example)
		return
	}
	t.line(0, field+": "+value)
}

// field writes a field with its meaning, and without a value if nobody stated it.
func (t *template) field(indent int, path string, value any) {
	t.meaning(indent, path)
	name := path[strings.LastIndexByte(path, '.')+1:]
	if slices.Contains(t.unstated, path) {
		t.line(indent, name+":")
		return
	}
	t.value(indent, name, value, "")
}

// value writes a field, each line after a prefix.
func (t *template) value(indent int, name string, value any, prefix string) {
	raw, err := encode(yaml.MapSlice{{Key: name, Value: value}})
	if err != nil {
		t.err = err
	}
	for line := range strings.Lines(string(raw)) {
		t.line(indent, prefix+strings.TrimSuffix(line, "\n"))
	}
}

// optional writes a field, or an example of it as a comment.
func (t *template) optional(indent int, path string, value any, has bool, example ...string) {
	if has {
		t.field(indent, path, value)
		return
	}
	t.meaning(indent, path)
	for _, line := range example {
		t.line(indent, "# "+line)
	}
}

// architecture returns that of the manifest; one that is not known is zero.
func (t *template) architecture() arch.Config {
	if t.m.Config != nil {
		return *t.m.Config
	}
	config, err := arch.ByName(t.m.Architecture)
	if err != nil {
		return arch.Config{}
	}
	return config
}

// figures writes what was published of how good the weights are.
func (t *template) figures() {
	m := t.m
	if t.architecture().Segments() {
		t.optional(0, "segmentation_accuracy", m.SegmentationAccuracy, len(m.SegmentationAccuracy) > 0, "segmentation_accuracy:", "  - origin: ...", "    dataset: ...", "    miou: ...")
		return
	}
	t.optional(0, "accuracy", m.Accuracy, len(m.Accuracy) > 0, "accuracy:", "  - origin: ...", "    dataset: ...", "    top1: ...")
}

// visualTokens writes what only belongs to weights that predict visual tokens.
func (t *template) visualTokens() {
	m, config := t.m, t.architecture()
	if m.Tokenizer != "" || config.Masked() && !config.Regression {
		t.optional(0, "tokenizer", m.Tokenizer, m.Tokenizer != "", "tokenizer: ...")
		t.optional(0, "masked_accuracy", m.MaskedAccuracy, len(m.MaskedAccuracy) > 0, "masked_accuracy:", "  - origin: ...", "    dataset: ...", "    percent: ...")
	}
}

// assumed lists the guesses about the architecture. The recipe is not among them: it is a comment.
func (t *template) assumed() {
	items := slices.DeleteFunc(slices.Clone(t.m.Assumed), func(item card.Item) bool { return item == card.Preparing })
	if len(items) == 0 {
		return
	}
	t.meaning(0, "assumed")
	t.line(0, "# Delete what you know to be right.")
	t.value(0, "assumed", items, "")
}

func (t *template) origin() {
	origin := t.m.Origin
	t.meaning(0, "origin")
	t.line(0, "origin:")
	t.field(2, "origin.authors", origin.Authors)
	t.field(2, "origin.publishers", origin.Publishers)
	t.field(2, "origin.training", origin.Training)
	t.optional(2, "origin.paper", origin.Paper, origin.Paper != nil, "paper:", "  title: ...", "  authors: [...]", "  year: 2026", "  address: https://...")
	t.meaning(2, "origin.licence")
	t.line(2, "licence:")
	t.field(4, "origin.licence.expression", origin.Licence.Expression)
	stated := !slices.Contains(t.unstated, "origin.licence.expression")
	t.optional(4, "origin.licence.origin", origin.Licence.Origin, stated, "origin: ...")
	if len(origin.Licence.Disputes) > 0 {
		t.field(4, "origin.licence.disputes", origin.Licence.Disputes)
	}
}

func (t *template) categories() {
	categories := t.m.Categories
	t.meaning(0, "categories")
	t.line(0, "categories:")
	t.field(2, "categories.set", categories.Set)
	t.field(2, "categories.count", categories.Count)
	if categories.Count > 0 {
		t.optional(2, "categories.labels", categories.Labels, len(categories.Labels) > 0, "labels:", "  - ...")
	}
	if len(categories.Palette) > 0 {
		t.field(2, "categories.palette", categories.Palette)
	}
	if categories.Problem != "" {
		t.field(2, "categories.problem_type", categories.Problem)
	}
	if categories.Note != "" {
		t.field(2, "categories.note", categories.Note)
	}
}

// preprocessing writes the recipes. One that is assumed is a comment: whoever knows that it is right removes the marks.
func (t *template) preprocessing() {
	if len(t.m.Preprocessing) == 0 {
		t.optional(0, "preprocessing", nil, false, "preprocessing:", "  - source: ...", "    recipe:",
			"      resize: shorter-edge", "      resize_to: 256", "      interpolation: bicubic", "      crop: 224", "      mean: [0.5, 0.5, 0.5]", "      std: [0.5, 0.5, 0.5]")
		return
	}
	if !slices.Contains(t.m.Assumed, card.Preparing) {
		t.field(0, "preprocessing", t.m.Preprocessing)
		return
	}
	t.meaning(0, "preprocessing")
	t.line(0, "# This one is a guess. If it is right, remove the first # of each line.")
	plain := slices.Clone(t.m.Preprocessing)
	plain[0].Note = ""
	t.value(0, "preprocessing", plain, "# ")
}
