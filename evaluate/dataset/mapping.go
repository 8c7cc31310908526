package dataset

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
	// ByOrder: there are as many names as classes, and the first in the order of their bytes is class 0, as torchvision's ImageFolder does.
	ByOrder Way = "order"
	// ByMap: the caller gave a map.
	ByMap Way = "map"
)

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
