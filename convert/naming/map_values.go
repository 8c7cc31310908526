package naming

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/beitzoo/beitzoo/internal/text"
)

// forbiddenYAML are features of YAML that make a file hard to review, or a small file large.
var forbiddenYAML = map[token.Type]string{
	token.AnchorType: "anchors", token.AliasType: "aliases", token.MergeKeyType: "merge keys", token.TagType: "tags", token.DirectiveType: "directives",
	token.MappingKeyType: "explicit keys", token.LiteralType: "blocks of text", token.FoldedType: "blocks of text",
}

// yaml returns the only document of the file, or nil.
func (m *mapParser) yaml(raw []byte) ast.Node {
	if len(raw) > MaxMap {
		m.problem(0, "", "the file has more than %d bytes", MaxMap)
		return nil
	}
	for _, r := range string(raw) {
		if r != '\n' && r != '\r' && (r < ' ' || r == 0x7f || r == 0xfffd) {
			m.problem(0, "", "the file is not plain text: it holds the character %U", r)
			return nil
		}
	}
	tokens := lexer.Tokenize(string(raw))
	if len(tokens) > maxMapTokens {
		m.problem(0, "", "the file has more than %d elements", maxMapTokens)
		return nil
	}
	depth := 0
	for _, t := range tokens {
		if what := forbiddenYAML[t.Type]; what != "" {
			m.problem(t.Position.Line, "", "%s are not allowed", what)
			return nil
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		if depth > 4 {
			m.problem(t.Position.Line, "", "brackets are nested more than 4 deep")
			return nil
		}
	}
	file, err := parser.ParseBytes(raw, 0)
	switch {
	case err != nil:
		line := 0
		var positioned interface{ GetToken() *token.Token }
		var worded interface{ GetMessage() string }
		message := text.FirstLine(err.Error())
		if asErr(err, &positioned) && positioned.GetToken() != nil && positioned.GetToken().Position != nil {
			line = positioned.GetToken().Position.Line
		}
		if asErr(err, &worded) {
			message = worded.GetMessage()
		}
		m.problem(line, "", "not YAML: %s; a value that begins with { or * must stand in quotes", text.Printable(message))
		return nil
	case len(file.Docs) != 1 || file.Docs[0].Body == nil:
		m.problem(0, "", "the file must hold one document")
		return nil
	}
	return file.Docs[0].Body
}

// pair is a field of a mapping.
type pair struct {
	key   string
	line  int
	value ast.Node
}

// pairs returns the fields of a mapping, and false for something else. The library has refused keys that stand twice.
func (m *mapParser) pairs(node ast.Node) ([]pair, bool) {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		return nil, false
	}
	var all []pair
	for i := mapping.MapRange(); i.Next(); {
		key, ok := scalar(i.Key())
		if !ok {
			m.problem(lineOf(i.Key()), "", "a key must be a name")
			continue
		}
		all = append(all, pair{key, lineOf(i.Key()), i.Value()})
	}
	return all, true
}

// scalar returns a text, number or truth value as it is written.
func scalar(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// scalars returns a list of texts; one text alone is a list of its parts between plus signs.
func scalars(node ast.Node) ([]string, bool) {
	if one, ok := scalar(node); ok {
		return strings.Split(one, " + "), true
	}
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		return nil, false
	}
	var all []string
	for _, value := range list.Values {
		one, ok := scalar(value)
		if !ok {
			return nil, false
		}
		all = append(all, one)
	}
	return all, true
}

func lineOf(node ast.Node) int {
	if node == nil || node.GetToken() == nil || node.GetToken().Position == nil {
		return 0
	}
	return node.GetToken().Position.Line
}

// asErr is errors.As for interfaces that the YAML library's errors have.
func asErr[T any](err error, target *T) bool {
	for err != nil {
		if found, ok := err.(T); ok {
			*target = found
			return true
		}
		unwrapper, ok := err.(interface{ Unwrap() error })
		if !ok {
			return false
		}
		err = unwrapper.Unwrap()
	}
	return false
}
