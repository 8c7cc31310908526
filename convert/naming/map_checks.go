package naming

import (
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
)

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
					kinds := r.kind == "" || other.kind == "" || r.kind == other.kind
					if other.pattern == pattern && other.family() == r.family() && kinds && poolings && wrappers && branches {
						m.problem(r.line, pattern, "it is written by line %d already; a second spelling, for reading, has read_only: true", other.line)
					}
				}
				before = append(before, made{r, pattern})
			}
		}
	}
}

// checkNames finds names in files that could be two things, for a BEiT with UPerNet and for all others.
func (m *mapParser) checkNames() {
	m.checkNamesOf(slices.DeleteFunc(slices.Clone(m.rows), func(r row) bool { return r.family() == segmenterFamily }))
	m.checkNamesOf(slices.DeleteFunc(slices.Clone(m.rows), func(r row) bool { return r.family() != segmenterFamily && !lends(m.rows, r) }))
}

// checkNamesOf finds names of rows that could be two things. Where a pattern could be an instance of another depends on the numbers in them, so each is tried with
// all of these.
func (m *mapParser) checkNamesOf(rows []row) {
	type meaning struct {
		line           int
		row, part      int
		makes, pattern string
	}
	meanings := map[string]meaning{}
	var patterns []meaning
	numbers := map[int]bool{0: true, 1: true}
	for i, r := range rows {
		for _, one := range expand(r) {
			for part, pattern := range one.foreign {
				key := strings.TrimPrefix(pattern, m.scheme.prefix)
				here := meaning{r.line, i, part, strings.Join(one.canonical, " + "), key}
				other, twice := meanings[key]
				if twice && other.makes == here.makes && other.part == part && r.pooling != rows[other.row].pooling {
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
