package segmentation

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/internal/text"
)

// UsualIgnored is the value of pixels that do not count, in all programs that are known.
const UsualIgnored = 255

// Labelling says what the samples of labels mean.
type Labelling struct {
	// ReduceZeroLabel says that 0 is unlabelled, and that the first class is 1: 0 and 255 become 255, and of others 1 is subtracted. Source: open-mmlab/mmsegmentation
	// mmseg/datasets/transforms/loading.py.
	ReduceZeroLabel bool `json:"reduce_zero_label"`
	// IgnoreIndex is the value, after that, of pixels that do not count.
	IgnoreIndex int `json:"ignore_index"`
}

// unlabelled is the class of pixels that do not count.
const unlabelled = -1

// classes returns the class of each value of a sample; unlabelled if it does not count, and at least classes if it is none.
func (l Labelling) classes() [256]int {
	var table [256]int
	for value := range table {
		class := value
		if l.ReduceZeroLabel {
			class = value - 1
			if value == 0 || value == UsualIgnored {
				class = UsualIgnored
			}
		}
		if class == l.IgnoreIndex {
			class = unlabelled
		}
		table[value] = class
	}
	return table
}

// Kind is what is wrong with pictures and labels.
type Kind int

// The kinds.
const (
	// Unlabelled are pictures without labels, Unpictured labels without a picture, and SameLabels pictures that have the same labels as another one.
	Unlabelled Kind = iota
	Unpictured
	SameLabels
	// SeveralLabels are files of labels for pictures that have others.
	SeveralLabels
	// NotIndices are labels that are no numbers of classes, OtherSize those of another size than the picture, and Beyond those with numbers that are no class.
	NotIndices
	OtherSize
	Beyond
)

// kindTexts say what is wrong, of one file and of many.
var kindTexts = map[Kind][2]string{
	Unlabelled:    {"picture without labels", "pictures without labels"},
	Unpictured:    {"file of labels without a picture", "files of labels without a picture"},
	SameLabels:    {"picture with the labels of another one, which differs in the ending alone", "pictures with the labels of others, which differ in the ending alone"},
	SeveralLabels: {"file of labels beside another one for the same picture", "files of labels beside others for the same pictures"},
	NotIndices:    {"file of labels whose samples are not numbers of classes", "files of labels whose samples are not numbers of classes"},
	OtherSize:     {"file of labels of another size than its picture", "files of labels of another size than their pictures"},
	Beyond:        {"file of labels with numbers beyond the classes", "files of labels with numbers beyond the classes"},
}

// Problem is all that is wrong in one way.
type Problem struct {
	Kind Kind
	// Files are the names, with details in brackets.
	Files []string
}

// mostNamed is how many files a message names.
const mostNamed = 5

func (p Problem) String() string {
	words := kindTexts[p.Kind]
	var shown []string
	for _, file := range p.Files[:min(len(p.Files), mostNamed)] {
		shown = append(shown, text.Line(file))
	}
	if more := len(p.Files) - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("%d more", more))
	}
	return text.Count(len(p.Files), words[0], words[1]) + ": " + strings.Join(shown, ", ")
}

// DataError says that pictures and labels do not fit each other or the model.
type DataError struct {
	// Source is the folder that the caller named.
	Source string
	// Problems are in the order of their kinds.
	Problems []Problem
	// Labelling is how the samples were read, if they were.
	Labelling Labelling
}

// add notes a file.
func (e *DataError) add(kind Kind, name string) {
	at := slices.IndexFunc(e.Problems, func(p Problem) bool { return p.Kind == kind })
	if at < 0 {
		at = len(e.Problems)
		e.Problems = append(e.Problems, Problem{Kind: kind})
	}
	e.Problems[at].Files = append(e.Problems[at].Files, name)
}

// Has reports whether something is wrong in that way.
func (e *DataError) Has(kind Kind) bool {
	return slices.ContainsFunc(e.Problems, func(p Problem) bool { return p.Kind == kind })
}

