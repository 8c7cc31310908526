package archive

import (
	"context"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

// maxRecords is far above what a model has; it bounds the memory that a hostile directory can ask for.
const maxRecords = 100_000

// Archive is an opened zip archive.
type Archive struct {
	// Records are in the order of the file, folders left out.
	Records []*Record
	byName  map[string]*Record
}

// Get finds a record by its full name.
func (a *Archive) Get(name string) (*Record, bool) {
	record, ok := a.byName[name]
	return record, ok
}

// Open reads the directory of the archive that content is, from its first byte to its last, and checks it against the records. Errors are
// of type *checkpoint.Error. Records are windows of content.
func Open(ctx context.Context, content []byte) (*Archive, error) {
	end, err := readEnd(content)
	if err != nil {
		return nil, err
	}
	if end.records > maxRecords {
		return nil, checkpoint.Unsafe("the archive has %d records; %d is the limit", end.records, maxRecords)
	}
	if err := checkpoint.Spend(ctx, int64(end.records)); err != nil {
		return nil, err
	}
	records, err := readDirectory(content[end.begin:end.end], int64(end.begin), int(end.records))
	if err != nil {
		return nil, err
	}
	if err := checkNames(records); err != nil {
		return nil, err
	}
	if err := locate(ctx, content[:end.begin], records); err != nil {
		return nil, err
	}
	opened := &Archive{byName: map[string]*Record{}}
	for _, record := range records {
		if !record.folder() {
			opened.Records = append(opened.Records, record)
			opened.byName[record.Name] = record
		}
	}
	return opened, nil
}

// directory says where the central directory is.
type directory struct {
	begin, end, records uint64
}

// readEnd reads the end record, which must be the last bytes of the file, and the 64-bit one before it.
func readEnd(content []byte) (directory, error) {
	at := len(content) - endSize
	if at < 0 {
		return directory{}, checkpoint.Malformed("%d bytes are too few for a zip archive", len(content))
	}
	f := fields(content[at:])
	if f.u32() != endSignature {
		return directory{}, checkpoint.Malformed("the zip archive does not end with its directory").At(int64(at))
	}
	disk, first, here, total := f.u16(), f.u16(), f.u16(), f.u16()
	size, begin, comment := f.u32(), f.u32(), f.u16()
	if disk != 0 || first != 0 || here != total {
		return directory{}, checkpoint.Unsupported("a zip archive in several volumes").At(int64(at))
	}
	if comment != 0 {
		return directory{}, checkpoint.Malformed("the zip archive should have a comment of %d bytes, and ends before it", comment).At(int64(at))
	}
	found := directory{begin: uint64(begin), end: uint64(begin) + uint64(size), records: uint64(total)}
	limit := uint64(at)
	if locator := at - locatorSize; locator >= 0 {
		if f := fields(content[locator:at]); f.u32() == locatorSignature {
			wide, start, err := readEnd64(content[:at], f)
			if err != nil {
				return directory{}, err
			}
			if !wide.agrees(total, size, begin) {
				return directory{}, checkpoint.Malformed("the two end records of the zip archive disagree").At(int64(at))
			}
			found, limit = wide, start
		}
	}
	if found.begin > found.end || found.end != limit {
		return directory{}, checkpoint.Malformed("the directory of the zip archive should be bytes %d to %d, but ends at %d", found.begin, found.end, limit).
			At(int64(at)).WithHint("bytes were put in front of the archive or into it; download the file again")
	}
	return found, nil
}

// readEnd64 reads the end record that the locator points to. It must stand right before the locator.
func readEnd64(content []byte, locator fields) (found directory, start uint64, err error) {
	disk, start, disks := locator.u32(), locator.u64(), locator.u32()
	at := len(content) - locatorSize
	if disk != 0 || disks > 1 || at < end64Size || start != uint64(at-end64Size) {
		return found, 0, checkpoint.Malformed("the 64-bit end record of the zip archive is not where it should be").At(int64(at))
	}
	f := fields(content[start:at])
	signature, length := f.u32(), f.u64()
	f.bytes(4) // versions
	if signature != end64Signature || length != end64Size-12 || f.u32() != 0 || f.u32() != 0 {
		return found, 0, checkpoint.Malformed("the 64-bit end record of the zip archive is damaged").At(int64(start))
	}
	here, total, size, begin := f.u64(), f.u64(), f.u64(), f.u64()
	if here != total || begin+size < begin {
		return found, 0, checkpoint.Malformed("the 64-bit end record of the zip archive is damaged").At(int64(start))
	}
	return directory{begin: begin, end: begin + size, records: total}, start, nil
}

// agrees reports whether each 16- and 32-bit number is the same, or has the value that stands for a larger one.
func (d directory) agrees(total uint16, size, begin uint32) bool {
	return (total == max16 || uint64(total) == d.records) &&
		(size == max32 || uint64(size) == d.end-d.begin) &&
		(begin == max32 || uint64(begin) == d.begin)
}
