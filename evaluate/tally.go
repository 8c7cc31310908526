package evaluate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Tally adds up records, in any order. Its memory grows with the number of classes and of different mistakes, and by a bit for each image.
type Tally struct {
	header  Header
	done    marks
	unread  map[place]Record
	score   Score
	loss    exactSum
	losses  int
	classes map[int]*classCount
	pairs   map[pair]int
	bins    [bins]bin
	real    classCount
	// inventory has the images of all records, also of those that could not be read.
	inventory dataset.Inventory
	// unturned counts images that were read and not turned as their files say.
	unturned int
}

// pair is a right class and another one that was taken for it.
type pair struct{ right, taken int }

// classCount counts images and the right answers among them.
type classCount struct{ images, top1, top5 int }

// bins is the number of ranges of probability in a Calibration, as in Guo et al. 2017.
const bins = 15

// bin counts images whose first class has a probability in a range.
type bin struct {
	images, right int
	probability   exactSum
}

// NewTally returns an empty tally for records of files with this header.
func NewTally(header Header) *Tally {
	return &Tally{header: header, done: marks{}, unread: map[place]Record{}, classes: map[int]*classCount{}, pairs: map[pair]int{}}
}

// TwiceError says that there is more than one record about an image.
type TwiceError struct{ Record Record }

func (e *TwiceError) Error() string {
	name := ""
	if e.Record.Image != "" {
		name = ", " + text.Quote(e.Record.Image) + ","
	}
	return fmt.Sprintf("image %d%s%s was counted before", e.Record.Index, inTar(e.Record.Tar), name)
}

// Is reports that the records are unusable.
func (e *TwiceError) Is(kind error) bool { return kind == errdef.ErrInput }

// ChangedError says that an image of a record is another than that of the data now, or of an earlier record about the same place.
type ChangedError struct {
	// Record is the record, Here is what the image is by it, and Else what it is elsewhere: Where, such as "in the data".
	Record            Record
	Here, Where, Else string
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("image %d%s is %s, %s it is %s", e.Record.Index, inTar(e.Record.Tar), e.Here, e.Where, e.Else)
}

// Is reports that the records are unusable.
func (e *ChangedError) Is(kind error) bool { return kind == errdef.ErrInput }

// identity returns what a record says of its image, for a message.
func (r Record) identity() string {
	said := fmt.Sprintf("%s of class %d", text.Quote(r.Image), r.Class)
	if r.Real != nil {
		said += fmt.Sprintf(", by real labels %d", r.Real)
	}
	if r.Content != "" {
		said += ", CRC-32C " + r.Content
	}
	return said
}

// listed reports whether the records are about all images of the list, as far as it is known.
func (t *Tally) listed() bool {
	return t.header.Data.Images < 0 || t.inventory.Digest() == t.header.Data.Digest
}

func inTar(tar string) string {
	if tar == "" {
		return ""
	}
	return " of " + text.Quote(tar)
}

// Add counts a record. One of an image that could not be read counts only until there is another of the same image, which was read at last. An image that was
// read already is a *[TwiceError].
func (t *Tally) Add(r Record) error {
	at := r.place()
	if t.done.has(at) {
		return &TwiceError{r}
	}
	before, again := t.unread[at]
	switch {
	case !again:
		t.inventory.Add(r.Index, r.Image, r.Class, r.Real)
	case before.Image != r.Image || before.Class != r.Class || !slices.Equal(before.Real, r.Real):
		return &ChangedError{Record: r, Here: r.identity(), Where: "in an earlier line", Else: before.identity()}
	}
	if r.Error != "" {
		t.unread[at] = r
		return nil
	}
	delete(t.unread, at)
	t.done.set(at)
	if r.Unturned != 0 {
		t.unturned++
	}
	t.score.count(r.Rank)
	class := t.classes[r.Class]
	if class == nil {
		class = &classCount{}
		t.classes[r.Class] = class
	}
	class.count(r.Rank == 1, r.Rank >= 1 && r.Rank <= shown)
	if r.Rank > 0 {
		t.loss.add(r.Loss)
		t.losses++
	}
	if len(r.Top) > 0 {
		t.addAnswer(r)
	}
	return nil
}

// addAnswer counts the most probable class of a record.
func (t *Tally) addAnswer(r Record) {
	first := r.Top[0]
	if first.Class != r.Class {
		t.pairs[pair{r.Class, first.Class}]++
	}
	b := &t.bins[min(bins-1, int(first.Probability*bins))]
	b.images++
	b.probability.add(first.Probability)
	if first.Class == r.Class {
		b.right++
	}
	if len(r.Real) > 0 {
		t.real.count(slices.Contains(r.Real, first.Class), slices.ContainsFunc(r.Top, func(g Guess) bool { return slices.Contains(r.Real, g.Class) }))
	}
}

