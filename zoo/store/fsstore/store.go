package fsstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Store is a store of one file of a file system: whichever blob is asked for, it sends that file. All its methods may be called from several goroutines.
type Store struct {
	files  fs.FS
	name   string
	source string
}

var _ store.RangeFetcher = (*Store)(nil)

// New returns the store of the file called name in files; a nil files holds nothing. source says in messages where the file is, such as a folder or "the
// program itself".
func New(files fs.FS, name, source string) *Store {
	return &Store{files: files, name: name, source: source}
}

func (s *Store) open() (fs.File, error) {
	err := fs.ErrNotExist
	var file fs.File
	if s.files != nil {
		file, err = s.files.Open(s.name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s in %s", store.ErrNotFound, s.name, s.source)
	}
	return file, err
}

// Stat implements store.Stater. A file has no version: nothing shows whether it changed since it was last read.
func (s *Store) Stat(context.Context, store.Blob) (store.Info, error) {
	file, err := s.open()
	if err != nil {
		return store.Info{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return store.Info{}, err
	}
	return store.Info{Size: info.Size(), Ranges: true, Source: s.source}, nil
}

// Fetch implements store.Fetcher.
func (s *Store) Fetch(context.Context, store.Blob) (io.ReadCloser, error) { return s.open() }

// FetchRange implements store.RangeFetcher. The version has no meaning here.
func (s *Store) FetchRange(_ context.Context, _ store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	file, err := s.open()
	if err != nil {
		return nil, err
	}
	if seeker, ok := file.(io.Seeker); ok {
		_, err = seeker.Seek(span.Offset, io.SeekStart)
	} else {
		_, err = io.CopyN(io.Discard, file, span.Offset)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, span.Size), file}, nil
}
