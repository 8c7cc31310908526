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
