package proposal

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/naming"
)

// write puts the rows into the order of beitzoo's own, and the doubts beside them.
func (d *drafter) write(file string) *Draft {
	draft := &Draft{Notes: d.notes, Unknown: d.unknown, Doubts: []Doubt{}}
	for _, it := range d.items {
		if !it.taken {
			draft.Unknown = append(draft.Unknown, it.pattern)
		}
	}
	slices.Sort(draft.Unknown)
	w := &bytes.Buffer{}
	number := 1
	put := func(format string, args ...any) {
		fmt.Fprintf(w, format+"\n", args...)
		number++
	}
	if file != "" {
		put("# A draft, made of the names and shapes in %s.", cleaned(filepath.Base(file)))
	} else {
		put("# A draft, made of names and shapes.")
	}
	put("# Look at each row with LOOK beside it, correct it if it is wrong, take the comment away, and read by the map. docs/maps.md describes the form.")
	for _, note := range d.notes {
		put("# NOTE: %s", cleaned(note))
	}
	if d.transposed {
		put("transposed: true  # as the shapes of matrices show, beside their biases")
	}
	index := func(key string, names []string) {
		if len(names) == 0 {
			return
		}
		put("%s:", key)
		for _, name := range names {
			put("- %s", quoted(name))
		}
	}
	index("block_index", d.blockIndex)
	index("shared_index", d.sharedIndex)
	if len(d.lines) == 0 {
		put("rows: []")
	} else {
		put("rows:")
	}
	order := parameterOrder()
	slices.SortStableFunc(d.lines, func(a, b line) int { return order[first(a.parameter)] - order[first(b.parameter)] })
	for _, l := range d.lines {
		comment := ""
		if l.hint != "" {
			comment = "  # " + cleaned(l.hint)
		}
		if l.doubt != "" {
			comment = "  " + naming.MapDoubt + " " + cleaned(l.doubt)
			if len(l.others) > 0 {
				comment += "; else " + cleaned(strings.Join(l.others, ", or "))
			}
			draft.Doubts = append(draft.Doubts, Doubt{Line: number, Row: l.parameter, Why: l.doubt, Others: l.others})
		}
		if len(l.names) == 1 {
			put("- %s: %s%s", l.parameter, quoted(l.names[0]), comment)
		} else {
			put("- %s:%s", l.parameter, comment)
			for _, name := range l.names {
				put("  - %s", quoted(name))
			}
		}
		if len(l.by) > 0 {
			put("  by: [%s]", strings.Join(l.by, ", "))
		}
		if l.why != "" {
			put("  why: %s", quoted(l.why))
		}
		draft.Rows++
	}
	for _, name := range draft.Unknown {
		put("# nothing is known of %s", cleaned(name))
	}
	draft.Text = w.Bytes()
	return draft
}

// first returns the first parameter of a row.
func first(parameter string) string {
	parameter, _, _ = strings.Cut(parameter, " + ")
	return parameter
}

// parameterOrder is that of the canonical scheme, by parameter, with and without the .* at the end.
func parameterOrder() map[string]int {
	order := map[string]int{"nothing": 1 << 20}
	canonical, err := naming.ByName(naming.Canonical)
	if err != nil {
		return order
	}
	for i, r := range canonical.MapRows() {
		for _, parameter := range r.Parameters {
			stem, pair := strings.CutSuffix(parameter, ".*")
			if _, known := order[parameter]; known {
				continue
			}
			order[parameter] = 10 * (i + 1)
			if pair {
				order[stem+".weight"], order[stem+".bias"] = 10*(i+1)+1, 10*(i+1)+2
			}
		}
	}
	return order
}

var plain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./{}+-]*(:[0-9]+)?$`)

// quoted returns a text as YAML takes it.
func quoted(s string) string {
	if plain.MatchString(strings.TrimSuffix(s, "*")) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off"}, strings.ToLower(s)) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
