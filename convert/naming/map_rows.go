package naming

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml/ast"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// nothing is the parameter of rows that make none.
const nothing = "nothing"

// mapFields are the fields of a row beside the names.
var mapFields = []string{"branch", "by", "kind", "pooling", "read_only", "why", "wrapper"}

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
	d := &rowDraft{mapParser: m}
	for _, f := range fields {
		if !d.field(f) {
			return
		}
	}
	if d.names == nil {
		m.problem(lineOf(node), "", "a row must name a parameter")
		return
	}
	if d.row.foreign, ok = scalars(d.names); !ok || len(d.row.foreign) == 0 || len(d.row.foreign) > maxMapParts {
		m.problem(d.row.line, d.key, "the names in the file must be a text, or a list of at most %d", maxMapParts)
		return
	}
	if d.key == nothing && d.why != "" {
		m.ignore(d.row, d.why, len(d.by))
		return
	}
	if d.why != "" {
		m.problem(d.row.line, d.key, "only rows of %s say why", nothing)
		return
	}
	if d.key != nothing {
		d.row.canonical = strings.Split(d.key, " + ")
	}
	if m.names(d.row, d.key) && m.steps(&d.row, d.key, d.by) {
		m.rows = append(m.rows, d.row)
	}
}

// rowDraft is a row of which not all fields were read.
type rowDraft struct {
	*mapParser
	row row
	// key is the parameter, names those in the file, by the names of operations.
	key, why string
	names    ast.Node
	by       []string
}

// field reads one field, and reports whether it is right. What is wrong is among the problems.
func (d *rowDraft) field(f pair) bool {
	value, isScalar := scalar(f.value)
	wrong := func(format string, args ...any) bool {
		d.problem(f.line, d.key, format, args...)
		return false
	}
	switch f.key {
	case "by":
		by, isList := scalars(f.value)
		if d.by = by; !isList || len(by) > maxMapSteps {
			return wrong("by must be the name of an operation, or a list of at most %d", maxMapSteps)
		}
	case "branch":
		d.row.branch = branchLimit(value)
		return d.among(f, value, "branch must be ", " or ", []string{string(withBranch), string(withoutBranch)})
	case "kind":
		d.row.kind = arch.Kind(value)
		return d.among(f, value, "kind must be one of ", ", ", kinds)
	case "pooling":
		d.row.pooling = arch.Pooling(value)
		return d.among(f, value, "pooling must be one of ", ", ", poolings())
	case "read_only":
		truth, isBool := f.value.(*ast.BoolNode)
		if !isBool {
			return wrong("read_only must be true or false")
		}
		d.row.readOnly = truth.Value
	case "why":
		if d.why = value; !isScalar || len(value) > maxMapPattern {
			return wrong("why must be a text of at most %d bytes", maxMapPattern)
		}
	case "wrapper":
		if d.row.wrapper = value; !slices.ContainsFunc(d.scheme.Wrappers, func(w Wrapper) bool { return w.Name == value }) {
			return wrong("wrapper is %s, which is not in the list of wrappers", text.Quote(value))
		}
	default:
		return d.parameter(f)
	}
	return true
}

// among reports whether a value is one of those that are known.
func (d *rowDraft) among(f pair, value, must, between string, known []string) bool {
	if slices.Contains(known, value) {
		return true
	}
	d.problems = append(d.problems, MapProblem{f.line, text.Shorten(d.key, 120), must + strings.Join(known, between), suggest.Nearest(value, known)})
	return false
}

// parameter takes the field that no other is: the parameter and its names in the file.
func (d *rowDraft) parameter(f pair) bool {
	if d.names != nil {
		d.problems = append(d.problems, MapProblem{
			f.line, text.Shorten(text.Quote(f.key), 120), "a row has one parameter, and this one has " + text.Quote(d.key) + " already", suggest.Nearest(f.key, mapFields),
		})
		return false
	}
	d.key, d.row.line, d.names = f.key, f.line, f.value
	return true
}

// poolings are the kinds of pooling that a row may be for.
func poolings() []string {
	var all []string
	for _, p := range []arch.Pooling{arch.MeanPooling, arch.ClassToken, arch.AllTokens, arch.NoPooling} {
		all = append(all, string(p))
	}
	return all
}

// kinds are the kinds of models that a row may be for, beside a BEiT.
var kinds = []string{string(arch.VQKD), string(arch.DVAEEncoder), string(arch.DVAEDecoder), string(arch.UPerNet)}

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
	if steps > 0 || r.readOnly || r.pooling != "" || r.kind != "" || r.branch != "" || r.wrapper != "" {
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
		if general, _ := split(pattern); !slices.Contains(known, pattern) && !slices.Contains(known, general) {
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
	for _, r := range canonicalRows {
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
