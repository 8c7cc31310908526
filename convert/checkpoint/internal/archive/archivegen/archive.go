package archivegen

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Record is a file in an archive.
type Record struct {
	Name    string
	Content []byte
	// Deflate packs the content.
	Deflate bool
	// Packed, if not nil, replaces the packed content.
	Packed []byte
	// Streamed leaves checksum and sizes to a descriptor behind the data, as PyTorch's writer does.
	Streamed bool
	// Descriptor, if not nil, replaces the descriptor that belongs there.
	Descriptor []byte
	// Before is put in front of the record.
	Before []byte
	// Local and Central change what the record's own header and its entry in the directory say.
	Local, Central func(*Header)
}

// Header has the fields that a record's own header and its entry in the directory share, and the offset, which only the latter has.
type Header struct {
	Name             string
	Flags, Method    uint16
	CRC              uint32
	Compressed, Size uint32
	Extra            []byte
	Disk             uint16
	Offset           uint32
}

// End has the fields of the end record.
type End struct {
	Disk, FirstDisk, Here, Total uint16
	Size, Offset                 uint32
	Comment                      uint16
}

// Archive is a zip archive.
type Archive struct {
	Records []Record
	// Prefix, Gap and Tail are bytes before the records, before the directory, and behind the end.
	Prefix, Gap, Tail []byte
	// Order is that of the directory, as indices of Records; nil is the order of the records.
	Order []int
	// Wide adds the 64-bit end record and its locator, as PyTorch's writer always does. Wider changes them.
	Wide  bool
	Wider func(end64, locator []byte)
	// End changes the end record.
	End func(*End)
}

// Bytes returns the archive as the content of a file.
func (a Archive) Bytes() []byte {
	raw := bytes.Clone(a.Prefix)
	entries := make([]Header, len(a.Records))
	for i, r := range a.Records {
		raw = append(raw, r.Before...)
		entries[i] = r.central(uint32(len(raw)))
		raw = r.append(raw)
	}
	raw = append(raw, a.Gap...)
	begin := len(raw)
	order := a.Order
	if order == nil {
		for i := range entries {
			order = append(order, i)
		}
	}
	for _, i := range order {
		raw = entries[i].appendCentral(raw)
	}
	return append(a.appendEnd(raw, begin, len(order)), a.Tail...)
}

func (a Archive) appendEnd(raw []byte, begin, count int) []byte {
	size := len(raw) - begin
	if a.Wide {
		at := len(raw)
		raw = number(raw, uint32(0x06064b50), uint64(44), uint16(45), uint16(45), uint32(0), uint32(0))
		raw = number(raw, uint64(count), uint64(count), uint64(size), uint64(begin))
		raw = number(raw, uint32(0x07064b50), uint32(0), uint64(at), uint32(1))
		if a.Wider != nil {
			a.Wider(raw[at:at+56], raw[at+56:])
		}
	}
	end := End{Here: uint16(count), Total: uint16(count), Size: uint32(size), Offset: uint32(begin)}
	if a.End != nil {
		a.End(&end)
	}
	return number(raw, uint32(0x06054b50), end.Disk, end.FirstDisk, end.Here, end.Total, end.Size, end.Offset, end.Comment)
}

// header returns what the local header and the directory say in a sound archive.
func (r Record) header() Header {
	h := Header{Name: r.Name, Flags: 1 << 11, CRC: crc32.ChecksumIEEE(r.Content), Compressed: uint32(len(r.packed())), Size: uint32(len(r.Content))}
	if r.Deflate {
		h.Method = 8
	}
	if r.Streamed {
		h.Flags |= 1 << 3
	}
	return h
}

func (r Record) central(offset uint32) Header {
	h := r.header()
	h.Offset = offset
	if r.Central != nil {
		r.Central(&h)
	}
	return h
}

// append adds header, data and descriptor.
func (r Record) append(raw []byte) []byte {
	h := r.header()
	if r.Streamed {
		h.CRC, h.Compressed, h.Size = 0, 0, 0
	}
	if r.Local != nil {
		r.Local(&h)
	}
	raw = number(raw, uint32(0x04034b50), uint16(0), h.Flags, h.Method, uint16(0), uint16(0), h.CRC, h.Compressed, h.Size)
	raw = number(raw, uint16(len(h.Name)), uint16(len(h.Extra)))
	raw = append(append(append(raw, h.Name...), h.Extra...), r.packed()...)
	switch {
	case r.Descriptor != nil:
		return append(raw, r.Descriptor...)
	case r.Streamed:
		return number(raw, uint32(0x08074b50), crc32.ChecksumIEEE(r.Content), uint32(len(r.packed())), uint32(len(r.Content)))
	}
	return raw
}

func (r Record) packed() []byte {
	switch {
	case r.Packed != nil:
		return r.Packed
	case r.Deflate:
		return Deflate(r.Content)
	}
	return r.Content
}

func (h Header) appendCentral(raw []byte) []byte {
	raw = number(raw, uint32(0x02014b50), uint16(0), uint16(0), h.Flags, h.Method, uint16(0), uint16(0), h.CRC, h.Compressed, h.Size)
	raw = number(raw, uint16(len(h.Name)), uint16(len(h.Extra)), uint16(0), h.Disk, uint16(0), uint32(0), h.Offset)
	return append(append(raw, h.Name...), h.Extra...)
}

// Deflate returns content packed with the method deflate.
func Deflate(content []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // memory does not fail
	}
	return out.Bytes()
}

// Extra returns a block of the extra field.
func Extra(id uint16, content []byte) []byte {
	return append(number(nil, id, uint16(min(len(content), math.MaxUint16))), content...)
}

// Wide64 returns the block of the extra field for numbers beyond 32 bits.
func Wide64(values ...uint64) []byte {
	var content []byte
	for _, value := range values {
		content = number(content, value)
	}
	return Extra(1, content)
}

// number appends little-endian numbers of the size of their types.
func number(raw []byte, values ...any) []byte {
	for _, value := range values {
		switch value := value.(type) {
		case uint16:
			raw = binary.LittleEndian.AppendUint16(raw, value)
		case uint32:
			raw = binary.LittleEndian.AppendUint32(raw, value)
		case uint64:
			raw = binary.LittleEndian.AppendUint64(raw, value)
		default:
			panic("a number of no known size")
		}
	}
	return raw
}
