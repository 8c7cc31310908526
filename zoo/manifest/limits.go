package manifest

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// Limits of a file, far above any honest one: a manifest with the digests of 391 tensors and 400 chunks has 120 kB.
const (
	// MaxSize is the largest manifest or index, in bytes.
	MaxSize   = 1 << 20
	maxLine   = 4096   // bytes
	maxLines  = 40_000 // the names of the 21,841 classes of ImageNet-22k have a line each
	maxTokens = 100_000
	maxFlow   = 8  // nested brackets
	maxDepth  = 12 // nested fields
)

// forbidden are features of YAML that make a file hard to review, or a small file large.
var forbidden = map[token.Type]string{
	token.AnchorType:     "anchors are not allowed",
	token.AliasType:      "aliases are not allowed",
	token.MergeKeyType:   "merge keys are not allowed",
	token.TagType:        "tags are not allowed",
	token.DirectiveType:  "directives are not allowed",
	token.MappingKeyType: "explicit keys are not allowed",
}

// scan looks for what must not reach the parser. It returns the first problem, and whether there is one.
func scan(raw []byte) (Problem, bool) {
	if problem, found := scanBytes(raw); found {
		return problem, true
	}
	flow := 0
	tokens := lexer.Tokenize(string(raw))
	if len(tokens) > maxTokens {
		return Problem{Text: fmt.Sprintf("the file has more than %d elements", maxTokens)}, true
	}
	for _, t := range tokens {
		if text, found := forbidden[t.Type]; found {
			return Problem{Position: positionOf(t), Text: text}, true
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		}
		if flow > maxFlow {
			return Problem{Position: positionOf(t), Text: fmt.Sprintf("brackets are nested more than %d deep", maxFlow)}, true
		}
	}
	return Problem{}, false
}

// scanBytes checks size and characters before anything looks at the structure.
func scanBytes(raw []byte) (Problem, bool) {
	if len(raw) > MaxSize {
		return Problem{Text: fmt.Sprintf("the file has %d bytes, at most %d are read", len(raw), MaxSize)}, true
	}
	if !utf8.Valid(raw) {
		return Problem{Text: "the file is not text in UTF-8"}, true
	}
	if lines := bytes.Count(raw, []byte("\n")); lines > maxLines {
		return Problem{Text: fmt.Sprintf("the file has %d lines, at most %d are read", lines, maxLines)}, true
	}
	number := 0
	for line := range bytes.Lines(raw) {
		number++
		if text, found := scanLine(line); found {
			return Problem{Position: Position{Line: number, Column: 1}, Text: text}, true
		}
	}
	return Problem{}, false
}

// scanLine refuses long lines, and characters that are invisible or control a terminal.
func scanLine(line []byte) (text string, found bool) {
	if len(line) > maxLine {
		return fmt.Sprintf("the line has %d bytes, at most %d are read", len(line), maxLine), true
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	for _, r := range string(line) {
		if !unicode.IsPrint(r) {
			return fmt.Sprintf("the character %U is not allowed", r), true
		}
	}
	return "", false
}

func positionOf(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Position{}
	}
	return Position{Line: t.Position.Line, Column: t.Position.Column}
}
