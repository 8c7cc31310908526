package naming

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

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
	"program":     textSetting(func(s *Scheme) *string { return &s.Program }),
	"format":      textSetting(func(s *Scheme) *string { return &s.Format }),
	"key":         textSetting(func(s *Scheme) *string { return &s.Key }),
	"upernet_key": textSetting(func(s *Scheme) *string { return &s.UPerNetKey }),
	"recipe":      textSetting(func(s *Scheme) *string { return &s.Recipe }),
	"prefix":      textSetting(func(s *Scheme) *string { return &s.prefix }),
	"epsilon": func(s *Scheme, n ast.Node) string {
		value, _ := scalar(n)
		epsilon, err := strconv.ParseFloat(value, 64)
		if err != nil || !(epsilon > 0 && epsilon < 1) {
			return "a number between 0 and 1, such as 1e-6"
		}
		s.Epsilon = epsilon
		return ""
	},
	"folder":           truthSetting(func(s *Scheme) *bool { return &s.Folder }),
	"transposed":       truthSetting(func(s *Scheme) *bool { return &s.transposed }),
	"bare":             truthSetting(func(s *Scheme) *bool { return &s.bare }),
	"writes_index":     truthSetting(func(s *Scheme) *bool { return &s.writesIndex }),
	"model_type":       textSetting(func(s *Scheme) *string { return &s.ModelType }),
	"regression_note":  textSetting(func(s *Scheme) *string { return &s.RegressionNote }),
	"masked_note":      textSetting(func(s *Scheme) *string { return &s.MaskedNote }),
	"table_note":       textSetting(func(s *Scheme) *string { return &s.TableNote }),
	"position_note":    textSetting(func(s *Scheme) *string { return &s.PositionNote }),
	"epsilon_note":     textSetting(func(s *Scheme) *string { return &s.EpsilonNote }),
	"zero_position":    truthSetting(func(s *Scheme) *bool { return &s.zeroPosition }),
	"block_index":      indexSetting(true, func(s *Scheme) *[]string { return &s.blockIndex }),
	"shared_index":     indexSetting(false, func(s *Scheme) *[]string { return &s.sharedIndex }),
	"wrappers":         wrapperSetting(Wrapper{}),
	"masked_wrappers":  wrapperSetting(Wrapper{Masked: true}),
	"upernet_wrappers": wrapperSetting(Wrapper{Kind: arch.UPerNet}),
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

func wrapperSetting(like Wrapper) func(*Scheme, ast.Node) string {
	return func(s *Scheme, n ast.Node) string {
		names, ok := scalars(n)
		bad := slices.ContainsFunc(names, func(name string) bool { return !mapName.MatchString(name) })
		if !ok || bad || len(names) > maxMapParts {
			return "a list of words of letters and digits"
		}
		for _, name := range names {
			like.Name = name
			s.Wrappers = append(s.Wrappers, like)
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
	slices.SortStableFunc(s.Wrappers, func(a, b Wrapper) int { return a.order() - b.order() })
	if s.writesIndex && (len(s.blockIndex) == 0 || len(s.sharedIndex) == 0) {
		m.problem(0, "writes_index", "block_index and shared_index must say under which names")
	}
	if s.bare && s.prefix == "" {
		m.problem(0, "bare", "there is no prefix that could be left out")
	}
}

// order is lower for wrappers that a map lists earlier, whatever the order of its settings.
func (w Wrapper) order() int {
	switch {
	case w.Kind == arch.UPerNet:
		return 2
	case w.Masked:
		return 1
	}
	return 0
}
