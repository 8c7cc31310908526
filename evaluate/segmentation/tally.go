package segmentation

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Tally adds up records, in any order: exactly, since areas are whole numbers.
type Tally struct {
	header Header
	// done are the pictures that were evaluated, by what they are, and unread those that could not be.
	done      map[int]identity
	unread    map[int]Record
	inventory dataset.Inventory
	areas     []Area
	// confusions have the pixels of a class that were taken for another one: by the labels, and by the model.
	confusions map[[2]int]int64
	ignored    int64
	padded     int
}

// identity is what a record says of its picture and labels.
type identity struct{ image, labels, content string }

func (r *Record) identity() identity { return identity{r.Image, r.Labels, r.Content} }

func (i identity) String() string {
	said := fmt.Sprintf("%s with the labels %s", text.Quote(i.image), text.Quote(i.labels))
	if i.content != "" {
		said += ", CRC-32C " + i.content
	}
	return said
}

// NewTally returns an empty tally for records of files with this header.
func NewTally(header Header) *Tally {
	return &Tally{
		header: header, done: map[int]identity{}, unread: map[int]Record{}, areas: make([]Area, header.Model.Config.Classes), confusions: map[[2]int]int64{},
	}
}

// Add counts a record. One of a picture that could not be read counts only until there is another of the same picture. A picture that was evaluated already is an
// *[evaluate.TwiceError], another one in the same place an *[evaluate.ChangedError].
func (t *Tally) Add(r Record) error {
	if _, twice := t.done[r.Index]; twice {
		return &evaluate.TwiceError{Record: evaluate.Record{Index: r.Index, Image: r.Image}}
	}
	before, again := t.unread[r.Index]
	switch {
	case !again:
		t.inventory.Add(r.Index, r.Image+"\x00"+r.Labels, 0, nil)
	case before.Image != r.Image || before.Labels != r.Labels:
		return changed(r, before.identity().String(), "in an earlier line")
	}
	if r.Error != "" {
		t.unread[r.Index] = r
		return nil
	}
	delete(t.unread, r.Index)
	t.done[r.Index] = r.identity()
	for _, p := range r.Pairs {
		if addPair(t.areas, p); p[0] != p[1] {
			t.confusions[[2]int{p[0], p[1]}] += int64(p[2])
		}
	}
	t.ignored += int64(r.Ignored)
	if r.Padded {
		t.padded++
	}
	return nil
}

// changed returns the error that a record is about something else than there is elsewhere.
func changed(r Record, elsewhere, where string) error {
	return &evaluate.ChangedError{Record: evaluate.Record{Index: r.Index, Image: r.Image}, Here: r.identity().String(), Where: where, Else: elsewhere}
}

// Done returns the number of pictures that were counted, with those that could not be read.
func (t *Tally) Done() int { return len(t.done) + len(t.unread) }

// Figures returns the figures of the pictures so far.
func (t *Tally) Figures() Figures { return figuresOf(t.areas) }

// listed reports whether the records are about all pictures of the list.
func (t *Tally) listed() bool { return t.inventory.Digest() == t.header.Data.Digest }

// merge adds the counts of another tally of the same classes. If a picture is in both, it is returned with true, and the tally is then of no use.
func (t *Tally) merge(other *Tally) (index int, twice bool) {
	for index := range other.done {
		if _, twice := t.done[index]; twice {
			return index, true
		}
	}
	maps.Copy(t.done, other.done)
	maps.Copy(t.unread, other.unread)
	t.inventory.Join(other.inventory)
	for class, a := range other.areas {
		own := &t.areas[class]
		own.Labelled, own.Predicted, own.Intersection = own.Labelled+a.Labelled, own.Predicted+a.Predicted, own.Intersection+a.Intersection
	}
	for pair, n := range other.confusions {
		t.confusions[pair] += n
	}
	t.ignored, t.padded = t.ignored+other.ignored, t.padded+other.padded
	return 0, false
}

// compare returns an error if a record is about other pictures or labels than there are now.
func (t *Tally) compare(d *Data, contents Contents) error {
	for _, index := range slices.Sorted(maps.Keys(t.done)) {
		was, now := t.done[index], recordOf(d.pairs[index])
		now.Content = contents[index]
		if now.identity() != was && (now.Content != "" || now.Image != was.image || now.Labels != was.labels) {
			return changed(Record{Index: index, Image: was.image, Labels: was.labels, Content: was.content}, now.identity().String(), "in the data")
		}
	}
	for _, index := range slices.Sorted(maps.Keys(t.unread)) {
		was := t.unread[index]
		if now := recordOf(d.pairs[index]); now.Image != was.Image || now.Labels != was.Labels {
			return changed(was, now.identity().String(), "in the data")
		}
	}
	return nil
}

