package dataset

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/pictures"
	"github.com/beitzoo/beitzoo/beit/vocabulary"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Model is what a data set has to fit.
type Model struct {
	// Classes is the number of logits.
	Classes int
	// Labels are the names of the classes, in the order of the logits; nil if they are not known.
	Labels []string
}

// Matching says how the classes of a data set are matched with those of a model.
type Matching struct {
	// Way is by what names are matched; empty takes the first of [ByLabel], [ByWordNet], [ByNumber] that fits all names, or [ByOrder] if nobody states the names
	// of the model's classes, there are as many, and everybody would put them into the same order: numbers that do not fit, and names such as class10 and class9,
	// are taken in order on request only.
	Way Way
	// Map, if not nil, says it in place of Way.
	Map *ClassMap
	// OwnClasses seeks answers only among the classes that the data has, as is usual for ImageNet-A and ImageNet-R. Otherwise they are sought among all
	// classes of the model, or among those that Among names, by number, name or WordNet id.
	OwnClasses bool
	Among      []string
	// Real, if not nil, are labels of ImageNet's validation set that were collected again.
	Real *RealLabels
}

// matcher finds the logits of names.
type matcher struct {
	model Model
	// labels has the logits of names of classes, folded; ambiguous ones are -1, and shared has the classes that share them.
	labels map[string]int
	shared map[string][]int
	ids    map[string]int
	// vocabulary is the known list of classes that the model has, or nil.
	vocabulary *vocabulary.Vocabulary
	// empty are the names of class folders without images: they have a place in the order.
	empty []string
}

func newMatcher(model Model) *matcher {
	m := &matcher{model: model, labels: map[string]int{}, shared: map[string][]int{}, ids: map[string]int{}}
	if card.Placeholder(model.Labels) {
		return m
	}
	m.add(model.Labels)
	if m.vocabulary = vocabulary.Of(model.Labels); m.vocabulary != nil {
		usual := &matcher{labels: map[string]int{}, shared: map[string][]int{}}
		usual.add(m.vocabulary.Labels())
		for key, logit := range usual.labels {
			if _, own := m.labels[key]; !own {
				m.labels[key], m.shared[key] = logit, usual.shared[key]
			}
		}
		for i, id := range m.vocabulary.IDs() {
			m.ids[id] = i
		}
		return m
	}
	for i, label := range model.Labels {
		if wordNet.MatchString(label) {
			m.ids[label] = i
		}
	}
	return m
}

// add adds names of all classes: first each as it is, then the parts of those with commas, which stand for nothing else.
func (m *matcher) add(labels []string) {
	whole := map[string]bool{}
	for i, label := range labels {
		m.name(fold(label), i)
		whole[fold(label)] = true
	}
	for i, label := range labels {
		if parts := strings.Split(label, ","); len(parts) > 1 {
			for _, part := range parts {
				if key := fold(part); !whole[key] {
					m.name(key, i)
				}
			}
		}
	}
}

// name adds a name of a class.
func (m *matcher) name(key string, logit int) {
	before, known := m.labels[key]
	switch {
	case key == "" || known && before == logit || slices.Contains(m.shared[key], logit):
	case known:
		if before >= 0 {
			m.shared[key] = []int{before}
		}
		m.labels[key], m.shared[key] = -1, append(m.shared[key], logit)
	default:
		m.labels[key] = logit
	}
}

// fold returns a name in the form in which names are compared.
func fold(name string) string {
	return strings.Join(strings.Fields(strings.ToLower(strings.ReplaceAll(name, "_", " "))), " ")
}

// wordNet matches WordNet ids of nouns, as ImageNet has them.
var wordNet = regexp.MustCompile(`^n\d{8}$`)

