package tokens

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"slices"

	"github.com/beitzoo/beitzoo/evaluate/internal/lines"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// unfinished is the ending of the file beside the target that has the tokens so far.
const unfinished = ".unfinished"

// Log is the file of tokens that is being written. Records are kept in a file beside it, each written by one call of the system, until all are there.
type Log struct {
	header Header
	target string
	// file is the file beside the target; nil if the target is complete already.
	file *os.File
	// at has where the line about each image is, and failed the images that could not be read. names has those of images that were there at the start.
	at      map[int]span
	failed  map[int]string
	names   map[int]string
	met     map[int]bool
	size    int64
	resumed int
}

// span is where a line is in a file.
type span struct{ from, length int64 }

// OpenLog begins the file of tokens at path, or goes on with it. If it is there already, or was begun, with tokens of something else, the error is a
// *[MismatchError]; with something that is not tokens, a *[FileError]; if another process is writing to it, a *[disk.InUseError]. Images that could not be read
// before are tried again. The caller closes the log.
func OpenLog(path string, header Header) (*Log, error) {
	l := &Log{header: header, target: path, at: map[int]span{}, failed: map[int]string{}, names: map[int]string{}, met: map[int]bool{}}
	before, err := l.before()
	if err != nil {
		return nil, err
	}
	if before != nil {
		defer before.Close()
	}
	if before != nil && !before.anyUnread() {
		for r, err := range before.Records() {
			if err != nil {
				return nil, err
			}
			l.names[r.Index] = r.Image
		}
		l.resumed = len(l.names)
		return l, nil
	}
	if l.file, err = disk.OpenAppend(path + unfinished); err != nil {
		return nil, err
	}
	if err := l.begin(before); err != nil {
		l.file.Close()
		return nil, err
	}
	l.resumed = len(l.names)
	return l, nil
}

// before returns the file that is at the target already, or nil.
func (l *Log) before() (*File, error) {
	if err := disk.CheckFile(l.target); err != nil {
		return nil, err
	}
	if _, err := os.Stat(l.target); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	before, err := Open(l.target)
	if err != nil {
		return nil, err
	}
	if differences := before.Header.differences(&l.header, true); len(differences) > 0 {
		before.Close()
		return nil, &MismatchError{Path: l.target, Other: "these images", Differences: differences}
	}
	return before, nil
}

// begin reads what the file beside the target holds, or writes the header, and what the target holds.
func (l *Log) begin(before *File) error {
	first, err := json.Marshal(l.header)
	if err != nil {
		return err
	}
	begun, err := io.ReadAll(io.LimitReader(l.file, int64(len(first))+1))
	if err != nil {
		return disk.AtTarget(l.file.Name(), err)
	}
	if len(begun) > len(first) || !bytes.HasPrefix(first, begun) {
		return l.resume()
	}
	if err := disk.AtTarget(l.file.Name(), os.Truncate(l.file.Name(), 0)); err != nil {
		return err
	}
	if err := l.writeLine(first); err != nil || before == nil {
		return err
	}
	for r, err := range before.Records() {
		if err == nil {
			err = l.Add(r)
		}
		if err != nil {
			os.Remove(l.file.Name()) // it would be gone on with the next time, though the target is refused
			return err
		}
		if r.Error == "" {
			l.names[r.Index] = r.Image
		}
	}
	return nil
}

// resume reads the lines of the file beside the target, and cuts off what follows the last whole one.
func (l *Log) resume() error {
	path := l.file.Name()
	if _, err := l.file.Seek(0, io.SeekStart); err != nil {
		return disk.AtTarget(path, err)
	}
	from := lines.NewReader(l.file)
	raw, err := from.Next(maxHeaderLine)
	var header Header
	if err == nil && json.Unmarshal(raw, &header) != nil || err != nil {
		err = errNotTokens
	}
	if err == nil {
		err = header.check()
	}
	if err != nil {
		return &FileError{Path: path, Line: 1, Err: err}
	}
	if differences := header.differences(&l.header, true); len(differences) > 0 {
		return &MismatchError{Path: path, Other: "these images", Differences: differences}
	}
	for number := 2; ; number++ {
		start := from.Whole
		raw, err := from.Next(maxLine)
		if errors.Is(err, io.EOF) || errors.Is(err, lines.ErrTorn) {
			l.size = from.Whole
			return disk.AtTarget(path, os.Truncate(path, l.size))
		}
		var r Record
		if err == nil {
			r, err = l.header.readRecord(raw)
		}
		if err != nil {
			return &FileError{Path: path, Line: number, Err: err}
		}
		if l.enter(r, span{start, from.Whole - start}); r.Error == "" {
			l.names[r.Index] = r.Image
		}
	}
}

