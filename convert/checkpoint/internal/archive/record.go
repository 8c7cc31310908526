package archive

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/flate"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/tensor"
)

// maxDeflate is how many times longer than its input the output of deflate can be: 258 bytes from 2 bits, rounded up.
const maxDeflate = 1032

// Record is a file in the archive. It is tensor.Data: its content can be read any number of times, also concurrently. The checksum is
// compared the first time that all of the content is read; a stored checksum of 0 means that the writer made none.
type Record struct {
	// Name with folders, separated by slashes.
	Name string
	// Size in bytes of the content.
	Size int64

	flags, method uint16
	crc           uint32
	compressed    int64
	offset, start int64  // of header and content, in the file
	packed        []byte // as it lies in the archive

	checked atomic.Bool
}

var _ tensor.Data = (*Record)(nil)

func (r *Record) folder() bool { return strings.HasSuffix(r.Name, "/") }

// Stored reports whether the content lies unpacked in the file.
func (r *Record) Stored() bool { return r.method == methodStore }

// Start returns the offset in the file, in bytes, where the packed content begins.
func (r *Record) Start() int64 { return r.start }

// Bytes returns the content: a window of the file where it is stored, else fresh memory.
func (r *Record) Bytes() ([]byte, error) {
	if r.Stored() {
		return r.packed, r.verify()
	}
	buffer := bytes.NewBuffer(make([]byte, 0, r.Size))
	if _, err := r.inflate(buffer); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

// WriteTo writes the content in pieces. Damage may be noticed, and returned as an error, only after all of it is written.
func (r *Record) WriteTo(w io.Writer) (int64, error) {
	if !r.Stored() {
		return r.inflate(w)
	}
	if r.isChecked() {
		return tensor.Memory(r.packed).WriteTo(w)
	}
	sum := &summingWriter{w: w}
	n, err := tensor.Memory(r.packed).WriteTo(sum)
	if err != nil {
		return n, err
	}
	return n, r.compare(sum.crc)
}

// inflate unpacks into w. The content must have exactly the stated size, and use up the packed bytes.
func (r *Record) inflate(w io.Writer) (int64, error) {
	packed := bytes.NewReader(r.packed)
	unpacked := flate.NewReader(packed)
	defer unpacked.Close()
	sum := &summingWriter{w: w}
	n, err := io.CopyN(sum, unpacked, r.Size)
	if sum.failed != nil {
		return n, sum.failed
	}
	if err != nil {
		return n, checkpoint.Malformed("record %.200q cannot be unpacked: %d of %d bytes came out", r.Name, n, r.Size).At(r.offset)
	}
	if more, err := io.ReadFull(unpacked, make([]byte, 1)); more != 0 || !errors.Is(err, io.EOF) || packed.Len() != 0 {
		return n, checkpoint.Unsafe("record %.200q unpacks to more than the %d bytes that are stated", r.Name, r.Size).At(r.offset)
	}
	return n, r.compare(sum.crc)
}

// verify reads the stored content once to compare its checksum.
func (r *Record) verify() error {
	if r.isChecked() {
		return nil
	}
	return r.compare(crc32.ChecksumIEEE(r.packed))
}

func (r *Record) isChecked() bool { return r.crc == 0 || r.checked.Load() }

func (r *Record) compare(crc uint32) error {
	if r.crc != 0 && crc != r.crc {
		return checkpoint.Malformed("record %.200q is damaged: its checksum is %08x instead of %08x", r.Name, crc, r.crc).At(r.offset).
			WithHint("download the file again; PyTorch itself does not check and would load the damaged weights")
	}
	r.checked.Store(true)
	return nil
}

// summingWriter computes the checksum of what passes through.
type summingWriter struct {
	w      io.Writer
	crc    uint32
	failed error
}

func (s *summingWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.crc = crc32.Update(s.crc, crc32.IEEETable, p[:n])
	s.failed = err
	return n, err
}