// find returns the logit of a name, or why it has none.
func (m *matcher) find(way Way, name string) (int, string) {
	switch way {
	case ByLabel:
		key := fold(name)
		if logit, known := m.labels[key]; known && logit >= 0 {
			return logit, ""
		}
		if both := m.shared[key]; len(both) > 0 {
			return -1, fmt.Sprintf("is the name of %s; give their WordNet ids or numbers", classesText(both))
		}
		return -1, "is no class of the model"
	case ByWordNet:
		if logit, known := m.ids[name]; known {
			return logit, ""
		}
		if m.vocabulary != nil && wordNet.MatchString(name) {
			return -1, "is no class of " + m.vocabulary.Name()
		}
		return -1, "is no WordNet id of a class of the model"
	case ByNumber:
		number, err := strconv.Atoi(name)
		if err == nil && number >= 0 && number < m.model.Classes {
			return number, ""
		}
		if err == nil {
			return -1, fmt.Sprintf("is not between 0 and %d", m.model.Classes-1)
		}
		return -1, "is no number"
	}
	return -1, "is no class of the model"
}

func classesText(logits []int) string {
	words := make([]string, len(logits))
	for i, logit := range logits {
		words[i] = strconv.Itoa(logit)
	}
	return "classes " + strings.Join(words, ", ")
}

// findAny returns the logit of a name or number by whatever fits.
func (m *matcher) findAny(name string) (int, string) {
	for _, way := range []Way{ByWordNet, ByNumber} {
		if logit, reason := m.find(way, name); reason == "" {
			return logit, ""
		}
	}
	return m.find(ByLabel, name)
}

// all returns the logits of all names by one way, and the mismatches.
func (m *matcher) all(way Way, names []string) ([]int, []Mismatch) {
	logits := make([]int, len(names))
	var wrong []Mismatch
	taken := map[int]string{}
	for i, name := range names {
		logit, reason := m.find(way, name)
		if first, twice := taken[logit]; reason == "" && twice {
			reason = fmt.Sprintf("is class %d, as %s is", logit, text.Quote(first))
		}
		if reason != "" {
			wrong = append(wrong, Mismatch{Name: name, Reason: reason})
			continue
		}
		logits[i], taken[logit] = logit, name
	}
	return logits, wrong
}

// choose returns the mapping of names, in the order of their bytes, and the way. Images of a class whose logit is -1 are left out. The error is a
// *[MismatchError].
func (m *matcher) choose(source string, names []string, o Matching) (Way, []int, error) {
	if o.Map != nil {
		return m.byMap(source, names, o.Map)
	}
	ways := []Way{ByLabel, ByWordNet, ByNumber, ByOrder}
	if o.Way != "" {
		ways = []Way{o.Way}
	}
	fail := &MismatchError{Source: source, Names: len(names), Classes: m.model.Classes}
	for _, way := range ways {
		if way == ByOrder {
			logits, unsure := m.order(names, o.Way != "")
			if logits != nil {
				return way, logits, nil
			}
			fail.Unsure = unsure
			continue
		}
		logits, wrong := m.all(way, names)
		if len(wrong) == 0 {
			return way, logits, nil
		}
		if fail.Mismatches == nil || len(wrong) < len(fail.Mismatches) {
			fail.Way, fail.Mismatches = way, wrong
		}
	}
	return "", nil, m.explain(fail, names)
}

// order returns the places of names in the order of their bytes, nil if there are not as many as classes. Unless somebody asked for it, it is also nil if a class
// of the model has a name, and if others would put the names into another order; then it says why.
func (m *matcher) order(names []string, asked bool) (logits []int, unsure string) {
	all, unsure := names, ""
	if whole := len(names) + len(m.empty); len(names) != m.model.Classes && whole == m.model.Classes {
		all, unsure = slices.Sorted(slices.Values(slices.Concat(names, m.empty))), "only together with the folders that have no images"
	}
	switch {
	case len(all) != m.model.Classes || !asked && len(m.labels) > 0:
		return nil, ""
	case !asked && unsure == "":
		unsure = doubtOf(names)
	}
	if !asked && unsure != "" {
		return nil, unsure
	}
	for _, name := range names {
		logits = append(logits, slices.Index(all, name))
	}
	return logits, ""
}

