package dataset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
)

// Way is by what the classes of a data set were matched with those of a model.
type Way string

// The ways.
const (
	// ByLabel: the names are those of the model's classes, or one of several names that a class has, whatever the case; _ stands for a space.
	ByLabel Way = "label"
	// ByWordNet: the names are WordNet ids, such as n01440764.
	ByWordNet Way = "wordnet"
	// ByNumber: the names are the numbers of the logits, from 0.
	ByNumber Way = "number"
	// ByOrder: there are as many names as classes, and the first in the order of their bytes is class 0, as torchvision's ImageFolder does. Class folders without
	// images count where it takes them to be as many.
	ByOrder Way = "order"
	// ByMap: the caller gave a map.
	ByMap Way = "map"
)

// Ways lists the ways that a caller may ask for.
func Ways() []Way { return []Way{ByLabel, ByWordNet, ByNumber, ByOrder} }

// Mapping says which logit stands for which class of a data set.
type Mapping struct {
	// Way is by what the names were matched.
	Way Way
	// Names are the classes of the data as it names them, and Logits has the index of the right logit for each.
	Names  []string
	Logits []int
	// Of is the number of classes that the model has.
	Of int
	// Candidates are the logits among which an answer is sought, in ascending order; nil for all. The probabilities of an answer, and its loss, are over these.
	Candidates []int
}

// Subset reports whether the data has some of the model's classes only.
func (m Mapping) Subset() bool {
	seen := map[int]bool{}
	for _, logit := range m.Logits {
		seen[logit] = true
	}
	return len(seen) < m.Of
}

// orderNote says what it means that classes are taken in their order.
func (m Mapping) orderNote(asked bool) string {
	var first []string
	for i, name := range m.Names[:min(mostNamed, len(m.Names))] {
		first = append(first, fmt.Sprintf("%s is class %d", text.Quote(name), m.Logits[i]))
	}
	why := "nobody states the names of the model's classes: "
	if asked {
		why = "as asked, "
	}
	return why + "the classes of the data are taken in the order of their bytes, as torchvision does: " + strings.Join(first, ", ") + " and so on"
}

// notes returns what has to be said about the mapping, which somebody asked for or not.
func (m Mapping) notes(asked bool) []string {
	var notes []string
	if m.Way == ByNumber && len(m.Logits) > 0 && m.Logits[0] == 1 {
		notes = append(notes, "the smallest number of a class is 1: numbers are taken to count from 0, as logits do")
	}
	if m.Way == ByOrder {
		notes = append(notes, m.orderNote(asked))
	}
	if m.Subset() {
		among := "all"
		if m.Candidates != nil {
			among = text.Count(len(m.Candidates), "of them", "of them")
		}
		own := text.Count(len(slices.Compact(slices.Clone(m.Logits))), "class", "classes")
		notes = append(notes, fmt.Sprintf("the data has %s of the model's %d classes; answers are sought among %s", own, m.Of, among))
	}
	return notes
}
