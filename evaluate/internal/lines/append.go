package lines

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/beitzoo/beitzoo/internal/disk"
)

// Appender is a file of lines that grows: each line is written by one call of the system, so that a process that is killed at any moment leaves whole lines and
// at most a part of the last.
type Appender struct {
	file *os.File
	path string
}

// OpenAppender opens the file at path, locked, or makes it. If it is empty, or holds a part of its first line alone, which a killed process left, first is written to
// it; otherwise begun is true, and the caller reads what there is. If another process is writing to it, the error is a *[disk.InUseError]; others are those of
// [disk.OpenAppend]. The caller closes the appender.
func OpenAppender(path string, first []byte) (a *Appender, begun bool, err error) {
	file, err := disk.OpenAppend(path)
	if err != nil {
		return nil, false, err
	}
	a = &Appender{file: file, path: path}
	found, err := io.ReadAll(io.LimitReader(file, int64(len(first))+1))
	if err == nil && len(found) <= len(first) && bytes.HasPrefix(first, found) {
		err = errors.Join(a.Cut(0), a.Add(first))
	} else {
		begun = true
	}
	if err != nil {
		file.Close()
		return nil, false, err
	}
	return a, begun, nil
}

// FromStart returns the file, to be read from its start.
func (a *Appender) FromStart() (io.Reader, error) {
	_, err := a.file.Seek(0, io.SeekStart)
	return a.file, err
}

// Cut removes what follows size bytes: by the name of the file, which on Windows can only be appended to while it is open.
func (a *Appender) Cut(size int64) error { return disk.AtTarget(a.path, os.Truncate(a.path, size)) }

// Add writes a line, to which it adds the end.
func (a *Appender) Add(line []byte) error {
	_, err := a.file.Write(append(line, '\n'))
	return disk.AtTarget(a.path, err)
}

// Sync waits until all lines are on the disk.
func (a *Appender) Sync() error { return disk.AtTarget(a.path, a.file.Sync()) }

// Close closes the file.
func (a *Appender) Close() error { return disk.AtTarget(a.path, a.file.Close()) }
