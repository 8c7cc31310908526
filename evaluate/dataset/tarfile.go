package dataset

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path"

	"github.com/klauspost/compress/zstd"

	"github.com/beitzoo/beitzoo/errdef"
)

// tarFile is a tar file that is read, decompressed if it is compressed.
type tarFile struct {
	file  *os.File
	plain io.Reader
	end   func()
	// ended says that reading came to the end of the file.
	ended bool
}

// openTarFile opens a tar file. The error is a *[fs.PathError] or a *[TarError].
func openTarFile(path string) (*tarFile, error) {
	opened, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	plain, end, err := decompressed(opened)
	if err != nil {
		opened.Close()
		return nil, &TarError{Path: path, Err: &damageError{err}}
	}
	return &tarFile{file: opened, plain: plain, end: end}, nil
}

// Close closes the file.
func (f *tarFile) Close() error {
	f.end()
	return f.file.Close()
}

// Read reads what the file holds. An error is a *damageError but for [io.EOF] itself.
func (f *tarFile) Read(p []byte) (int, error) {
	n, err := f.plain.Read(p)
	if n == 0 && err == io.EOF {
		f.ended = true
	}
	if err != nil && err != io.EOF {
		err = &damageError{err}
	}
	return n, err
}

// damageError says that a file cannot be read to its end, or decompressed.
type damageError struct{ err error }

func (e *damageError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *damageError) Unwrap() error { return e.err }

// Hint says what to do.
func (*damageError) Hint() string {
	return "the file is damaged, or not all of it is there: fetch it again"
}

// gzipFile reads what parts of gzip, one after the other, hold. Zeros after the last are padding, as of tapes, which GNU gzip ignores, too.
type gzipFile struct {
	from *bufio.Reader
	part *gzip.Reader
}

func newGzipFile(from io.Reader) (*gzipFile, error) {
	f := &gzipFile{from: bufio.NewReaderSize(from, 1<<16)}
	var err error
	if f.part, err = gzip.NewReader(f.from); err != nil {
		return nil, err
	}
	f.part.Multistream(false)
	return f, nil
}

// Read reads what the parts hold.
func (f *gzipFile) Read(p []byte) (int, error) {
	for {
		n, err := f.part.Read(p)
		if err != io.EOF { //nolint:errorlint // the end of the part itself
			return n, err
		}
		if n > 0 {
			return n, nil
		}
		if err := f.next(); err != nil {
			return 0, err
		}
	}
}

// next goes on to the next part. The error is io.EOF after the last.
func (f *gzipFile) next() error {
	first, err := f.from.Peek(1)
	if err != nil {
		return err
	}
	if first[0] != 0 {
		if err := f.part.Reset(f.from); err != nil {
			return fmt.Errorf("after the compressed data: %w", err)
		}
		f.part.Multistream(false)
		return nil
	}
	for {
		b, err := f.from.ReadByte()
		if err != nil {
			return err
		}
		if b != 0 {
			return errors.New("after the compressed data: neither gzip nor padding with zeros")
		}
	}
}

// seeks reports whether any place of the file can be gone to: it is not compressed.
func (f *tarFile) seeks() bool { return f.plain == io.Reader(f.file) }

// reader returns what the members are read from: it can skip them, if the file is not compressed.
func (f *tarFile) reader() io.Reader {
	if f.seeks() {
		return struct {
			io.Reader
			io.Seeker
		}{f, f.file}
	}
	return f
}

// The errors about the end of a tar file.
var (
	errNoEnd    = errdef.New(errdef.ErrInput, "it ends without the empty blocks that are the end of a tar: what follows may be missing")
	errAfterEnd = errdef.New(errdef.ErrInput, "data follows the empty blocks that are the end of a tar: it is damaged, or several tar files are in one")
)

// errTwice says that a tar has two images of one name. The last of them is what unpacks.
var errTwice = errdef.New(errdef.ErrInput, "the tar has an image of that name before it, which this one would replace if it was unpacked: which of them counts is in doubt")

// nameSet holds the names of members as they unpack, so that a tar of millions takes little memory: of each a hash of 64 bits, by a key that is drawn anew.
type nameSet struct {
	seed   maphash.Seed
	hashes map[uint64]struct{}
}

func newNameSet() *nameSet { return &nameSet{maphash.MakeSeed(), map[uint64]struct{}{}} }

// add reports whether a name was not there yet.
func (s *nameSet) add(name string) bool {
	before := len(s.hashes)
	s.hashes[maphash.String(s.seed, path.Clean("/"+name))] = struct{}{}
	return len(s.hashes) > before
}

// checkEnd reads a tar file of which no more members follow to its end. It is an error if the blocks that are the end of a tar are missing, or if something
// follows them, as where a part was overwritten with zeros; also if the checksum of the compressed file is wrong.
func (f *tarFile) checkEnd(ctx context.Context) error {
	if f.ended {
		return errNoEnd
	}
	block := make([]byte, 1<<16)
	for ctx.Err() == nil {
		n, err := f.Read(block)
		for _, b := range block[:n] {
			if b != 0 {
				return errAfterEnd
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// decompressed returns what a file holds, decompressed if its first bytes are those of gzip or zstd, and what ends the reading.
func decompressed(file *os.File) (io.Reader, func(), error) {
	head := make([]byte, 4)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, nil, err
	}
	switch {
	case n >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		unzipped, err := newGzipFile(file)
		if err != nil {
			return nil, nil, err
		}
		return unzipped, func() {}, nil
	case n == 4 && string(head) == "\x28\xb5\x2f\xfd":
		const window = 128 << 20
		unpacked, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window))
		if err != nil {
			return nil, nil, err
		}
		return unpacked, unpacked.Close, nil
	}
	return file, func() {}, nil
}
