package archive

import (
	"cmp"
	"context"
	"slices"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

// locate finds the data of every record in the bytes before the directory. Each of these bytes must belong to exactly one record.
func locate(ctx context.Context, content []byte, records []*Record) error {
	slices.SortStableFunc(records, func(a, b *Record) int { return cmp.Compare(a.offset, b.offset) })
	at := int64(0)
	for i, record := range records {
		if i%1000 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if record.offset > at {
			return checkpoint.Malformed("%d bytes before record %.200q belong to no record", record.offset-at, record.Name).At(at).
				WithHint("something was put in front of the archive or into it; download the file again")
		}
		next := int64(len(content))
		if i+1 < len(records) {
			next = min(next, records[i+1].offset)
		}
		end, err := record.locate(content, next)
		if err != nil {
			return err.At(record.offset)
		}
		at = end
	}
	if at != int64(len(content)) {
		return checkpoint.Malformed("%d bytes before the directory of the zip archive belong to no record", int64(len(content))-at).At(at)
	}
	return nil
}

// locate reads the local header, compares it with the directory, and finds data and descriptor, which end where the next record begins.
func (r *Record) locate(content []byte, next int64) (end int64, problem *checkpoint.Error) {
	room := int64(len(content)) - r.offset
	if room < localSize {
		return 0, checkpoint.Malformed("record %.200q begins behind the end", r.Name)
	}
	f := fields(content[r.offset : r.offset+localSize])
	if f.u32() != localSignature {
		return 0, checkpoint.Malformed("record %.200q is not where the directory says", r.Name)
	}
	f.bytes(2) // version
	local := &Record{flags: f.u16(), method: f.u16()}
	f.bytes(4) // time and date
	local.crc = f.u32()
	compressed, size, name, extra := f.u32(), f.u32(), int64(f.u16()), int64(f.u16())
	start := localSize + name + extra
	if start > room || r.compressed > room-start {
		return 0, checkpoint.Malformed("record %.200q is longer than the file", r.Name)
	}
	head := content[r.offset+localSize : r.offset+start]
	local.Name = string(head[:name])
	wide, problem := wideSizes(head[name:], size, compressed)
	if problem != nil {
		return 0, checkpoint.Malformed("record %.200q: %s", r.Name, problem.Reason)
	}
	local.Size, local.compressed = wide[0], wide[1]
	if what := r.differs(local); what != "" {
		return 0, checkpoint.Unsafe("record %.200q has another %s in its own header than in the directory", r.Name, what).
			WithHint("the archive was made to look different to different programs; do not use it")
	}
	end = r.offset + start + r.compressed
	if end > next {
		return 0, checkpoint.Malformed("record %.200q reaches into the record after it", r.Name)
	}
	r.start = r.offset + start
	r.packed = content[r.start:end:end]
	if local.flags&flagDescriptor != 0 {
		length, ok := r.descriptor(content[end:next])
		if !ok {
			return 0, checkpoint.Malformed("record %.200q is not followed by its own sizes", r.Name)
		}
		end += length
	}
	return end, nil
}

// differs compares with the local header, which may leave checksum and sizes to a descriptor, and names what is not the same.
func (r *Record) differs(local *Record) string {
	const meaning = flagEncrypted | flagPatched | flagStrong | flagUTF8 | flagMasked
	later := local.flags&flagDescriptor != 0 && local.crc == 0 && local.Size == 0 && local.compressed == 0
	switch {
	case local.Name != r.Name:
		return "name"
	case local.method != r.method:
		return "method"
	case local.flags&meaning != r.flags&meaning:
		return "set of flags"
	case !later && local.crc != r.crc:
		return "checksum"
	case !later && (local.Size != r.Size || local.compressed != r.compressed):
		return "size"
	}
	return ""
}

// descriptor finds the checksum and sizes that follow the data: with or without signature, in 32 or 64 bits. They fill raw.
func (r *Record) descriptor(raw fields) (length int64, ok bool) {
	length = int64(len(raw))
	if length == 16 || length == 24 {
		if raw.u32() != descriptorSignature {
			return 0, false
		}
	}
	switch len(raw) {
	case 12:
		return length, raw.u32() == r.crc && int64(raw.u32()) == r.compressed && int64(raw.u32()) == r.Size
	case 20:
		return length, raw.u32() == r.crc && raw.u64() == uint64(r.compressed) && raw.u64() == uint64(r.Size)
	}
	return 0, false
}
