package naming

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// Map returns the scheme as a map file, which [ParseMap] reads. The same scheme makes the same text.
func (s *Scheme) Map() []byte {
	w := &mapWriter{}
	name := strings.TrimPrefix(s.Name, MapPrefix)
	who := s.Program
	if who == "" {
		who = "beitzoo"
	}
	w.comment("The names of %s. docs/maps.md describes the form.", who)
	w.setting("name", name)
	w.text("program", s.Program)
	w.text("format", s.Format)
	w.text("key", s.Key)
	w.text("upernet_key", s.UPerNetKey)
	w.text("recipe", s.Recipe)
	if s.file == "" || s.statesEpsilon {
		w.setting("epsilon", strconv.FormatFloat(s.Epsilon, 'g', -1, 64))
	}
	w.truth("folder", s.Folder)
	for i, key := range []string{"wrappers", "masked_wrappers", "upernet_wrappers"} {
		var names []string
		for _, wrapper := range s.Wrappers {
			if wrapper.order() == i {
				names = append(names, wrapper.Name)
			}
		}
		w.list(key, names)
	}
	w.text("model_type", s.ModelType)
	w.text("regression_note", s.RegressionNote)
	w.text("masked_note", s.MaskedNote)
	w.text("table_note", s.TableNote)
	w.text("position_note", s.PositionNote)
	w.text("epsilon_note", s.EpsilonNote)
	w.truth("transposed", s.transposed)
	w.text("prefix", s.prefix)
	w.truth("bare", s.bare)
	w.list("block_index", s.blockIndex)
	w.list("shared_index", s.sharedIndex)
	w.truth("writes_index", s.writesIndex)
	w.truth("zero_position", s.zeroPosition)
	fmt.Fprintln(w, "rows:")
	for _, r := range s.rows {
		w.row(r)
	}
	for _, r := range s.ignored {
		fmt.Fprintf(w, "- %s: %s\n  why: %s\n", nothing, mapScalar(r.prefix), mapScalar(r.why))
	}
	return w.Bytes()
}

// MapRow is a row of a map.
type MapRow struct {
	// Parameters are canonical; there are none in rows of what is not a parameter. Names are those in the file. In both {i} stands for the block, and a final .*
	// for weight and bias.
	Parameters []string `json:"parameters"`
	Names      []string `json:"names"`
	// By are the operations that make the parameters of what is in the file, as [MapOperations] lists them.
	By      []string     `json:"by,omitempty"`
	Pooling arch.Pooling `json:"pooling,omitempty"`
	// Branch limits what is written to models "with" or "without" the branch of the class token; empty is any.
	Branch  string `json:"branch,omitempty"`
	Wrapper string `json:"wrapper,omitempty"`
	// Kind limits what is written to models of that kind.
	Kind     arch.Kind `json:"kind,omitempty"`
	ReadOnly bool      `json:"read_only,omitempty"`
	// Why says why what is in the file is no parameter.
	Why string `json:"why,omitempty"`
}

// MapRows returns the rows of the map. They belong to the caller.
func (s *Scheme) MapRows() []MapRow {
	var rows []MapRow
	for _, r := range s.rows {
		rows = append(rows, MapRow{
			Parameters: append([]string{}, r.canonical...), Names: slices.Clone(r.foreign), By: slices.Clone(r.steps()), Pooling: r.pooling, Branch: string(r.branch),
			Wrapper: r.wrapper, Kind: r.kind, ReadOnly: r.readOnly,
		})
	}
	for _, r := range s.ignored {
		rows = append(rows, MapRow{Parameters: []string{}, Names: []string{r.prefix}, ReadOnly: true, Why: r.why})
	}
	return rows
}

// mapWriter writes a map file.
type mapWriter struct{ bytes.Buffer }

func (w *mapWriter) comment(format string, args ...any) {
	fmt.Fprintf(w, "# "+format+"\n", args...)
}

func (w *mapWriter) setting(key, value string) { fmt.Fprintf(w, "%s: %s\n", key, value) }

func (w *mapWriter) text(key, value string) {
	if value != "" {
		w.setting(key, mapScalar(value))
	}
}

func (w *mapWriter) truth(key string, value bool) {
	if value {
		w.setting(key, "true")
	}
}

func (w *mapWriter) list(key string, values []string) {
	if len(values) == 0 {
		return
	}
	fmt.Fprintf(w, "%s:\n", key)
	for _, value := range values {
		fmt.Fprintf(w, "- %s\n", mapScalar(value))
	}
}

// row writes a row with the fields that are not as usual.
func (w *mapWriter) row(r row) {
	key := strings.Join(r.canonical, " + ")
	if key == "" {
		key = nothing
	}
	if len(r.foreign) == 1 || len(strings.Join(r.foreign, " + ")) < 100 {
		fmt.Fprintf(w, "- %s: %s\n", key, mapScalar(strings.Join(r.foreign, " + ")))
	} else {
		fmt.Fprintf(w, "- %s:\n", key)
		for _, name := range r.foreign {
			fmt.Fprintf(w, "  - %s\n", mapScalar(name))
		}
	}
	if by := r.steps(); len(by) == 1 {
		fmt.Fprintf(w, "  by: %s\n", by[0])
	} else if len(by) > 1 {
		fmt.Fprintf(w, "  by: [%s]\n", strings.Join(by, ", "))
	}
	if r.pooling != "" {
		fmt.Fprintf(w, "  pooling: %s\n", r.pooling)
	}
	if r.branch != "" {
		fmt.Fprintf(w, "  branch: %s\n", r.branch)
	}
	if r.kind != "" {
		fmt.Fprintf(w, "  kind: %s\n", r.kind)
	}
	if r.wrapper != "" {
		fmt.Fprintf(w, "  wrapper: %s\n", r.wrapper)
	}
	if r.readOnly && len(r.canonical) > 0 {
		fmt.Fprintln(w, "  read_only: true")
	}
}

// stepsOf are the words of maps for the operations that the schemes of this package have, by the names of these.
var stepsOf = map[string][]string{"": nil, "joined": {"join"}, "without key bias": {"drop key bias"}, "dropped, all zero": {"drop zeros"}}

// steps returns the operation of a row in words of maps.
func (r row) steps() []string {
	if r.by != nil {
		return r.by
	}
	return stepsOf[r.operation.Name]
}

// plainScalar matches texts that YAML takes for themselves wherever they stand as a value.
var plainScalar = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.{}+*/()',; -]*$`)

// mapScalar returns a text as YAML has it, in quotes if it must.
func mapScalar(value string) string {
	reserved := strings.Contains(" true false null yes no on off ", " "+strings.ToLower(value)+" ")
	if plainScalar.MatchString(value) && !reserved && value == strings.TrimSpace(value) {
		return value
	}
	return quotedScalar(value)
}

// quotedScalar returns a text in single quotes, in which YAML changes nothing but doubled quotes.
func quotedScalar(value string) string {
	return "'" + strings.ReplaceAll(value, "'", "''") + "'"
}
