package dataset

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// memberFile is a file in an archive. To close it closes the archive.
type memberFile struct {
	io.Reader
	io.Closer
}

// OpenMember opens the first file of that name in a tar file, which may be compressed as those of [Open] may. It reads the tar up to there. If there is none,
// the error wraps [fs.ErrNotExist].
func OpenMember(path, name string) (io.ReadCloser, error) {
	at, link := 0, ""
	found, err := openFirst(path, func(place int, header *tar.Header) bool {
		at, link = place, ""
		if header.Typeflag == tar.TypeLink {
			link = header.Linkname
		}
		return header.Name == name && unpacks(header)
	})
	if err == nil && link != "" {
		found.Close()
		found, err = openLinked(path, link, at)
	}
	if err != nil {
		return nil, fmt.Errorf("%s in %s: %w", name, path, err)
	}
	return found, nil
}

// openFirst opens the first member of a tar file for which is is true of its place, from 0, and its header.
func openFirst(path string, is func(place int, header *tar.Header) bool) (io.ReadCloser, error) {
	source, err := openTarFile(path)
	if err != nil {
		return nil, err
	}
	entries := tar.NewReader(source.reader())
	for place := 0; ; place++ {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			err = fs.ErrNotExist
		}
		if err != nil {
			return nil, errors.Join(err, source.Close())
		}
		if is(place, header) {
			return memberFile{entries, source}, nil
		}
	}
}
