package dataset

import (
	"archive/tar"
	"errors"
	"io"
	"path"
	"strings"
)

// links knows where the members of a tar file are, so that what hard links lead to need not be looked for from its start each time. It is made at the first one, and
// knows nothing of a compressed file, in which no place can be gone to.
type links struct {
	source *tarFile
	// places are those of the last members of each name so far; nil before the first link.
	places map[string]place
	failed bool // for compressed files, too
}

// place is where the content of a member is. known is false of one that is no plain run of bytes, or leads nowhere; depth is how many links lead there.
type place struct {
	offset, size int64
	known        bool
	depth        int
}

func newLinks(source *tarFile) *links { return &links{source: source, failed: !source.seeks()} }

// pass notes a member that was read from entries just now, of number at in the tar.
func (l *links) pass(header *tar.Header, at int) {
	if l.places == nil && header.Typeflag == tar.TypeLink && !l.failed {
		l.failed = l.before(at) != nil // it is looked for from the start, then
	}
	if l.places != nil {
		l.failed = l.failed || l.note(l.source, header) != nil
	}
}

// before notes all members before number at.
func (l *links) before(at int) error {
	l.places = map[string]place{}
	again, err := openTarFile(l.source.file.Name())
	if err != nil {
		return err
	}
	entries := tar.NewReader(again.reader())
	for range at {
		header, err := entries.Next()
		if err == nil {
			err = l.note(again, header)
		}
		if err != nil {
			return errors.Join(err, again.Close())
		}
	}
	return again.Close()
}

// note notes a member whose header was read just now.
func (l *links) note(from *tarFile, header *tar.Header) error {
	if !unpacks(header) {
		return nil
	}
	var at place
	switch {
	case header.Typeflag == tar.TypeLink:
		at = l.places[path.Clean(header.Linkname)]
		at.depth++
	case isPlain(header):
		offset, err := from.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		at = place{offset: offset, size: header.Size, known: true}
	}
	l.places[path.Clean(header.Name)] = at
	return nil
}

// isPlain reports whether the content of a member is a run of bytes of the tar file: it has no holes, which GNU tar describes in records.
func isPlain(header *tar.Header) bool {
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return false
		}
	}
	return header.Typeflag == tar.TypeReg || header.Typeflag == tar.TypeCont
}

// open opens what a hard link that was just passed leads to. It returns nil if it does not know: then the tar has to be read again.
func (l *links) open(header *tar.Header) io.ReadCloser {
	if l == nil || l.failed {
		return nil
	}
	at := l.places[path.Clean(header.Name)]
	if !at.known || at.depth > longestChain {
		return nil
	}
	return io.NopCloser(io.NewSectionReader(l.source.file, at.offset, at.size))
}
