package naming

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/goccy/go-yaml/ast"

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