// doubtOf says why others may put names, which are in the order of their bytes, into another one; it is empty if nobody does.
func doubtOf(names []string) string {
	if !slices.ContainsFunc(names, func(name string) bool { return !isNumber(name) }) {
		return "as numbers they are not those of the classes, 0 and so on"
	}
	for i := range names[1:] {
		if a, b := names[i], names[i+1]; pictures.Natural(a, b) > 0 {
			return fmt.Sprintf("in doubtful order: by their bytes %s comes before %s, as torchvision has it, and by their numbers after it, as timm has it", text.Quote(a), text.Quote(b))
		}
	}
	return ""
}

func isNumber(name string) bool {
	_, err := strconv.Atoi(name)
	return err == nil
}

func counted(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

// explain completes an error: what was probably meant, and what is not known of the model.
func (m *matcher) explain(fail *MismatchError, names []string) error {
	if fail.Mismatches == nil { // by order alone
		for _, name := range names {
			fail.Mismatches = append(fail.Mismatches, Mismatch{Name: name, Reason: "has no place: the numbers of classes differ"})
		}
		fail.Way = ByOrder
	}
	if len(m.labels) == 0 {
		fail.Nameless, fail.Likely = true, vocabulary.Sized(m.model.Classes)
	}
	if len(fail.Mismatches) == len(names) && fail.Way != ByOrder {
		fail.Way = ""
		if fail.Nameless {
			for i := range fail.Mismatches {
				fail.Mismatches[i].Reason = "is no number of a class, and nobody states the names of the model's classes"
			}
		}
	}
	var known []string
	for i := range fail.Mismatches[:min(listed, len(fail.Mismatches))] {
		if known == nil {
			known = slices.Sorted(maps.Keys(m.labels))
		}
		name := fold(fail.Mismatches[i].Name)
		if nearest := suggest.Nearest(name, known); nearest != name { // what several classes share is no advice
			fail.Mismatches[i].Nearest = nearest
		}
	}
	return fail
}

// byMap matches names by a class map. Several names may be one class.
func (m *matcher) byMap(source string, names []string, by *ClassMap) (Way, []int, error) {
	logits := make([]int, len(names))
	fail := &MismatchError{Source: source, Names: len(names), Classes: m.model.Classes, Way: ByMap}
	for i, name := range names {
		logit, wrong := m.findMapped(name, by)
		if wrong != nil {
			fail.Mismatches = append(fail.Mismatches, *wrong)
		}
		logits[i] = logit
	}
	if len(fail.Mismatches) > 0 {
		return "", nil, fail
	}
	return ByMap, logits, nil
}

// findMapped returns the logit of a name by a class map; -1 if its images are left out.
func (m *matcher) findMapped(name string, by *ClassMap) (int, *Mismatch) {
	to, known := by.to[name]
	switch {
	case !known:
		return -1, &Mismatch{Name: name, Reason: "is not in the class map", Nearest: suggest.Nearest(name, slices.Sorted(maps.Keys(by.to)))}
	case to == leftOut:
		return -1, nil
	}
	logit, reason := m.findAny(to)
	if reason != "" {
		return -1, &Mismatch{Name: name, Reason: fmt.Sprintf("is %s by the class map, which %s", text.Quote(to), reason)}
	}
	return logit, nil
}

// candidates returns the logits among which answers are sought, in ascending order; nil for all.
func (m *matcher) candidates(source string, logits []int, o Matching) ([]int, error) {
	var chosen []int
	switch {
	case o.OwnClasses:
		chosen = slices.DeleteFunc(slices.Clone(logits), func(logit int) bool { return logit < 0 })
	case o.Among == nil:
		return nil, nil
	}
	fail := &MismatchError{Source: source, Names: len(o.Among), Classes: m.model.Classes, Nameless: len(m.labels) == 0}
	for _, name := range o.Among {
		logit, reason := m.findAny(name)
		if reason != "" {
			fail.Mismatches = append(fail.Mismatches, Mismatch{Name: name, Reason: reason})
		}
		chosen = append(chosen, logit)
	}
	if len(fail.Mismatches) > 0 {
		return nil, fail
	}
	slices.Sort(chosen)
	if chosen = slices.Compact(chosen); len(chosen) == m.model.Classes {
		return nil, nil
	}
	return chosen, nil
}
