package tokens

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/internal/lines"
	"github.com/beitzoo/beitzoo/internal/disk"
)

// File is a file of tokens that is open for reading.
type File struct {
	Path   string
	Header Header

	file *os.File
	// begin is where the records, or the rows, begin. names and unread are those of a safetensors file.
	begin  int64
	form   Form
	names  []string
	unread []unreadImage
}

// Open opens a file of tokens, of either form. The caller closes it. What is wrong with the file is a *[FileError].
func Open(path string) (*File, error) {
	opened, err := disk.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	f := &File{Path: path, file: opened}
	if err := f.open(); err != nil {
		opened.Close()
		return nil, &FileError{Path: path, Err: err}
	}
	return f, nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

func (f *File) open() error {
	head := bufio.NewReader(f.file)
	first, err := head.Peek(9)
	switch {
	case errors.Is(err, io.EOF):
		return errNotTokens
	case err != nil:
		return err
	case first[0] == '{': // lengths of headers are multiples of 8, and a brace is odd
		f.form = Lines
		raw, err := lines.NewReader(head).Next(maxHeaderLine)
		if err != nil || json.Unmarshal(raw, &f.Header) != nil {
			return errNotTokens
		}
		f.begin = int64(len(raw)) + 1
		return f.Header.check()
	}
	f.form = Safetensors
	return f.openSafetensors(head)
}

func (f *File) openSafetensors(head io.Reader) error {
	var length uint64
	if err := binary.Read(head, binary.LittleEndian, &length); err != nil {
		return err
	}
	if length > maxSafetensorsHeader {
		return errNotTokens
	}
	raw, err := io.ReadAll(io.LimitReader(head, int64(length)))
	var found document
	if err != nil || uint64(len(raw)) != length || json.Unmarshal(raw, &found) != nil || found.Metadata["format"] != Format {
		return errNotTokens
	}
	for key, into := range map[string]any{"header": &f.Header, "names": &f.names, "unread": &f.unread} {
		if err := json.Unmarshal([]byte(found.Metadata[key]), into); err != nil {
			return fmt.Errorf("its entry %s: %w", key, err)
		}
	}
	if err := f.Header.check(); err != nil {
		return err
	}
	f.begin = 8 + int64(length)
	size := 4 * int64(len(f.names)) * int64(f.Header.Patches())
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	e := found.Tokens
	if e.DType != "I32" || len(e.Shape) != 2 || e.Shape[0] != len(f.names) || e.Shape[1] != f.Header.Patches() || e.Offsets != [2]int64{0, size} || info.Size() != f.begin+size {
		return errdef.New(errdef.ErrInput, fmt.Sprintf("its tensor tokens is not one of %d images with %d tokens each", len(f.names), f.Header.Patches()))
	}
	return nil
}

// anyUnread reports whether an image could not be read.
func (f *File) anyUnread() bool {
	if f.form == Safetensors {
		return len(f.unread) > 0
	}
	for r, err := range f.Records() {
		if err != nil || r.Error != "" {
			return true
		}
	}
	return false
}

// Records yields the records in the order of the images. Every call reads the file again. An error is a *[FileError].
func (f *File) Records() iter.Seq2[Record, error] {
	read := f.lines
	if f.form == Safetensors {
		read = f.rows
	}
	return func(yield func(Record, error) bool) {
		last := -1
		for r, err := range read() {
			if err == nil {
				err = f.Header.checkRecord(r)
			}
			if err == nil && r.Index <= last {
				err = fmt.Errorf("image %d comes after image %d", r.Index, last)
			}
			if err != nil {
				err = &FileError{Path: f.Path, Err: err}
			}
			if last = r.Index; !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// lines yields the records of JSON lines.
func (f *File) lines() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		from := lines.NewReader(io.NewSectionReader(f.file, f.begin, 1<<62))
		for {
			raw, err := from.Next(maxLine)
			if errors.Is(err, io.EOF) {
				return
			}
			var r Record
			if err == nil {
				r, err = f.Header.readRecord(raw)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// rows yields the records of a safetensors file: the images of the part in order, of which some could not be read.
func (f *File) rows() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		from := bufio.NewReaderSize(io.NewSectionReader(f.file, f.begin, 1<<62), 1<<20)
		raw := make([]byte, 4*f.Header.Patches())
		unread, names := f.unread, f.names
		for index := f.Header.Shard.Index - 1; len(unread)+len(names) > 0; index += f.Header.Shard.Of {
			if len(unread) > 0 && (unread[0].Index <= index || len(names) == 0) {
				r := Record{Index: unread[0].Index, Image: unread[0].Image, Error: unread[0].Error}
				var err error
				if r.Index != index || r.Error == "" {
					err = fmt.Errorf("its list of images that could not be read has image %d in place of %d", r.Index, index)
				}
				if unread = unread[1:]; !yield(r, err) {
					return
				}
				continue
			}
			_, err := io.ReadFull(from, raw)
			r := Record{Index: index, Image: names[0], Tokens: make([]int32, f.Header.Patches())}
			for i := range r.Tokens {
				r.Tokens[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
			}
			if names = names[1:]; !yield(r, err) {
				return
			}
		}
	}
}
