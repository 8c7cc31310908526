package evaluate

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/text"
)

// ledger remembers what images the records of a file are about, to compare them with the data: 8 bytes for each.
type ledger struct {
	path  string
	marks map[page]*[pageBits]uint64
	// met are the images that the data has, too, and unmet is the number of those that it did not have so far.
	met   marks
	unmet int
}

func newLedger(path string) *ledger {
	return &ledger{path: path, marks: map[page]*[pageBits]uint64{}, met: marks{}}
}

// mark returns a number that is another one for another image. The contents of one that could not be read may change: it is tried again.
func (r Record) mark() uint64 {
	if r.Error != "" {
		r.Content = ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %d %s", r.Image, r.Class, r.Real, r.Content))
	return binary.BigEndian.Uint64(sum[:]) | 1 // 0 stands for no image
}

// enter takes a record, in place of an earlier one about the same image.
func (l *ledger) enter(r Record) {
	key := page{r.Tar, r.Index / pageBits}
	marks := l.marks[key]
	if marks == nil {
		marks = new([pageBits]uint64)
		l.marks[key] = marks
	}
	if marks[r.Index%pageBits] == 0 {
		l.unmet++
	}
	marks[r.Index%pageBits] = r.mark()
}

// compare compares an image of the data with the record about it, if there is one. done says that the image was read. If the image is another one, the error
// is a *[FileError] with a *[ChangedError].
func (l *ledger) compare(e dataset.Example, done bool) error {
	now := failed(e, nil)
	if !done {
		now.Error = "not read"
	}
	marks := l.marks[page{now.Tar, now.Index / pageBits}]
	if marks == nil || marks[e.Index%pageBits] == 0 {
		return nil
	}
	if l.met.set(now.place()); marks[e.Index%pageBits] == now.mark() {
		l.unmet--
		return nil
	}
	return l.find(func(r Record) error {
		if r.place() != now.place() || r.mark() == now.mark() {
			return nil
		}
		return &ChangedError{Record: r, Here: r.identity(), Where: "in the data", Else: failed(e, nil).identity()}
	})
}

// finish returns a *[FileError] if a record is about an image that the data does not have.
func (l *ledger) finish() error {
	if l.unmet == 0 {
		return nil
	}
	return l.find(func(r Record) error {
		if l.met.has(r.place()) {
			return nil
		}
		return errdef.New(errdef.ErrInput, fmt.Sprintf("the data has no image %d%s any more, %s", r.Index, inTar(r.Tar), text.Quote(r.Image)))
	})
}

// find returns what is wrong with the first record of the file with which something is.
func (l *ledger) find(wrong func(Record) error) error {
	file, err := openRegular(l.path)
	if err != nil {
		return err
	}
	defer file.Close()
	p, err := readPredictions(l.path, file, newLedger(l.path))
	if err != nil {
		return err
	}
	for numbered, err := range p.numbered() {
		if err == nil {
			err = wrong(numbered.Record)
		}
		if err != nil {
			return &FileError{Path: l.path, Line: numbered.number, Err: err}
		}
	}
	return &FileError{Path: l.path, Err: errOtherImages}
}
