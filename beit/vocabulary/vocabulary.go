package vocabulary

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The data sets.
const (
	ImageNet1k  = "ImageNet-1k"
	ImageNet22k = "ImageNet-22k"
)

// Vocabulary is the classes of a data set.
type Vocabulary struct {
	name    string
	labels  []string
	ids     []string
	numbers []int
}

// Name returns the name of the data set, such as [ImageNet1k].
func (v *Vocabulary) Name() string { return v.name }

// Len returns the number of classes.
func (v *Vocabulary) Len() int { return len(v.ids) }

// Labels returns the names of the classes in the order of the logits, such as "tench, Tinca tinca". Some names occur more than once. The slice is the
// caller's.
func (v *Vocabulary) Labels() []string { return slices.Clone(v.labels) }

// IDs returns the WordNet ids of the classes in the order of the logits, such as "n01440764". Each occurs once. The slice is the caller's.
func (v *Vocabulary) IDs() []string { return slices.Clone(v.ids) }

// Numbers returns the numbers from 1 that ImageNet's development kit gives to the classes, in the order of the logits: its ground truth is in these numbers.
// It is nil for other data sets than ImageNet-1k. The slice is the caller's.
func (v *Vocabulary) Numbers() []int { return slices.Clone(v.numbers) }

// Names lists the names of the data sets.
func Names() []string { return []string{ImageNet1k, ImageNet22k} }

// Sized returns the name of the data set with that number of classes, or an empty text. That a model has so many does not say that they are these.
func Sized(classes int) string {
	for _, name := range Names() {
		if lists[name].classes == classes {
			return name
		}
	}
	return ""
}

// lists has the sizes, and what unpacks the lists.
var lists = map[string]struct {
	classes int
	unpack  func() *Vocabulary
}{
	ImageNet1k:  {1000, sync.OnceValue(func() *Vocabulary { return unpack(ImageNet1k, packed1k) })},
	ImageNet22k: {21841, sync.OnceValue(func() *Vocabulary { return unpack(ImageNet22k, packed22k) })},
}

// ByName returns the classes of a data set, or nil if no data set has the name. Capitals, hyphens, underscores and spaces make no difference.
func ByName(name string) *Vocabulary {
	for _, known := range Names() {
		if fold(known) == fold(name) {
			return lists[known].unpack()
		}
	}
	return nil
}

var folding = strings.NewReplacer("-", "", "_", "", " ", "")

func fold(name string) string { return folding.Replace(strings.ToLower(name)) }

// Of returns the data set whose classes have these labels, in this order; nil if there is none. Publishers spell some names otherwise, or give only one of
// several: nine of ten labels have to have a name, or be the id, of the class at their place.
func Of(labels []string) *Vocabulary {
	for _, name := range Names() {
		if lists[name].classes != len(labels) {
			continue
		}
		v, same := lists[name].unpack(), 0
		for i, label := range labels {
			if strings.EqualFold(label, v.labels[i]) || label == v.ids[i] || shareName(label, v.labels[i]) {
				same++
			}
		}
		if 10*same >= 9*len(labels) {
			return v
		}
	}
	return nil
}

// shareName reports whether two lists of names with commas have one in common.
func shareName(a, b string) bool {
	for one := range strings.SplitSeq(a, ",") {
		for other := range strings.SplitSeq(b, ",") {
			if strings.EqualFold(strings.TrimSpace(one), strings.TrimSpace(other)) {
				return true
			}
		}
	}
	return false
}

// The lists have a line for each class: id, names and, of ImageNet-1k, the number in the development kit.
var (
	//go:embed imagenet-1k.tsv.gz
	packed1k []byte
	//go:embed imagenet-22k.tsv.gz
	packed22k []byte
)

// unpack reads a list that ships with the program, which the tests read too: it panics if it is damaged.
func unpack(name string, packed []byte) *Vocabulary {
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic(fmt.Sprintf("vocabulary: %v", err))
	}
	raw, err := io.ReadAll(unzipped)
	if err != nil {
		panic(fmt.Sprintf("vocabulary: %v", err))
	}
	v := &Vocabulary{name: name}
	for line := range strings.Lines(string(raw)) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		v.ids, v.labels = append(v.ids, columns[0]), append(v.labels, columns[1])
		if len(columns) > 2 {
			number, _ := strconv.Atoi(columns[2])
			v.numbers = append(v.numbers, number)
		}
	}
	return v
}
