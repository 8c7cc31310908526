package archive

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// Alignment is the number of bytes of which the place of each record's content is a multiple, as PyTorch's own writer has it.
const Alignment = 64

const (
	// version20 and version45 are what a reader must know: plain records, and 64-bit sizes.
	version20 = 20
	version45 = 45
	// firstDay is 1 January 1980, the first date that zip can write: archives must not depend on when they are made.
	firstDay = 1<<5 | 1
)

// File is a record to be written.
type File struct {
	// Name with folders, separated by slashes.
	Name string
	// Size in bytes of what Data delivers.
	Size int64
	Data tensor.Data
}

// Text returns a File with the given content.
func Text(name string, content []byte) File {
	return File{Name: name, Size: int64(len(content)), Data: tensor.Memory(content)}
}

// Layout plans an archive of stored records for package output, in the order of files. Contents begin at multiples of Alignment; the same files
// make the same bytes.
func Layout(files []File) ([]output.Part, error) {
	plan := &plan{}
	for _, file := range files {
		if !plain(file.Name) {
			return nil, fmt.Errorf("%q cannot be the name of a record", file.Name)
		}
		if file.Size < 0 || file.Size > math.MaxInt64/2-plan.at {
			return nil, fmt.Errorf("record %q: the archive would have more bytes than can be counted", file.Name)
		}
		plan.add(file)
	}
	plan.finish()
	return plan.parts, nil
}

// plan is an archive to which files are being added.
type plan struct {
	parts   []output.Part
	entries []placement
	at      int64
}

// placement is a record and where it goes.
type placement struct {
	File
	offset int64
	part   int // index of the part with the content, for its checksum
}

// add plans header and content of a record. The header stands before the content and has its checksum, so it is filled in afterwards.
func (p *plan) add(file File) {
	entry := placement{File: file, offset: p.at, part: len(p.parts) + 1}
	padding := entry.padding()
	p.entries = append(p.entries, entry)
	p.parts = append(p.parts,
		output.Part{Size: int64(entry.headerSize() + padding), Fill: func(sums []uint32) []byte { return entry.header(sums, padding) }},
		output.Data(file.Size, file.Data))
	p.at += int64(entry.headerSize()+padding) + file.Size
}

// finish plans the directory and the end records.
func (p *plan) finish() {
	begin, size := p.at, 0
	for _, entry := range p.entries {
		size += centralSize + len(entry.Name) + len(entry.centralExtra())
	}
	end := appendEnd(nil, begin, int64(size), len(p.entries))
	p.parts = append(p.parts, output.Part{Size: int64(size + len(end)), Fill: func(sums []uint32) []byte {
		raw := make([]byte, 0, size+len(end))
		for _, entry := range p.entries {
			raw = entry.appendCentral(raw, sums)
		}
		return append(raw, end...)
	}})
}

// wide reports whether the record's sizes need 64 bits.
func (e placement) wide() bool { return e.Size >= max32 }

// headerSize returns the size of the local header without padding, in bytes.
func (e placement) headerSize() int {
	size := localSize + len(e.Name) + 4
	if e.wide() {
		size += 20
	}
	return size
}

// padding returns by how many bytes the header must be longer for the content to be aligned.
func (e placement) padding() int {
	return int(-(e.offset+int64(e.headerSize()))&(Alignment-1)) % Alignment
}

// header makes the local header.
func (e placement) header(sums []uint32, padding int) []byte {
	raw := make([]byte, 0, e.headerSize()+padding)
	raw = binary.LittleEndian.AppendUint32(raw, localSignature)
	raw = e.appendCommon(raw, sums)
	raw = binary.LittleEndian.AppendUint16(raw, uint16(e.headerSize()+padding-localSize-len(e.Name)))
	raw = append(raw, e.Name...)
	if e.wide() {
		raw = appendExtra64(raw, e.Size, e.Size)
	}
	raw = binary.LittleEndian.AppendUint16(raw, extraPadding)
	raw = binary.LittleEndian.AppendUint16(raw, uint16(padding))
	return append(raw, make([]byte, padding)...)
}

// appendCommon adds the fields that local header and directory share, from the version to the length of the name.
func (e placement) appendCommon(raw []byte, sums []uint32) []byte {
	version, size := uint16(version20), uint32(min(e.Size, max32))
	if e.wide() || e.offset >= max32 {
		version = version45
	}
	for _, value := range []uint16{version, flagUTF8, methodStore, 0, firstDay} {
		raw = binary.LittleEndian.AppendUint16(raw, value)
	}
	for _, value := range []uint32{sums[e.part], size, size} {
		raw = binary.LittleEndian.AppendUint32(raw, value)
	}
	return binary.LittleEndian.AppendUint16(raw, uint16(len(e.Name)))
}

// centralExtra returns the extra field in the directory: the numbers that need 64 bits.
func (e placement) centralExtra() []byte {
	var values []int64
	if e.wide() {
		values = append(values, e.Size, e.Size)
	}
	if e.offset >= max32 {
		values = append(values, e.offset)
	}
	if values == nil {
		return nil
	}
	return appendExtra64(nil, values...)
}

// appendCentral adds the record's entry of the directory.
func (e placement) appendCentral(raw []byte, sums []uint32) []byte {
	extra := e.centralExtra()
	raw = binary.LittleEndian.AppendUint32(raw, centralSignature)
	raw = binary.LittleEndian.AppendUint16(raw, version45)
	raw = e.appendCommon(raw, sums)
	raw = binary.LittleEndian.AppendUint16(raw, uint16(len(extra)))
	raw = append(raw, make([]byte, 10)...) // comment, volume, attributes
	raw = binary.LittleEndian.AppendUint32(raw, uint32(min(e.offset, max32)))
	raw = append(raw, e.Name...)
	return append(raw, extra...)
}

func appendExtra64(raw []byte, values ...int64) []byte {
	raw = binary.LittleEndian.AppendUint16(raw, extra64)
	raw = binary.LittleEndian.AppendUint16(raw, uint16(8*len(values)))
	for _, value := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(value))
	}
	return raw
}

// appendEnd adds the end record, and the 64-bit one and its locator before it where a number needs them.
func appendEnd(raw []byte, begin, size int64, count int) []byte {
	if begin >= max32 || size >= max32 || count >= max16 {
		raw = binary.LittleEndian.AppendUint32(raw, end64Signature)
		raw = binary.LittleEndian.AppendUint64(raw, end64Size-12)
		raw = binary.LittleEndian.AppendUint16(raw, version45)
		raw = binary.LittleEndian.AppendUint16(raw, version45)
		raw = append(raw, make([]byte, 8)...) // volumes
		for _, value := range []int64{int64(count), int64(count), size, begin} {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(value))
		}
		raw = binary.LittleEndian.AppendUint32(raw, locatorSignature)
		raw = binary.LittleEndian.AppendUint32(raw, 0)
		raw = binary.LittleEndian.AppendUint64(raw, uint64(begin+size))
		raw = binary.LittleEndian.AppendUint32(raw, 1)
	}
	raw = binary.LittleEndian.AppendUint32(raw, endSignature)
	raw = binary.LittleEndian.AppendUint32(raw, 0) // volumes
	raw = binary.LittleEndian.AppendUint16(raw, uint16(min(count, max16)))
	raw = binary.LittleEndian.AppendUint16(raw, uint16(min(count, max16)))
	raw = binary.LittleEndian.AppendUint32(raw, uint32(min(size, max32)))
	raw = binary.LittleEndian.AppendUint32(raw, uint32(min(begin, max32)))
	return binary.LittleEndian.AppendUint16(raw, 0)
}
