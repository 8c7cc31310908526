package dataset

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// packed is a member of a tar file that is read now.
type packed struct {
	header  *tar.Header
	content io.Reader
	// file is the path of the tar, and place the number of the member in it, from 0.
	file  string
	place int
}

// isContent reports whether a member has its own content. The holes of sparse files are read as zeros.
func isContent(header *tar.Header) bool {
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		return true
	}
	return false
}

// whole returns what opens the member, by reading the tar again, if it is a hard link: then its content is that of an earlier member. What is neither that nor
// a file fails.
func (p packed) whole() func() (io.ReadCloser, error) {
	if p.header.Typeflag == tar.TypeLink {
		file, target, place := p.file, p.header.Linkname, p.place
		return func() (io.ReadCloser, error) { return openLinked(file, target, place) }
	}
	reason := "it is no regular file in the tar"
	if p.header.Typeflag == tar.TypeSymlink {
		reason = fmt.Sprintf("it is a link to %s, and links are not followed in a tar", text.Quote(p.header.Linkname))
	}
	return func() (io.ReadCloser, error) { return nil, errdef.New(errdef.ErrInput, reason) }
}

// keepAs makes the member the content of an image: its bytes are read into memory, unless it is a link. One that is too large is an image that can't be read.
func (p packed) keepAs(m *member) error {
	if !isContent(p.header) {
		m.open = p.whole()
		return nil
	}
	if name := p.header.Name; p.header.Size > maxMember {
		m.open = func() (io.ReadCloser, error) { return nil, &disk.TooLargeError{Path: name, Limit: maxMember} }
		return nil
	}
	var raw bytes.Buffer // grows with what is there, whatever the header claims
	if _, err := io.Copy(&raw, p.content); err != nil {
		return err
	}
	m.content = fmt.Sprintf("%08x", crc32.Checksum(raw.Bytes(), castagnoli))
	m.open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw.Bytes())), nil }
	return nil
}

// castagnoli is the polynomial of which processors compute the sum.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// read returns the first bytes of the member, at most so many.
func (p packed) read(most int64) ([]byte, error) {
	if isContent(p.header) {
		return io.ReadAll(io.LimitReader(p.content, most))
	}
	opened, err := p.whole()()
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	return io.ReadAll(io.LimitReader(opened, most))
}

// sniff reports whether the member is an image by its first bytes, which remain to be read. What is neither a file nor a hard link is none.
func (p *packed) sniff() (bool, error) {
	if !isContent(p.header) && p.header.Typeflag != tar.TypeLink {
		return false, nil
	}
	head, err := p.read(preprocess.HeadLen)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // a link to what is not in the tar
	}
	if err != nil {
		return false, err
	}
	p.content = io.MultiReader(bytes.NewReader(head), p.content)
	return preprocess.Recognises(head), nil
}

// openLinked opens the last member of that name before a place in a tar file, as a hard link means it. If there is none, the error wraps [fs.ErrNotExist].
func openLinked(file, target string, before int) (io.ReadCloser, error) {
	last := -1
	same := func(place int, header *tar.Header) bool {
		if place < before && isContent(header) && path.Clean(header.Name) == path.Clean(target) {
			last = place
		}
		return place >= before
	}
	found, err := openFirst(file, same)
	if err == nil {
		found.Close()
	}
	if last < 0 {
		return nil, fmt.Errorf("it is a link to %s, which is not in the tar before it: %w", text.Quote(target), fs.ErrNotExist)
	}
	return openFirst(file, func(place int, _ *tar.Header) bool { return place == last })
}
