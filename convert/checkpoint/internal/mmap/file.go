package mmap

import (
	"fmt"
	"io"
	"os"

	"github.com/edsrzf/mmap-go"
)

// File is an open file and its content.
type File struct {
	// Content is the whole file; it must not be written to.
	Content []byte
	file    *os.File
	mapping mmap.MMap
	info    os.FileInfo
}

// Open maps the regular file at path. Anything but a regular file (a pipe, a device) is refused, because it can't be read twice.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	opened, err := load(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return opened, nil
}

func load(file *os.File) (*File, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file but %s", info.Mode().Type())
	}
	opened := &File{file: file, info: info}
	if info.Size() == 0 {
		return opened, nil
	}
	if opened.mapping, err = mmap.Map(file, mmap.RDONLY, 0); err == nil {
		opened.Content = opened.mapping
		return opened, nil
	}
	opened.Content, err = io.ReadAll(file)
	return opened, err
}

// Changed reports whether the file was resized or rewritten since Open.
func (f *File) Changed() bool {
	now, err := f.file.Stat()
	return err != nil || now.Size() != f.info.Size() || !now.ModTime().Equal(f.info.ModTime())
}

// Close unmaps and closes the file.
func (f *File) Close() error {
	var err error
	if f.mapping != nil {
		err = f.mapping.Unmap()
	}
	if closed := f.file.Close(); err == nil {
		err = closed
	}
	return err
}