// enter remembers where the line about an image is, in place of an earlier one about the same image.
func (l *Log) enter(r Record, at span) {
	l.at[r.Index] = at
	delete(l.failed, r.Index)
	if r.Error != "" {
		l.failed[r.Index] = r.Image
	}
}

func (l *Log) writeLine(line []byte) error {
	line = append(line, '\n')
	n, err := l.file.Write(line)
	l.size += int64(n)
	return disk.AtTarget(l.file.Name(), err)
}

// Resumed returns the number of images that had tokens when the log was opened.
func (l *Log) Resumed() int { return l.resumed }

// Failed returns the number of images that could not be read so far.
func (l *Log) Failed() int { return len(l.failed) }

// Complete reports whether the file was there already, with all images.
func (l *Log) Complete() bool { return l.file == nil }

// Has reports whether the image of that place and name has tokens already. If another one has that place, the error is a *[FileError].
func (l *Log) Has(index int, name string) (bool, error) {
	was, has := l.names[index]
	if !has {
		return false, nil
	}
	if l.met[index] = true; was != text.Valid(name) {
		return true, l.changed(fmt.Errorf("image %d is %s now, and was %s", index, text.Quote(name), text.Quote(was)))
	}
	return true, nil
}

func (l *Log) changed(err error) error {
	path := l.target
	if l.file != nil {
		path = l.file.Name()
	}
	return &FileError{Path: path, Err: err}
}

// CheckMet returns a *[FileError] if the file has tokens of an image that [Log.Has] was not asked about: the list has become shorter.
func (l *Log) CheckMet() error {
	for _, index := range slices.Sorted(maps.Keys(l.names)) {
		if !l.met[index] {
			return l.changed(fmt.Errorf("it has tokens of image %d, %s, which is not among the images any more", index, text.Quote(l.names[index])))
		}
	}
	return nil
}

// Add writes a record. If the file was complete already, the error is a *[FileError]: the list has become longer.
func (l *Log) Add(r Record) error {
	if l.file == nil {
		return l.changed(fmt.Errorf("it is complete, and has no tokens of image %d, %s", r.Index, text.Quote(r.Image)))
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	from := l.size
	if err := l.writeLine(line); err != nil {
		return err
	}
	l.enter(r, span{from, l.size - from})
	return nil
}

// Finish writes the file, as [Write] does, and removes the one beside it.
func (l *Log) Finish(form Form) error {
	if l.file == nil {
		return nil
	}
	path := l.file.Name()
	if err := disk.AtTarget(path, l.file.Sync()); err != nil {
		return err
	}
	if err := Write(l.target, form, l.header, l.records); err != nil {
		return err
	}
	os.Remove(path) // else it is found to be complete the next time
	return nil
}

// records yields the records in the order of the images.
func (l *Log) records() iter.Seq2[Record, error] {
	order := slices.Sorted(maps.Keys(l.at))
	return func(yield func(Record, error) bool) {
		for _, index := range order {
			at := l.at[index]
			raw := make([]byte, at.length)
			_, err := l.file.ReadAt(raw, at.from)
			var r Record
			if err == nil {
				r, err = l.header.readRecord(raw)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// Close closes the log. What was not finished stays, for the next time, unless it is nothing.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	if len(l.at) == 0 {
		os.Remove(l.file.Name())
	}
	return disk.AtTarget(l.file.Name(), l.file.Close())
}
