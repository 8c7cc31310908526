package archive

import (
	"encoding/binary"
)

// Signatures and sizes of the structures, in bytes.
const (
	localSignature      = 0x04034b50
	centralSignature    = 0x02014b50
	endSignature        = 0x06054b50
	end64Signature      = 0x06064b50
	locatorSignature    = 0x07064b50
	descriptorSignature = 0x08074b50

	localSize   = 30
	centralSize = 46
	endSize     = 22
	end64Size   = 56
	locatorSize = 20
)

const (
	methodStore   = 0
	methodDeflate = 8

	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3
	flagPatched    = 1 << 5
	flagStrong     = 1 << 6
	flagUTF8       = 1 << 11
	flagMasked     = 1 << 13

	// extra64 and extraPadding are the ids of extra fields: sizes beyond 32 bits, and PyTorch's filler before aligned data.
	extra64      = 0x0001
	extraPadding = 0x4246

	max16 = 0xffff
	max32 = 0xffffffff
)

// fields reads little-endian numbers one after another. Whoever makes one has checked that it has enough bytes.
type fields []byte

func (f *fields) u16() uint16 {
	value := binary.LittleEndian.Uint16(*f)
	*f = (*f)[2:]
	return value
}

func (f *fields) u32() uint32 {
	value := binary.LittleEndian.Uint32(*f)
	*f = (*f)[4:]
	return value
}

func (f *fields) u64() uint64 {
	value := binary.LittleEndian.Uint64(*f)
	*f = (*f)[8:]
	return value
}

func (f *fields) bytes(n int) []byte {
	value := (*f)[:n]
	*f = (*f)[n:]
	return value
}
