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
	// links may know where what it leads to is; it may be nil.
	links *links
}

// isContent reports whether a member has its own content. The holes of sparse files are read as zeros.
func isContent(header *tar.Header) bool {
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		return true
	}
	return false
}

// unpacks reports whether a member unpacks as a file: it has its own content, or is a hard link to one that has.
func unpacks(header *tar.Header) bool { return isContent(header) || header.Typeflag == tar.TypeLink }

// whole returns what opens the member, if it is a hard link: then its content is that of an earlier member, which is looked for from the start of the tar where links
// does not know its place. What is neither that nor a file fails.
func (p packed) whole() func() (io.ReadCloser, error) {
	if p.header.Typeflag == tar.TypeLink {
		return func() (io.ReadCloser, error) {
			if content := p.links.open(p.header); content != nil {
				return content, nil
			}
			return openLinked(p.file, p.header.Linkname, p.place)
		}
	}
	reason := "it is no regular file in the tar"
	if p.header.Typeflag == tar.TypeSymlink {
		reason = fmt.Sprintf("it is a link to %s, and links are not followed in a tar", text.Quote(p.header.Linkname))
	}
	return func() (io.ReadCloser, error) { return nil, errdef.New(errdef.ErrInput, reason) }
}

// keepAs makes the member the content of an image: its bytes are read into memory, of a hard link those that it leads to. One that is too large, or leads nowhere, is
// an image that can't be read.
func (p packed) keepAs(m *member) error {
	content, name := p.content, p.header.Name
	tooLarge := func() (io.ReadCloser, error) { return nil, &disk.TooLargeError{Path: name, Limit: maxMember} }
	if isContent(p.header) && p.header.Size > maxMember {
		m.open = tooLarge
		return nil
	}
	if !isContent(p.header) {
		linked, err := p.whole()()
		if err != nil {
			m.open = func() (io.ReadCloser, error) { return nil, err }
			return nil
		}
		defer linked.Close()
		content = linked
	}
	var raw bytes.Buffer // grows with what is there, whatever the header claims
	if _, err := io.Copy(&raw, io.LimitReader(content, maxMember+1)); err != nil {
		return err
	}
	if raw.Len() > maxMember {
		m.open = tooLarge
		return nil
	}
	m.content = checksum(raw.Bytes())
	m.open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw.Bytes())), nil }
	return nil
}

// checksum returns the CRC-32C of bytes, as 8 hexadecimal digits.
func checksum(raw []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(raw, castagnoli)) }

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
	if !unpacks(p.header) {
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

// longestChain is how many hard links after one another are followed; programs that pack tar files link to the first of equal files. Each takes a reading of the tar.
const longestChain = 8

// linkError says that a hard link in a tar leads to nothing.
type linkError struct {
	target, reason string
}

func (e *linkError) Error() string {
	return fmt.Sprintf("it is a link to %s, %s", text.Quote(e.target), e.reason)
}

// Is reports that there is no such file.
func (e *linkError) Is(kind error) bool { return kind == fs.ErrNotExist || kind == errdef.ErrInput }

// openLinked opens what a hard link at a place of a tar file leads to: the last member of that name before it, or what that leads to, if it is a hard link, too.
func openLinked(file, target string, before int) (io.ReadCloser, error) {
	wanted := target
	for range longestChain {
		last, link := -1, ""
		same := func(place int, header *tar.Header) bool {
			if place < before && unpacks(header) && path.Clean(header.Name) == path.Clean(wanted) {
				last, link = place, ""
				if header.Typeflag == tar.TypeLink {
					link = header.Linkname
				}
			}
			return place >= before
		}
		found, err := openFirst(file, same)
		if err == nil {
			err = found.Close()
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if last < 0 {
			return nil, nowhere(file, target, wanted, before)
		}
		if link == "" {
			return openFirst(file, func(place int, _ *tar.Header) bool { return place == last })
		}
		wanted, before = link, last
	}
	return nil, &linkError{target, fmt.Sprintf("from which more than %d links follow one another", longestChain)}
}

// nowhere returns why the hard link at a place, or one that it leads to, leads to no member of the name wanted.
func nowhere(file, target, wanted string, at int) error {
	through := ""
	if wanted != target {
		through = fmt.Sprintf("which leads to %s, ", text.Quote(wanted))
	}
	itself := false
	found, err := openFirst(file, func(place int, header *tar.Header) bool {
		itself = place == at
		return place >= at && unpacks(header) && path.Clean(header.Name) == path.Clean(wanted)
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &linkError{target, through + "which is no file in the tar"}
	case err != nil:
		return err
	}
	if err := found.Close(); err != nil {
		return err
	}
	if itself {
		return &linkError{target, through + "which is that link itself"}
	}
	return &linkError{target, through + "which comes only after it in the tar"}
}
