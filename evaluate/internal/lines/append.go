package lines

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Appender is a file of lines that grows: each line is written by one call of the system, so that a process that is killed at any moment leaves whole lines and
// at most a part of the last.
type Appender struct {
	file *os.File
	path string
}

// Resume opens the file at path, locked, or makes it. Its first line is header in JSON, of at most limit bytes. If the file holds more than a part of that already, which
// a killed process may have left, read is called with all of it, and returns how many bytes its whole lines have and how many follow: these are cut off. If another process
// is writing to it, the error is a *[disk.InUseError]; others are those of [disk.OpenAppend] and of read. The caller closes the appender.
func Resume(path string, header any, limit int, read func(file io.Reader) (whole, torn int64, err error)) (*Appender, error) {
	first, err := json.Marshal(header)
	if err == nil && len(first) > limit {
		err = errdef.New(errdef.ErrInput, fmt.Sprintf("%s: the names of all classes take more than %d bytes", text.Name(path), limit))
	}
	if err != nil {
		return nil, err
	}
	file, err := disk.OpenAppend(path)
	if err != nil {
		return nil, err
	}
	a := &Appender{file: file, path: path}
	if err := a.resume(first, read); err != nil {
		file.Close()
		return nil, err
	}
	return a, nil
}

// resume reads what the file holds, or writes its first line.
func (a *Appender) resume(first []byte, read func(file io.Reader) (whole, torn int64, err error)) error {
	found, err := io.ReadAll(io.LimitReader(a.file, int64(len(first))+1))
	if err != nil {
		return err
	}
	if len(found) <= len(first) && bytes.HasPrefix(first, found) {
		return errors.Join(a.cut(0), a.Add(first))
	}
	if _, err := a.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	whole, torn, err := read(a.file)
	if err == nil && torn > 0 {
		err = a.cut(whole)
	}
	return err
}

// cut removes what follows size bytes: by the name of the file, which on Windows can only be appended to while it is open.
func (a *Appender) cut(size int64) error { return disk.AtTarget(a.path, os.Truncate(a.path, size)) }

// Add writes a line, to which it adds the end.
func (a *Appender) Add(line []byte) error {
	_, err := a.file.Write(append(line, '\n'))
	return disk.AtTarget(a.path, err)
}

// Sync waits until all lines are on the disk.
func (a *Appender) Sync() error { return disk.AtTarget(a.path, a.file.Sync()) }

// Close closes the file.
func (a *Appender) Close() error { return disk.AtTarget(a.path, a.file.Close()) }