// Summary has the figures of an evaluation. It follows from the records alone.
type Summary struct {
	Figures
	// Images is the number of pictures that were evaluated, Pixels that of their pixels that count, and Ignored of those that do not.
	Images  int   `json:"images"`
	Pixels  int64 `json:"pixels"`
	Ignored int64 `json:"ignored_pixels"`
	// All is the number of pictures with a record, read or not, and Total that of the whole data set.
	All   int `json:"all_images"`
	Total int `json:"total_images"`
	// Partial says why not all pictures of the data set, or of the part that was asked for, are among them; empty if they are.
	Partial string `json:"partial,omitempty"`
	// Unread are the pictures that could not be evaluated, in their order. The figures are about the others.
	Unread []evaluate.Unread `json:"unread"`
	// Padded is how many pictures have an edge that is shorter than a window.
	Padded int `json:"padded,omitempty"`
	// Classes are the figures of each class of the model, in their order, and Confusions which others were taken for one, the most pixels first.
	Classes    []ClassFigures `json:"classes"`
	Confusions []Confusion    `json:"confusions"`
	// Comparisons are with the figures that were published of the model.
	Comparisons []Comparison `json:"published,omitempty"`
}

// CheckCounted returns an *[UncountedError] if pictures were read, and no pixel counts.
func (s *Summary) CheckCounted(l Labelling) error {
	if s.Images == 0 || s.Pixels > 0 {
		return nil
	}
	return &UncountedError{s.Images, s.Ignored, l}
}

// ClassFigures are the figures of a class.
type ClassFigures struct {
	Class int    `json:"class"`
	Label string `json:"label,omitempty"`
	IoU   Share  `json:"iou"`
	// Accuracy is the share of the labelled pixels that were found.
	Accuracy Share `json:"acc"`
	Area
}

// Confusion says how many pixels of class Right by the labels the model takes for class Taken.
type Confusion struct {
	Right  int   `json:"class"`
	Taken  int   `json:"taken_for"`
	Pixels int64 `json:"pixels"`
}

// Summary returns the figures of the pictures counted so far. finished says that they are all of the part.
func (t *Tally) Summary(finished bool) *Summary {
	s := &Summary{
		Figures: t.Figures(), Images: len(t.done), Ignored: t.ignored, All: t.Done(), Total: t.header.Data.Images, Padded: t.padded,
		Unread: []evaluate.Unread{}, Classes: []ClassFigures{}, Confusions: []Confusion{},
	}
	for _, index := range slices.Sorted(maps.Keys(t.unread)) {
		s.Unread = append(s.Unread, evaluate.Unread{Image: t.unread[index].Image, Error: t.unread[index].Error})
	}
	for class, a := range t.areas {
		f := ClassFigures{Class: class, IoU: a.IoU(), Accuracy: a.Accuracy(), Area: a}
		if class < len(t.header.Model.Labels) {
			f.Label = t.header.Model.Labels[class]
		}
		s.Classes = append(s.Classes, f)
		s.Pixels += a.Labelled
	}
	for pair, n := range t.confusions {
		s.Confusions = append(s.Confusions, Confusion{pair[0], pair[1], n})
	}
	slices.SortFunc(s.Confusions, func(a, b Confusion) int {
		return cmp.Or(-cmp.Compare(a.Pixels, b.Pixels), cmp.Compare(a.Right, b.Right), cmp.Compare(a.Taken, b.Taken))
	})
	switch shard := t.header.Data.Shard; {
	case !finished:
		s.Partial = text.Count(s.All, "image", "images") + " of " + text.Count(t.header.inPart(), "image", "images")
	case shard.Of > 1:
		s.Partial = "part " + shard.String() + " of the data set"
	}
	s.Comparisons = compareAll(s, &t.header)
	return s
}

// errOtherPictures says that records are not about the pictures of the data.
var errOtherPictures = errdef.New(errdef.ErrInput, "the records before have other names than the data: their digest is not that of the header")