func (c *classCount) count(top1, top5 bool) {
	c.images++
	if top1 {
		c.top1++
	}
	if top5 {
		c.top5++
	}
}

// Done returns the number of images that were counted, with those that could not be read.
func (t *Tally) Done() int { return t.score.images + len(t.unread) }

// Accuracy returns the result for the images counted so far.
func (t *Tally) Accuracy() Accuracy { return t.score.Accuracy() }

// Summary returns all figures for the images counted so far.
func (t *Tally) Summary() *Summary {
	s := &Summary{
		Accuracy: t.Accuracy(), Interval1: Wilson(t.score.top1, t.score.images), Interval5: Wilson(t.score.top5, t.score.images),
		All: t.Done(), Total: t.header.Data.Images, Unread: t.unreadInOrder(), Classes: t.perClass(), Confusions: t.confusions(), Calibration: t.calibration(),
		Unturned: t.unturned,
	}
	if t.header.Model.Function == classify.SoftmaxFunction && t.losses > 0 {
		loss := t.loss.value() / float64(t.losses)
		s.Loss = &loss
	}
	if t.real.images > 0 {
		s.Real = accuracyOf(t.real)
	}
	return s
}

func (t *Tally) unreadInOrder() []Unread {
	records := slices.SortedFunc(maps.Values(t.unread), func(a, b Record) int { return cmp.Or(cmp.Compare(a.Tar, b.Tar), cmp.Compare(a.Index, b.Index)) })
	list := make([]Unread, len(records))
	for i, r := range records {
		list[i] = Unread{Image: r.Image, Tar: r.Tar, Error: r.Error}
	}
	return list
}

func (t *Tally) perClass() []ClassAccuracy {
	list := make([]ClassAccuracy, 0, len(t.classes))
	for _, class := range slices.Sorted(maps.Keys(t.classes)) {
		entry := ClassAccuracy{Class: class, Accuracy: *accuracyOf(*t.classes[class])}
		if class < len(t.header.Model.Labels) {
			entry.Label = t.header.Model.Labels[class]
		}
		list = append(list, entry)
	}
	return list
}

func (t *Tally) confusions() []Confusion {
	list := make([]Confusion, 0, len(t.pairs))
	for p, images := range t.pairs {
		list = append(list, Confusion{Right: p.right, Taken: p.taken, Images: images})
	}
	slices.SortFunc(list, func(a, b Confusion) int {
		return cmp.Or(-cmp.Compare(a.Images, b.Images), cmp.Compare(a.Right, b.Right), cmp.Compare(a.Taken, b.Taken))
	})
	return list
}

func (t *Tally) calibration() Calibration {
	var c Calibration
	var distance exactSum
	for i, b := range t.bins {
		entry := Bin{From: float64(i) / bins, To: float64(i+1) / bins, Images: b.images, Right: b.right}
		if b.images > 0 {
			sum := b.probability.value()
			entry.Probability = sum / float64(b.images)
			distance.add(max(sum-float64(b.right), float64(b.right)-sum))
		}
		c.Bins = append(c.Bins, entry)
	}
	if t.score.images > 0 {
		c.Error = distance.value() / float64(t.score.images)
	}
	return c
}

func accuracyOf(c classCount) *Accuracy {
	accuracy := (&Score{c.images, c.top1, c.top5}).Accuracy()
	return &accuracy
}

// marks is a set of places. It takes a bit for each, and a page for places that are far from all others.
type marks map[page]*[pageBits / 64]uint64

// page is a range of places.
type page struct {
	tar    string
	number int
}

const pageBits = 4096

func (m marks) has(p place) bool {
	words := m[page{p.tar, p.index / pageBits}]
	at := p.index % pageBits
	return words != nil && words[at/64]>>(at%64)&1 == 1
}

func (m marks) set(p place) {
	key := page{p.tar, p.index / pageBits}
	words := m[key]
	if words == nil {
		words = new([pageBits / 64]uint64)
		m[key] = words
	}
	at := p.index % pageBits
	words[at/64] |= 1 << (at % 64)
}

// clone returns a copy that does not follow changes.
func (m marks) clone() marks {
	copied := make(marks, len(m))
	for key, words := range m {
		own := *words
		copied[key] = &own
	}
	return copied
}
