package naming

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Limits of a map file, far above any honest one: that of Hugging Face's names has 40 rows.
const (
	// MaxMap is the largest map file, in bytes.
	MaxMap        = 256 << 10
	maxMapTokens  = 20_000
	maxMapRows    = 500
	maxMapPattern = 300 // bytes
	maxMapParts   = 8   // names of one row
	maxMapSteps   = 6   // operations of one row
	maxMapNumber  = 4096
)

// MapProblem is one thing that is wrong with a map file.
type MapProblem struct {
	// Line is counted from 1; 0 is unknown.
	Line int
	// Row is the row, or the setting, that is wrong, or empty if it is the file as a whole.
	Row string
	// Text says what is wrong with it, Nearest what was probably meant, or is empty.
	Text, Nearest string
}

// MapError says everything that is wrong with a map file.
type MapError struct {
	File     string
	Problems []MapProblem
}

func (e *MapError) Error() string {
	var lines []string
	for i, p := range e.Problems {
		if i == listedProblems {
			lines = append(lines, fmt.Sprintf("and %d more problems", len(e.Problems)-i))
			break
		}
		line := e.File + ": "
		if p.Line > 0 {
			line = fmt.Sprintf("%s:%d: ", e.File, p.Line)
		}
		if p.Row != "" {
			line += p.Row + ": "
		}
		line += p.Text
		if p.Nearest != "" {
			line += " (near: " + p.Nearest + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// listedProblems is how many problems Error lists; the field has them all.
const listedProblems = 10

// Is reports that the file is unusable input.
func (e *MapError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what a right one looks like.
func (e *MapError) Hint() string {
	return "compare it with the map of a scheme that is known"
}

// GapError says that a map has no row for parameters of a model.
type GapError struct {
	// Map is the name of the map, and Parameters are the canonical names.
	Map        string
	Parameters []string
	// Writing: the model can't be written by the map; otherwise it can't be read.
	Writing bool
}

func (e *GapError) Error() string {
	what := "read"
	if e.Writing {
		what = "write"
	}
	return fmt.Sprintf("%s has no row by which to %s %s", e.Map, what, text.List(e.Parameters, listed, ""))
}

// Is reports that the map is unusable input for this model.
func (e *GapError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to add.
func (e *GapError) Hint() string {
	hint := "add a row to the map: " + e.Parameters[0] + ": NAME"
	if e.Writing {
		return hint + "; a row with read_only doesn't count"
	}
	return hint
}

// MapDoubt stands in the comment beside a row of a draft that nobody has looked at. Whatever is read by such a map has a note about it.
const MapDoubt = "# LOOK:"

// ReadMap reads the file of a map: a naming scheme that is not one of those of the package, in the form that [Scheme.Map] writes. The error is a *[MapError]
// with everything that is wrong, or about reading the file.
func ReadMap(path string) (*Scheme, error) {
	raw, err := disk.ReadFile(path, MaxMap)
	if err != nil {
		return nil, err
	}
	return ParseMap(path, raw)
}

// File returns the map file that a scheme was read from, or "" if it is one of the package's.
func (s *Scheme) File() string { return s.file }

// StatesEpsilon reports whether a map states the epsilon of the weights.
func (s *Scheme) StatesEpsilon() bool { return s.statesEpsilon }

// ParseMap is like [ReadMap], for text. file stands in messages, and gives the map a name if it has none.
func ParseMap(file string, raw []byte) (*Scheme, error) {
	m := &mapParser{scheme: &Scheme{file: cmp.Or(file, "map"), doubts: bytes.Count(raw, []byte(MapDoubt))}}
	m.parse(raw)
	if len(m.problems) > 0 {
		slices.SortStableFunc(m.problems, func(a, b MapProblem) int { return a.Line - b.Line })
		return nil, &MapError{File: m.scheme.file, Problems: m.problems}
	}
	return m.scheme, nil
}

// mapParser makes a scheme of a map file, and collects what is wrong with it.
type mapParser struct {
	scheme *Scheme
	rows   []row
	// ignoredIn has the line of each pattern in scheme.ignored.
	ignoredIn []int
	problems  []MapProblem
}

func (m *mapParser) problem(line int, row, format string, args ...any) {
	m.problems = append(m.problems, MapProblem{Line: line, Row: text.Shorten(text.Printable(row), 120), Text: fmt.Sprintf(format, args...)})
}

// parse reads the whole file. A panic of the YAML library is a problem of the file.
func (m *mapParser) parse(raw []byte) {
	defer func() {
		if recover() != nil {
			m.problem(0, "", "the file cannot be read as YAML")
		}
	}()
	root := m.yaml(raw)
	if root == nil {
		return
	}
	fields, ok := m.pairs(root)
	if !ok {
		m.problem(lineOf(root), "", "a map is settings and a list of rows, such as:  rows: [cls_token: embeddings.cls_token]")
		return
	}
	var rows ast.Node
	for _, f := range fields {
		if f.key == "rows" {
			rows = f.value
			continue
		}
		set, known := mapSettings[f.key]
		if !known {
			m.problems = append(m.problems, MapProblem{
				Line: f.line, Row: text.Quote(f.key), Text: "there is no such setting",
				Nearest: suggest.Nearest(f.key, append(slices.Sorted(maps.Keys(mapSettings)), "rows")),
			})
			continue
		}
		if what := set(m.scheme, f.value); what != "" {
			m.problem(f.line, f.key, "it must be %s", what)
		}
	}
	m.finish()
	if rows == nil {
		m.problem(0, "", "there are no rows")
		return
	}
	m.list(rows)
	m.check()
	m.scheme.rows = m.rows
}

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

// mapSettings set a field of a scheme, or say what its value must be.
var mapSettings = map[string]func(*Scheme, ast.Node) string{
	"name": func(s *Scheme, n ast.Node) string {
		name, _ := scalar(n)
		if !mapName.MatchString(name) {
			return "a word of at most 40 letters, digits and . _ -"
		}
		s.Name = name
		return ""
	},
	"program": textSetting(func(s *Scheme) *string { return &s.Program }),
	"format":  textSetting(func(s *Scheme) *string { return &s.Format }),
	"key":     textSetting(func(s *Scheme) *string { return &s.Key }),
	"recipe":  textSetting(func(s *Scheme) *string { return &s.Recipe }),
	"prefix":  textSetting(func(s *Scheme) *string { return &s.prefix }),
	"epsilon": func(s *Scheme, n ast.Node) string {
		value, _ := scalar(n)
		epsilon, err := strconv.ParseFloat(value, 64)
		if err != nil || !(epsilon > 0 && epsilon < 1) {
			return "a number between 0 and 1, such as 1e-6"
		}
		s.Epsilon = epsilon
		return ""
	},
	"folder":          truthSetting(func(s *Scheme) *bool { return &s.Folder }),
	"transposed":      truthSetting(func(s *Scheme) *bool { return &s.transposed }),
	"bare":            truthSetting(func(s *Scheme) *bool { return &s.bare }),
	"writes_index":    truthSetting(func(s *Scheme) *bool { return &s.writesIndex }),
	"model_type":      textSetting(func(s *Scheme) *string { return &s.ModelType }),
	"regression_note": textSetting(func(s *Scheme) *string { return &s.RegressionNote }),
	"masked_note":     textSetting(func(s *Scheme) *string { return &s.MaskedNote }),
	"table_note":      textSetting(func(s *Scheme) *string { return &s.TableNote }),
	"position_note":   textSetting(func(s *Scheme) *string { return &s.PositionNote }),
	"block_index":     indexSetting(true, func(s *Scheme) *[]string { return &s.blockIndex }),
	"shared_index":    indexSetting(false, func(s *Scheme) *[]string { return &s.sharedIndex }),
	"wrappers":        wrapperSetting(false),
	"masked_wrappers": wrapperSetting(true),
}

var mapName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$`)

func textSetting(field func(*Scheme) *string) func(*Scheme, ast.Node) string {
	return func(s *Scheme, n ast.Node) string {
		value, ok := scalar(n)
		if !ok || len(value) > maxMapPattern {
			return fmt.Sprintf("a text of at most %d bytes", maxMapPattern)
		}
		*field(s) = value
		return ""
	}
}

func truthSetting(field func(*Scheme) *bool) func(*Scheme, ast.Node) string {
	return func(s *Scheme, n ast.Node) string {
		value, ok := n.(*ast.BoolNode)
		if !ok {
			return "true or false"
		}
		*field(s) = value.Value
		return ""
	}
}

func indexSetting(block bool, field func(*Scheme) *[]string) func(*Scheme, ast.Node) string {
	return func(s *Scheme, n ast.Node) string {
		patterns, ok := scalars(n)
		bad := slices.ContainsFunc(patterns, func(p string) bool { return badPattern(p) != "" || placeholder.MatchString(p) != block })
		switch {
		case (!ok || bad || len(patterns) > maxMapParts) && block:
			return "the name of a relative position index with {i} for the block, or a list of such names"
		case !ok || bad || len(patterns) > maxMapParts:
			return "the name of a relative position index, without {i}, or a list of such names"
		}
		*field(s) = patterns
		return ""
	}
}

func wrapperSetting(masked bool) func(*Scheme, ast.Node) string {
	return func(s *Scheme, n ast.Node) string {
		names, ok := scalars(n)
		bad := slices.ContainsFunc(names, func(name string) bool { return !mapName.MatchString(name) })
		if !ok || bad || len(names) > maxMapParts {
			return "a list of words of letters and digits"
		}
		for _, name := range names {
			s.Wrappers = append(s.Wrappers, Wrapper{name, masked})
		}
		return ""
	}
}

// MapPrefix stands in front of the name of every scheme that was read from a map file, so that none is taken for one of the package's.
const MapPrefix = "map:"

// finish sets what the file leaves out, and checks what depends on several settings.
func (m *mapParser) finish() {
	s := m.scheme
	if s.Name == "" {
		stem, _, _ := strings.Cut(filepath.Base(s.file), ".")
		if s.Name = stem; !mapName.MatchString(stem) {
			s.Name = "own"
		}
	}
	s.Name = MapPrefix + s.Name
	s.Format, s.Recipe = cmp.Or(s.Format, "safetensors"), cmp.Or(s.Recipe, Timm)
	if known := card.RecipeNames(); !slices.Contains(known, s.Recipe) {
		m.problems = append(m.problems, MapProblem{0, "recipe", "there is no recipe " + text.Quote(s.Recipe), suggest.Nearest(s.Recipe, known)})
	}
	s.statesEpsilon = s.Epsilon != 0
	if !s.statesEpsilon {
		s.Epsilon = arch.Epsilon
	}
	classifiers := slices.DeleteFunc(slices.Clone(s.Wrappers), func(w Wrapper) bool { return w.Masked })
	s.Wrappers = append(classifiers, slices.DeleteFunc(s.Wrappers, func(w Wrapper) bool { return !w.Masked })...)
	if s.writesIndex && (len(s.blockIndex) == 0 || len(s.sharedIndex) == 0) {
		m.problem(0, "writes_index", "block_index and shared_index must say under which names")
	}
	if s.bare && s.prefix == "" {
		m.problem(0, "bare", "there is no prefix that could be left out")
	}
}

// nothing is the parameter of rows that make none.
const nothing = "nothing"

// mapFields are the fields of a row beside the names.
var mapFields = []string{"branch", "by", "pooling", "read_only", "why", "wrapper"}

// list reads the rows.
func (m *mapParser) list(node ast.Node) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		m.problem(lineOf(node), "rows", "it must be a list, with a minus sign in front of each row")
		return
	}
	if len(list.Values) == 0 {
		m.problem(lineOf(node), "", "there are no rows")
		return
	}
	if len(list.Values) > maxMapRows {
		m.problem(lineOf(node), "rows", "there are %d, at most %d are read", len(list.Values), maxMapRows)
		return
	}
	for _, value := range list.Values {
		m.row(value)
	}
}

// row reads one row.
func (m *mapParser) row(node ast.Node) {
	fields, ok := m.pairs(node)
	if !ok {
		m.problem(lineOf(node), "", "a row must be a parameter, a colon, and its name in the file")
		return
	}
	r := row{}
	var names ast.Node
	var key, why string
	var steps []string
	for _, f := range fields {
		value, isScalar := scalar(f.value)
		switch f.key {
		case "by":
			if steps, ok = scalars(f.value); !ok || len(steps) > maxMapSteps {
				m.problem(f.line, key, "by must be the name of an operation, or a list of at most %d", maxMapSteps)
				return
			}
		case "branch":
			r.branch = branchLimit(value)
			if known := []string{string(withBranch), string(withoutBranch)}; !slices.Contains(known, value) {
				m.problems = append(m.problems, MapProblem{f.line, text.Shorten(key, 120), "branch must be " + strings.Join(known, " or "), suggest.Nearest(value, known)})
				return
			}
		case "pooling":
			r.pooling = arch.Pooling(value)
			if known := poolings(); !slices.Contains(known, value) {
				m.problems = append(m.problems, MapProblem{f.line, text.Shorten(key, 120), "pooling must be one of " + strings.Join(known, ", "), suggest.Nearest(value, known)})
				return
			}
		case "read_only":
			truth, isBool := f.value.(*ast.BoolNode)
			if !isBool {
				m.problem(f.line, key, "read_only must be true or false")
				return
			}
			r.readOnly = truth.Value
		case "why":
			if why = value; !isScalar || len(value) > maxMapPattern {
				m.problem(f.line, key, "why must be a text of at most %d bytes", maxMapPattern)
				return
			}
		case "wrapper":
			if r.wrapper = value; !slices.ContainsFunc(m.scheme.Wrappers, func(w Wrapper) bool { return w.Name == value }) {
				m.problem(f.line, key, "wrapper is %s, which is not in the list of wrappers", text.Quote(value))
				return
			}
		default:
			if names != nil {
				m.problems = append(m.problems, MapProblem{
					f.line, text.Shorten(text.Quote(f.key), 120), "a row has one parameter, and this one has " + text.Quote(key) + " already", suggest.Nearest(f.key, mapFields),
				})
				return
			}
			key, r.line, names = f.key, f.line, f.value
		}
	}
	if names == nil {
		m.problem(lineOf(node), "", "a row must name a parameter")
		return
	}
	if r.foreign, ok = scalars(names); !ok || len(r.foreign) == 0 || len(r.foreign) > maxMapParts {
		m.problem(r.line, key, "the names in the file must be a text, or a list of at most %d", maxMapParts)
		return
	}
	if key == nothing && why != "" {
		m.ignore(r, why, len(steps))
		return
	}
	if why != "" {
		m.problem(r.line, key, "only rows of %s say why", nothing)
		return
	}
	if key != nothing {
		r.canonical = strings.Split(key, " + ")
	}
	if m.names(r, key) && m.steps(&r, key, steps) {
		m.rows = append(m.rows, r)
	}
}

// poolings are the kinds of pooling that a row may be for.
func poolings() []string {
	var all []string
	for _, p := range []arch.Pooling{arch.MeanPooling, arch.ClassToken, arch.AllTokens, arch.NoPooling} {
		all = append(all, string(p))
	}
	return all
}

// ignore adds a row for tensors that are no parameters.
func (m *mapParser) ignore(r row, why string, steps int) {
	for _, pattern := range r.foreign {
		if pattern == "" || len(pattern) > maxMapPattern || strings.Trim(pattern, "*") == "" || strings.Count(pattern, "*") > 4 || placeholder.MatchString(pattern) {
			m.problem(r.line, nothing, "%s is not a name with at most 4 asterisks, which stand for anything, block numbers too", text.Quote(pattern))
			return
		}
		m.scheme.ignored = append(m.scheme.ignored, reason{pattern, why})
		m.ignoredIn = append(m.ignoredIn, r.line)
	}
	if steps > 0 || r.readOnly || r.pooling != "" || r.branch != "" || r.wrapper != "" {
		m.problem(r.line, nothing, "a row that says why has no other field")
	}
}

var besideDigit = regexp.MustCompile(`[0-9]\{|\}[0-9]`)

// badPattern says what is wrong with a name of tensors in a file, or returns "".
func badPattern(pattern string) string {
	rest := placeholder.ReplaceAllString(pattern, "")
	switch {
	case pattern == "" || len(pattern) > maxMapPattern:
		return fmt.Sprintf("a name has 1 to %d bytes", maxMapPattern)
	case pattern != strings.TrimSpace(pattern):
		return "a name has no blanks around it"
	case len(placeholder.FindAllString(pattern, 2)) > 1:
		return "the number of the block stands twice"
	case besideDigit.MatchString(pattern):
		return "no digit may stand beside the number of the block"
	case strings.ContainsAny(rest, "{}"):
		return "braces are for the number of the block: {i}, {i+1} if the first block is number 1, {i:02} if numbers have two digits"
	case strings.Contains(strings.TrimSuffix(rest, ".*"), "*"):
		return "an asterisk may stand at the end, after a dot, for weight and bias"
	}
	return ""
}

// names checks the names of a row, and reports whether they are in order.
func (m *mapParser) names(r row, key string) bool {
	before := len(m.problems)
	pairs, blocks := 0, 0
	for _, pattern := range r.foreign {
		if what := badPattern(pattern); what != "" {
			m.problem(r.line, key, "%s: %s", text.Quote(pattern), what)
		}
		if strings.HasSuffix(pattern, ".*") {
			pairs++
		}
		if placeholder.MatchString(pattern) {
			blocks++
		}
	}
	for _, pattern := range r.canonical {
		known := canonicalPatterns()
		if !slices.Contains(known, pattern) {
			m.problems = append(m.problems, MapProblem{r.line, text.Shorten(text.Quote(pattern), 120), "no BEiT has such a parameter", suggest.Nearest(pattern, known)})
			continue
		}
		if strings.HasSuffix(pattern, ".*") != (pairs > 0) {
			m.problem(r.line, key, "the names on both sides end in .* or none does")
		}
		if strings.Contains(pattern, "{i}") != (blocks == len(r.foreign)) || blocks != 0 && blocks != len(r.foreign) {
			m.problem(r.line, key, "{i} stands on both sides, in each name, or on none")
		}
	}
	if pairs > 0 && (len(r.foreign) > 1 || len(r.canonical) != 1) {
		m.problem(r.line, key, "a row that ends in .* has one name on each side: write one row for the weight and one for the bias")
	}
	return len(m.problems) == before
}

// canonicalPatterns are those of all parameters, and those that end in .* for weight and bias.
var canonicalPatterns = sync.OnceValue(func() []string {
	var all []string
	for _, r := range unilmRows {
		if r.readOnly {
			continue
		}
		all = append(all, r.canonical...)
		for _, one := range expand(r) {
			all = append(all, one.canonical...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
})

// mapSteps are the operations of rows. Of the arguments, words are letters and the rest are numbers.
var mapSteps = map[string]struct {
	usage string
	// takes and makes are numbers of tensors; takes is -1 for all that there are.
	takes, makes int
	layout       bool
	operation    func(arguments []string, inputs int) (transform.Operation, bool)
}{
	"keep":      {"keep", 1, 1, true, plainStep(func() transform.Operation { return transform.Keep(1) })},
	"transpose": {"transpose", 1, 1, true, plainStep(transform.TransposeMatrix)},
	"join": {"join", -1, 1, false, func(a []string, n int) (transform.Operation, bool) {
		return transform.JoinRows(n), len(a) == 0 && n > 1
	}},
	"drop key bias": {"drop key bias", 1, 2, false, plainStep(transform.DropKeyBias)},
	"drop zeros":    {"drop zeros", 1, 0, false, plainStep(transform.DropZero)},
	"add axes":      {"add axes N", 1, 1, false, numberStep(3, transform.AddAxes)},
	"remove axes":   {"remove axes N", 1, 1, false, numberStep(3, transform.RemoveAxes)},
	"merge first":   {"merge first N", 1, 1, false, numberStep(maxMapNumber, transform.MergeFirst)},
	"merge last":    {"merge last N", 1, 1, false, numberStep(maxMapNumber, transform.MergeLast)},
	"turn kernel":   {"turn kernel", 1, 1, false, plainStep(transform.ReverseKernel)},
	"patches chw":   {"patches chw CHANNELS", 1, 1, false, numberStep(64, func(n int) transform.Operation { return transform.FoldPatches(transform.ChannelsFirst, n) })},
	"patches hwc":   {"patches hwc CHANNELS", 1, 1, false, numberStep(64, func(n int) transform.Operation { return transform.FoldPatches(transform.ChannelsLast, n) })},
	headsStep: {"heads ORDER N", 1, 1, false, func(a []string, _ int) (transform.Operation, bool) {
		if len(a) != 2 || !transform.IsHeadOrder(a[0]) {
			return transform.Operation{}, false
		}
		return numberStep(maxMapNumber, func(n int) transform.Operation { return transform.OrderHeads(a[0], n) })(a[1:], 1)
	}},
}

func plainStep(operation func() transform.Operation) func([]string, int) (transform.Operation, bool) {
	return func(a []string, _ int) (transform.Operation, bool) { return operation(), len(a) == 0 }
}

func numberStep(largest int, operation func(int) transform.Operation) func([]string, int) (transform.Operation, bool) {
	return func(a []string, _ int) (transform.Operation, bool) {
		if len(a) != 1 {
			return transform.Operation{}, false
		}
		n, err := strconv.Atoi(a[0])
		if err != nil || n < 1 || n > largest {
			return transform.Operation{}, false
		}
		return operation(n), true
	}
}

// MapOperations returns how the operations of rows are written, sorted.
func MapOperations() []string {
	var all []string
	for _, step := range mapSteps {
		all = append(all, step.usage)
	}
	slices.Sort(all)
	return all
}

// steps makes the operation of a row, and reports whether it can be made.
func (m *mapParser) steps(r *row, key string, steps []string) bool {
	count := len(r.foreign)
	operation := transform.Keep(count)
	for _, written := range steps {
		name, arguments := stepName(written)
		step, known := mapSteps[name]
		if !known {
			m.problems = append(m.problems, MapProblem{r.line, text.Shorten(key, 120), "there is no operation " + text.Quote(written), suggest.Nearest(written, MapOperations())})
			return false
		}
		one, ok := step.operation(arguments, count)
		if !ok {
			m.problem(r.line, key, "%s is not of the form: %s", text.Quote(written), step.usage)
			return false
		}
		switch {
		case step.takes < 0:
			count = step.makes
		case step.makes == 1:
			one = each(count, one)
		case count != 1:
			m.problem(r.line, key, "%s takes one tensor, and here are %d: join them first", written, count)
			return false
		default:
			count = step.makes
		}
		if name == headsStep && !m.setHeads(r, key, arguments[1]) {
			return false
		}
		r.laidOut = r.laidOut || step.layout
		operation = transform.Then(operation, one)
		r.by = append(r.by, written)
	}
	if count != len(r.canonical) {
		m.problem(r.line, key, "it makes %s of %s, and the row names %s%s", text.Count(count, "tensor", "tensors"), text.Count(len(r.foreign), "tensor", "tensors"),
			text.Count(len(r.canonical), "parameter", "parameters"), arityAdvice(len(r.foreign), len(r.canonical)))
		return false
	}
	r.operation = operation
	if len(r.canonical) == 0 {
		r.readOnly = true
	}
	return true
}

// headsStep is the operation that states a number of attention heads.
const headsStep = "heads"

// setHeads notes how many heads a row states, and reports whether all rows agree: a model has one number of heads.
func (m *mapParser) setHeads(r *row, key, written string) bool {
	heads, _ := strconv.Atoi(written)
	if s := m.scheme; s.heads == 0 {
		s.heads, s.headsLine = heads, r.line
	} else if s.heads != heads {
		m.problem(r.line, key, "it states %d heads, and line %d states %d: a model has one number of heads", heads, s.headsLine, s.heads)
		return false
	}
	return true
}

// arityAdvice says which operation is missing.
func arityAdvice(foreign, canonical int) string {
	switch {
	case canonical == 0:
		return "; add by: drop zeros, or why: REASON"
	case foreign > 1 && canonical == 1:
		return "; add by: join"
	case canonical == 2:
		return "; add by: drop key bias"
	}
	return ""
}

// stepName splits "heads hqd 12" into the name of an operation and its arguments.
func stepName(written string) (name string, arguments []string) {
	words := strings.Fields(written)
	for n := min(3, len(words)); n > 0; n-- {
		name = strings.Join(words[:n], " ")
		if _, known := mapSteps[name]; known {
			return name, words[n:]
		}
	}
	return written, nil
}

// check looks for names that mean two things, on either side.
func (m *mapParser) check() {
	if len(m.problems) > 0 {
		return
	}
	m.checkParameters()
	m.checkNames()
	m.checkIgnored()
}

// checkParameters finds parameters that two rows would write.
func (m *mapParser) checkParameters() {
	type made struct {
		row
		pattern string
	}
	var before []made
	for _, r := range m.rows {
		if r.readOnly {
			continue
		}
		for _, one := range expand(r) {
			for _, pattern := range one.canonical {
				for _, other := range before {
					poolings := r.pooling == "" || other.pooling == "" || r.pooling == other.pooling
					wrappers := r.wrapper == "" || other.wrapper == "" || r.wrapper == other.wrapper
					branches := r.branch == "" || other.branch == "" || r.branch == other.branch
					if other.pattern == pattern && poolings && wrappers && branches {
						m.problem(r.line, pattern, "it is written by line %d already; a second spelling, for reading, has read_only: true", other.line)
					}
				}
				before = append(before, made{r, pattern})
			}
		}
	}
}

// checkNames finds names in files that could be two things. Where a pattern could be an instance of another depends on the numbers in them, so each is
// tried with all of these.
func (m *mapParser) checkNames() {
	type meaning struct {
		line           int
		row, part      int
		makes, pattern string
	}
	meanings := map[string]meaning{}
	var patterns []meaning
	numbers := map[int]bool{0: true, 1: true}
	for i, r := range m.rows {
		for _, one := range expand(r) {
			for part, pattern := range one.foreign {
				key := strings.TrimPrefix(pattern, m.scheme.prefix)
				here := meaning{r.line, i, part, strings.Join(one.canonical, " + "), key}
				other, twice := meanings[key]
				if twice && other.makes == here.makes && other.part == part && r.pooling != m.rows[other.row].pooling {
					continue // the prefix alone tells them apart, and they mean the same
				}
				if twice {
					m.problem(r.line, pattern, "the name stands in line %d already", other.line)
					continue
				}
				meanings[key] = here
				patterns = append(patterns, here)
				for found, block := range patternsOf(placeholder.ReplaceAllString(key, "")) {
					if block >= 0 && len(numbers) < 40 && found != "" {
						numbers[block] = true
					}
				}
			}
		}
	}
	for _, index := range slices.Concat(m.scheme.blockIndex, m.scheme.sharedIndex) {
		if other, taken := meanings[strings.TrimPrefix(index, m.scheme.prefix)]; taken {
			m.problem(other.line, index, "it is the name of an index, too")
		}
	}
	if len(m.problems) > 0 {
		return
	}
	for _, p := range patterns {
		for _, number := range slices.Sorted(maps.Keys(numbers)) {
			name := fill(p.pattern, number)
			for found := range patternsOf(name) {
				if other, is := meanings[found]; is && found != p.pattern && (other.row != p.row || other.part != p.part) {
					m.problem(p.line, p.pattern, "the name %s can also be that of line %d, %s", text.Quote(name), other.line, other.pattern)
					return
				}
			}
			if name == p.pattern {
				break // no placeholder
			}
		}
	}
}

// maxMapMatching bounds the bytes that are compared when patterns of rows for nothing are matched with the names of the others.
const maxMapMatching = 1 << 26

// checkIgnored finds patterns of rows for nothing that stand for names of parameters, too: which of both is meant, only the user knows. Numbers of blocks are
// tried that have one, two and three digits, and those in the patterns.
func (m *mapParser) checkIgnored() {
	ignored := m.scheme.ignored
	numbers := map[int]bool{0: true, 1: true, 10: true, 100: true}
	width := 0 // of all patterns; what holds a ? takes longer
	for _, r := range ignored {
		if width++; strings.Contains(r.prefix, "?") {
			width += len(r.prefix)
		}
		for _, digits := range digitRuns.FindAllString(r.prefix, mostRuns) {
			if n, err := strconv.Atoi(digits); err == nil && n <= maxMapNumber && len(numbers) < 40 {
				numbers[n], numbers[max(0, n-1)] = true, true
			}
		}
	}
	rowsOf := make([][]string, len(ignored))
	compared := 0
	for _, r := range m.rows {
		taken := make([]bool, len(ignored))
		for name := range namesOf(r, m.scheme.prefix, slices.Sorted(maps.Keys(numbers))) {
			if compared += width * (len(name) + 1); compared > maxMapMatching {
				m.problem(m.ignoredIn[0], nothing, "there are too many patterns to compare them with the names of all rows")
				return
			}
			for i, pattern := range ignored {
				if !taken[i] && MatchesGlob(pattern.prefix, name) {
					taken[i] = true
					rowsOf[i] = append(rowsOf[i], fmt.Sprintf("line %d (%s)", r.line, text.Quote(text.Cut(name, 100))))
				}
			}
		}
	}
	for i, rows := range rowsOf {
		if len(rows) > 0 {
			m.problem(m.ignoredIn[i], nothing, "%s stands for names of other rows, too: %s; write a pattern that doesn't", text.Quote(ignored[i].prefix), text.List(rows, listed, ""))
		}
	}
}

var digitRuns = regexp.MustCompile(`[0-9]{1,9}`)

// namesOf yields the names that a row stands for, with and without the prefix of its scheme. Numbers of blocks are some.
func namesOf(r row, prefix string, numbers []int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, one := range expand(r) {
			for _, pattern := range one.foreign {
				some := numbers
				if !placeholder.MatchString(pattern) {
					some = numbers[:1]
				}
				for _, number := range some {
					name := fill(pattern, number)
					if !yield(name) {
						return
					}
					if rest, ok := strings.CutPrefix(name, prefix); ok && prefix != "" && !yield(rest) {
						return
					}
				}
			}
		}
	}
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
