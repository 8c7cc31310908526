package tokens

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Format is what a file of visual tokens says about itself.
const Format = "beitzoo.tokens.v1"

// Header says what the tokens in a file depend on.
type Header struct {
	Format    string    `json:"format"`
	Tokenizer Tokenizer `json:"tokenizer"`
	// Recipe says how images are prepared, and Run what the tokenizer ran on.
	Recipe evaluate.Recipe `json:"recipe"`
	Run    evaluate.Run    `json:"run"`
	Images Images          `json:"images"`
	// Shard is the part of the images that the file is about: every Of-th, from number Index, counted from 1.
	Shard   evaluate.Shard `json:"shard"`
	Version string         `json:"version"`
}

// Tokenizer says which tokenizer it is.
type Tokenizer struct {
	// Name is how the user named it.
	Name string `json:"name"`
	// Digest is "sha256:" and the digest of its parameters.
	Digest string      `json:"digest"`
	Config arch.Config `json:"config"`
}

// Images say which images were tokenised.
type Images struct {
	// Total is the number of all images, of every part; -1 if only the end tells.
	Total int `json:"total"`
	// Digest identifies the list: the names of all images and of tar files; empty if only the end tells.
	Digest string `json:"digest,omitempty"`
}

// Patches returns the number of tokens of an image.
func (h *Header) Patches() int { return h.Tokenizer.Config.Patches() }

// maxTokens bounds the tokens of an image.
const maxTokens = 1 << 20

// check returns an error if a header, which comes from a file, can't be one.
func (h *Header) check() error {
	switch c := h.Tokenizer.Config; {
	case h.Format != Format:
		return errNotTokens
	case c.Validate() != nil:
		return fmt.Errorf("the header's tokenizer: %w", c.Validate())
	case !c.Tokenizes():
		return errors.New("the header's model is no tokenizer")
	case c.Patches() > maxTokens:
		return fmt.Errorf("the header says %d tokens for an image", c.Patches())
	case !h.Shard.Valid():
		return fmt.Errorf("the header says part %s", h.Shard)
	case h.Images.Total < -1:
		return fmt.Errorf("the header says %d images", h.Images.Total)
	}
	return nil
}

// differences returns in what two headers differ that tokens depend on. Names, devices and versions are not among them.
func (h *Header) differences(other *Header, shards bool) []evaluate.Difference {
	var found []evaluate.Difference
	compare := func(what string, here, there any) {
		a, errA := json.Marshal(here)
		b, errB := json.Marshal(there)
		if errors.Join(errA, errB) != nil || string(a) != string(b) {
			found = append(found, evaluate.Difference{What: what, Here: text.Shorten(string(a), 200), Else: text.Shorten(string(b), 200)})
		}
	}
	compare("digest of the tokenizer", h.Tokenizer.Digest, other.Tokenizer.Digest)
	compare("architecture", h.Tokenizer.Config.Named(), other.Tokenizer.Config.Named())
	compare("recipe", h.Recipe.Recipe, other.Recipe.Recipe)
	compare("engine", h.Run.Engine, other.Run.Engine)
	compare("dtype", h.Run.DType, other.Run.DType)
	compare("number of images", h.Images.Total, other.Images.Total)
	compare("digest of the list of images", h.Images.Digest, other.Images.Digest)
	if shards {
		compare("part", h.Shard.String(), other.Shard.String())
	}
	return found
}

// MismatchError says that a file of tokens is about something else than another one, or than what is tokenised now.
type MismatchError struct {
	// Path is the file, and Other what it is compared with: another file, or "these images".
	Path, Other string
	Differences []evaluate.Difference
}

func (e *MismatchError) Error() string {
	lines := []string{fmt.Sprintf("the visual tokens in %s are not of the same as %s", text.Name(e.Path), e.Other)}
	for _, d := range e.Differences {
		lines = append(lines, fmt.Sprintf("  %s: %s and %s", d.What, d.Here, d.Else))
	}
	return strings.Join(lines, "\n")
}

// Is reports that the wrong file was named.
func (e *MismatchError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *MismatchError) Hint() string {
	return "only tokens of the same tokenizer, recipe, engine, dtype and images belong into one file: name another file, or remove this one to begin anew"
}

// FileError says what is wrong with a file of tokens.
type FileError struct {
	Path string
	// Line is its number, from 1, or 0 if it is about the whole file.
	Line int
	Err  error
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", text.Name(e.Path), e.Err)
	}
	return fmt.Sprintf("%s, line %d: %v", text.Name(e.Path), e.Line, e.Err)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Is reports that the file is unusable input.
func (e *FileError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to do.
func (e *FileError) Hint() string {
	return "a file of visual tokens is one that `tokenize` wrote; name another one, or remove this one to begin anew"
}

// errNotTokens says that a file was written by something else.
var errNotTokens = errdef.New(errdef.ErrInput, "not a file of visual tokens")
