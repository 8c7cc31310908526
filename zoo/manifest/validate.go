package manifest

import (
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Known is what the program knows, with which a manifest must agree.
type Known struct {
	// Architecture returns the architecture of a name, or an error that may have a Hint.
	Architecture func(name string) (arch.Config, error)
	// Formats, Schemes and Encodings are the words that sources and blobs may use; "none" is always a known encoding.
	Formats, Schemes, Encodings []string
}

// Validate checks that the manifest is consistent in itself, with the architecture, and with what the program knows. The error is of type
// *Error and has every problem with its line.
func (d *Document) Validate(known Known) error {
	c := &checker{known: known, manifest: &d.Manifest}
	c.identity()
	c.all()
	return c.failure(d)
}

// all checks everything but the identity.
func (c *checker) all() {
	if config, ok := c.architecture(); ok {
		c.config = config
		c.agreement()
	}
	c.parts()
}

// parts checks everything that needs neither identity nor architecture.
func (c *checker) parts() {
	c.stateDict()
	c.tokenizer()
	c.origin()
	c.evaluation()
	c.sources()
	c.blobs()
	c.recordings()
	c.assumed()
}

// failure returns the problems, with their positions in a document, as an error.
func (c *checker) failure(d *Document) error {
	if len(c.problems) == 0 {
		return nil
	}
	for i, problem := range c.problems {
		c.problems[i].Position = d.position(problem.Field)
	}
	return failure(d.File, d.Raw, c.problems)
}

// position returns the position of a field, or of the nearest field around it.
func (d *Document) position(field string) Position {
	for {
		if at, found := d.positions[field]; found || field == "" {
			return at
		}
		field = parent(field)
	}
}

// parent returns the path of the field around a field.
func parent(field string) string {
	for i := len(field) - 1; i >= 0; i-- {
		if field[i] == '.' || field[i] == '[' {
			return field[:i]
		}
	}
	return ""
}

// checker collects the problems of one manifest.
type checker struct {
	known    Known
	manifest *Manifest
	// unpublished says that the manifest has no blobs yet, but will have.
	unpublished bool
	// config has depth 0 if the architecture is not known.
	config   arch.Config
	problems []Problem
}

func (c *checker) report(field, format string, arguments ...any) {
	c.problems = append(c.problems, Problem{Field: field, Text: fmt.Sprintf(format, arguments...)})
}

// check reports err, with its hint, unless it is nil.
func (c *checker) check(field string, err error) {
	if err == nil {
		return
	}
	text := err.Error()
	if hint := errdef.Hint(err); hint != "" {
		text += "; " + hint
	}
	c.report(field, "%s", text)
}

// oneOf reports a word that is not among the known ones, and suggests one.
func (c *checker) oneOf(field, word string, known []string) {
	if !slices.Contains(known, word) {
		c.report(field, "unknown word %q; %s", text.Shorten(word, 40), suggest.Short(text.Shorten(word, 40), known))
	}
}

// digest reports d if it is not a SHA-256 digest.
func (c *checker) digest(field string, d digest.Digest) {
	if d.Validate() != nil || d.Algorithm() != digest.SHA256 {
		c.report(field, "%.80q is not a sha256 digest: write sha256: and 64 hexadecimal digits in lower case", string(d))
	}
}

// unique reports a word that an earlier element of the same list has.
func (c *checker) unique(field, word string, seen map[string]bool) {
	if seen[word] {
		c.report(field, "%q is listed twice", text.Shorten(word, 40))
	}
	seen[word] = true
}