func (e *DataError) Error() string {
	lines := []string{text.Name(e.Source) + ": the pictures and the labels do not fit"}
	for _, p := range e.Problems {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}

// Is reports that the data is unusable.
func (e *DataError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to do about the first problem.
func (e *DataError) Hint() string {
	switch {
	case e.Has(Unlabelled) || e.Has(Unpictured):
		return "a picture and its labels have the same name but for the ending; what has no partner can be left out"
	case e.Has(SameLabels):
		return "labels belong to one picture: leave only one of those whose names differ in the ending alone"
	case e.Has(SeveralLabels):
		return "a picture has one file of labels: leave only one of those whose names differ in the ending alone, as .png and .PNG do"
	case e.Has(NotIndices):
		return "save labels as PNG with 8 bits grey or with a palette, the numbers of the classes as samples"
	case e.Has(Beyond) && !e.Labelling.ReduceZeroLabel:
		return "the first class is 0; if the labels have 0 for what is unlabelled and 1 for the first class, ask for the reduction of labels"
	case e.Has(Beyond):
		return "0 is read as unlabelled, and 1 as the first class; if the labels have 0 for the first class, leave out the reduction of labels"
	}
	return "labels have a sample for each pixel of the picture as it is to be seen"
}

// UncountedError says that of all pictures that were read no pixel counts, so that there are no figures.
type UncountedError struct {
	// Pictures is how many were read, and Ignored the number of their pixels.
	Pictures int
	Ignored  int64
	// Labelling is how the samples were read.
	Labelling Labelling
}

func (e *UncountedError) Error() string {
	return fmt.Sprintf("there is nothing to measure: the labels of %s leave all %d pixels out", text.Count(e.Pictures, "picture", "pictures"), e.Ignored)
}

// Is reports that the data is unusable.
func (e *UncountedError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what may be wrong.
func (e *UncountedError) Hint() string {
	if e.Labelling.ReduceZeroLabel {
		return fmt.Sprintf("0 is read as unlabelled, and %d is ignored; if the labels have 0 for the first class, leave out the reduction of labels", e.Labelling.IgnoreIndex)
	}
	return fmt.Sprintf("%d is ignored; if it is the number of a class, state another one to ignore", e.Labelling.IgnoreIndex)
}

// Contents are the CRC-32C of the files of labels, by the indices of their pairs.
type Contents map[int]string

// Check reads the labels of a part and the sizes of its pictures, before anything is computed: numbers beyond classes, labels of another size than the picture, and
// files that are no labels are a *[DataError], all together. What cannot be read at all is left to the evaluation, which says so. upright says that pictures are turned as
// their files say. progress, if not nil, is called after each pair, and calls never overlap.
func (d *Data) Check(ctx context.Context, shard evaluate.Shard, classes int, labelling Labelling, upright bool, progress func(done int)) (Contents, error) {
	pairs := d.part(shard)
	found := make([]checked, len(pairs))
	done := make(chan struct{}, len(pairs))
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		count := 0
		for range done {
			if count++; progress != nil {
				progress(count)
			}
		}
	}()
	err := parallel.Each(ctx, len(pairs), func(_ context.Context, i int) error {
		found[i] = pairs[i].check(labelling.classes(), classes, upright)
		done <- struct{}{}
		return nil
	})
	close(done)
	<-counted
	if err != nil {
		return nil, err
	}
	contents, fail := Contents{}, &DataError{Source: d.source, Labelling: labelling}
	for i, c := range found {
		if c.read {
			contents[pairs[i].Index] = c.content
		}
		if c.detail != "" {
			fail.add(c.kind, c.detail)
		}
	}
	if len(fail.Problems) > 0 {
		slices.SortStableFunc(fail.Problems, func(a, b Problem) int { return int(a.Kind - b.Kind) })
		return nil, fail
	}
	return contents, nil
}

// checked is what was found out about a pair.
type checked struct {
	content string
	read    bool
	kind    Kind
	detail  string // empty if nothing is wrong
}

// check looks through the labels of a pair.
func (p Pair) check(table [256]int, classes int, upright bool) checked {
	labels, content, err := ReadLabels(p.labelsPath)
	c := checked{content: content, read: err == nil}
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		c.kind, c.detail = NotIndices, fmt.Sprintf("%s (%v)", text.Name(p.Labels), err)
		return c
	case err != nil:
		return c
	}
	if low, high := beyond(labels.Values, table, classes); low >= 0 {
		c.kind, c.detail = Beyond, fmt.Sprintf("%s (%s, and there are %d classes)", text.Name(p.Labels), spanText(low, high), classes)
		return c
	}
	file, err := disk.OpenRegular(p.imagePath)
	if err != nil {
		return c
	}
	defer file.Close()
	size, err := preprocess.DecodeSize(file, upright)
	if err == nil && (size.X != labels.Width || size.Y != labels.Height) {
		c.kind, c.detail = OtherSize, sizesText(p.Labels, labels, size.X, size.Y)
	}
	return c
}

func sizesText(name string, labels *preprocess.Indices, width, height int) string {
	return fmt.Sprintf("%s (%d x %d, and the picture has %d x %d pixels)", text.Name(name), labels.Width, labels.Height, width, height)
}

func spanText(low, high int) string {
	if low == high {
		return fmt.Sprintf("the number %d", low)
	}
	return fmt.Sprintf("numbers from %d to %d", low, high)
}

// beyond returns the smallest and the largest value that is no class; -1 if there is none.
func beyond(values []uint8, table [256]int, classes int) (low, high int) {
	var seen [256]bool
	for _, v := range values {
		seen[v] = true
	}
	low, high = -1, -1
	for value, there := range seen {
		if there && table[value] >= classes {
			if low < 0 {
				low = value
			}
			high = value
		}
	}
	return low, high
}

// castagnoli is the table of CRC-32C.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ReadLabels reads a file of labels, and returns also what a [Record] says of its content. The errors are those of the system and of [preprocess.DecodeIndices].
func ReadLabels(path string) (labels *preprocess.Indices, content string, err error) {
	file, err := disk.OpenRegular(path)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	sum := crc32.New(castagnoli)
	labels, err = preprocess.DecodeIndices(io.TeeReader(file, sum))
	return labels, fmt.Sprintf("%08x", sum.Sum32()), err
}
