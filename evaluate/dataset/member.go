package dataset

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// memberFile is a file in an archive. To close it closes the archive.
type memberFile struct {
	io.Reader
	end  func()
	file *os.File
}

// Close closes the archive.
func (m memberFile) Close() error {
	m.end()
	return m.file.Close()
}

// OpenMember opens the first file of that name in a tar file, which may be compressed as those of [Open] may. It reads the tar up to there. If there is none,
// the error wraps [fs.ErrNotExist].
func OpenMember(path, name string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	content, end, err := decompressed(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	entries := tar.NewReader(content)
	for {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			err = fs.ErrNotExist
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s in %s: %w", name, path, err), memberFile{nil, end, file}.Close())
		}
		if entry.Name == name && entry.Typeflag == tar.TypeReg {
			return memberFile{entries, end, file}, nil
		}
	}
}
