package naming

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// UnfitMapError says that a map is in order by itself, but not the map of a checkpoint or model, and which of its lines show that.
type UnfitMapError struct {
	File string
	// Problems are sorted by their lines. Line 0 stands for the map as a whole.
	Problems []MapProblem
	// Err says what is wrong with the model by this map.
	Err error
}

func (e *UnfitMapError) Error() string {
	return (&MapError{File: e.File, Problems: e.Problems}).Error()
}

// Unwrap returns what is wrong with the model by the map.
func (e *UnfitMapError) Unwrap() error { return e.Err }

// Is reports that map and tensors are unusable together.
func (e *UnfitMapError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to correct.
func (e *UnfitMapError) Hint() string {
	var lines []string
	for _, p := range e.Problems {
		if line := fmt.Sprint(p.Line); p.Line > 0 && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	switch len(lines) {
	case 0:
		return "add rows to the map: a parameter, a colon, and its name in the file"
	case 1:
		return "correct line " + lines[0] + " of the map"
	}
	return "correct these lines of the map: " + text.List(lines, listed, "")
}

// failure is an operation of a map that can't be done to tensors.
type failure struct {
	row  row
	name string
	err  error
}

// blameMap returns the lines of a map that explain why tensors can't be read by it, as an *[UnfitMapError] around the error; or the error itself if no line does,
// or if it is not about a map.
func (r *reading) blameMap(err error) error {
	if r.file == "" || !isUnfit(err) {
		return err
	}
	e := &UnfitMapError{File: r.file, Err: err}
	add := func(by row, nearest, format string, args ...any) {
		same := func(p MapProblem) bool { return p.Line == by.line }
		if !slices.ContainsFunc(e.Problems, same) { // one problem a row: a map has many blocks
			e.Problems = append(e.Problems, MapProblem{by.line, text.Shorten(strings.Join(by.canonical, " + "), 120), fmt.Sprintf(format, args...), nearest})
		}
	}
	if conflict := r.headsErr; conflict != nil && errors.Is(err, conflict) {
		return r.headsUnfit(conflict)
	}
	for _, f := range r.failed {
		advice := ""
		if strings.HasSuffix(f.name, "bias") && slices.Contains(f.row.by, "transpose") {
			advice = ": write one row for the weight, with the operation, and one for the bias"
		}
		add(f.row, "", "by: %s can't be done to %s (%s)%s", strings.Join(f.row.by, ", "), text.Quote(f.name), f.err, advice)
	}
	for _, by := range r.rows {
		if written, right := r.numbering(by); right != "" {
			add(by, "", "the numbers of the blocks in the file are not %s but %s, by the names there", written, right)
		}
	}
	r.blameShapes(err, add)
	if mismatch := (*MismatchError)(nil); errors.As(err, &mismatch) {
		for _, m := range mismatch.Missing {
			pattern, _ := split(m.Canonical)
			if at := slices.IndexFunc(r.rows, func(by row) bool { return slices.Contains(by.canonical, pattern) }); at >= 0 {
				add(r.rows[at], m.Nearest, "the file has no tensor %s", text.Quote(m.Name))
			}
		}
	}
	if len(e.Problems) == 0 && len(r.unexpected) > 0 {
		e.Problems = []MapProblem{{Text: fmt.Sprintf("there is no row for %s, such as %s; the map has %s",
			text.Count(len(r.unexpected), "tensor of the file", "tensors of the file"), text.Quote(slices.Min(r.unexpected)), text.Count(len(r.Scheme.rows), "row", "rows"))}}
	}
	if len(e.Problems) == 0 {
		return err
	}
	slices.SortStableFunc(e.Problems, func(a, b MapProblem) int { return a.Line - b.Line })
	return e
}

// isUnfit reports whether an error is that tensors are not those of a model, as they are read.
func isUnfit(err error) bool {
	var mismatch *MismatchError
	var foreign *NotBEiTError
	var open *arch.InferenceError
	var conflict *arch.ConflictError
	var config *arch.ConfigError
	return errors.As(err, &mismatch) || errors.As(err, &foreign) || errors.As(err, &open) || errors.As(err, &conflict) || errors.As(err, &config)
}

// blameShapes adds the rows that make parameters of wrong shapes.
func (r *reading) blameShapes(err error, add func(by row, nearest, format string, args ...any)) {
	mismatch := (*MismatchError)(nil)
	if !errors.As(err, &mismatch) || r.configErr != nil {
		return
	}
	for _, p := range r.config.Params() {
		made, there := r.params[p.Name]
		if !there || made.view.Shape.Equal(p.Shape) {
			continue
		}
		advice := ""
		if got := made.view.Shape; len(got) == 2 && len(p.Shape) == 2 && got[0] == p.Shape[1] && got[1] == p.Shape[0] {
			advice = ": add by: transpose"
			if slices.Contains(made.row.by, "transpose") {
				advice = ": leave out transpose"
			}
		}
		add(made.row, "", "%s is %s by this row, and %s in %s%s", p.Name, made.view.Shape, p.Shape, describe(r.config), advice)
	}
}

// numberings are the ways to write the number of a block that are tried for a row whose own does not fit.
var numberings = []string{"{i}", "{i+1}", "{i:02}", "{i+1:02}", "{i:03}", "{i+1:03}"}

// numbering returns how a row writes the numbers of blocks, and how it has to, if that explains the names in the file better; else "".
func (r *reading) numbering(by row) (written, right string) {
	pattern := by.foreign[0]
	if written = placeholder.FindString(pattern); written == "" {
		return "", ""
	}
	fits := func(mark string) int { // the number of blocks, if they are those from 0 on
		found := r.blocks()[strings.TrimPrefix(placeholder.ReplaceAllLiteralString(pattern, mark), r.prefix)]
		for block := range len(found) {
			if !found[block] {
				return 0
			}
		}
		return len(found)
	}
	most := fits(written)
	for _, mark := range numberings {
		if count := fits(mark); count > most {
			right, most = mark, count
		}
	}
	return written, right
}

// mostNumbered is how many names of a file the search for numbers of blocks looks at: large models have about a thousand. Names longer than nearestLength are none.
const mostNumbered = 10_000

// blocks returns the blocks for which the file has names of each pattern.
func (r *reading) blocks() map[string]map[int]bool {
	if r.blocksOf != nil {
		return r.blocksOf
	}
	r.blocksOf = map[string]map[int]bool{}
	for i, name := range r.names.names[:min(len(r.names.names), mostNumbered)] {
		if len(r.names.original[i]) > nearestLength {
			continue
		}
		for _, spelled := range []string{name, r.names.original[i]} {
			rest, _, _ := r.withoutPrefix(spelled)
			for pattern, block := range patternsOf(strings.TrimPrefix(rest, r.prefix)) {
				if block >= 0 && r.blocksOf[pattern] == nil {
					r.blocksOf[pattern] = map[int]bool{}
				}
				if block >= 0 {
					r.blocksOf[pattern][block] = true
				}
			}
		}
	}
	return r.blocksOf
}

// headsConflict returns an *[arch.ConflictError] if a map states another number of heads than the one that is found elsewhere, else nil.
func (s *Scheme) headsConflict(heads int, from arch.Source) error {
	if s.heads == 0 || s.heads == heads {
		return nil
	}
	return &arch.ConflictError{
		Property: arch.PropertyHeads, Given: fmt.Sprint(s.heads), GivenFrom: arch.Source(fmt.Sprintf("line %d of the map", s.headsLine)),
		Found: fmt.Sprint(heads), FoundFrom: from,
	}
}

// headsUnfit says which line states the wrong number of heads.
func (s *Scheme) headsUnfit(conflict error) error {
	return &UnfitMapError{File: s.file, Problems: []MapProblem{{Line: s.headsLine, Text: conflict.Error()}}, Err: conflict}
}
