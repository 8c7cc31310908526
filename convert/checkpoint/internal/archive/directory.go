package archive

import (
	"math"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

// readDirectory reads exactly count entries, which must fill raw. base is where raw begins in the file.
func readDirectory(raw []byte, base int64, count int) ([]*Record, error) {
	records := make([]*Record, 0, min(count, len(raw)/centralSize))
	rest := fields(raw)
	for range count {
		at := base + int64(len(raw)-len(rest))
		record, err := readCentral(&rest)
		if err != nil {
			return nil, err.At(at)
		}
		records = append(records, record)
	}
	if len(rest) != 0 {
		return nil, checkpoint.Malformed("the directory has %d bytes behind its %d entries", len(rest), count).At(base + int64(len(raw)-len(rest)))
	}
	return records, nil
}

// readCentral reads one entry of the directory.
func readCentral(rest *fields) (*Record, *checkpoint.Error) {
	if len(*rest) < centralSize {
		return nil, checkpoint.Malformed("the directory of the zip archive has fewer entries than stated")
	}
	f := fields(rest.bytes(centralSize))
	if f.u32() != centralSignature {
		return nil, checkpoint.Malformed("the directory of the zip archive is damaged")
	}
	f.bytes(4) // versions
	record := &Record{flags: f.u16(), method: f.u16()}
	f.bytes(4) // time and date
	record.crc = f.u32()
	compressed, size := f.u32(), f.u32()
	name, extra, comment := int(f.u16()), int(f.u16()), int(f.u16())
	disk := f.u16()
	f.bytes(6) // attributes
	offset := f.u32()
	if len(*rest) < name+extra+comment {
		return nil, checkpoint.Malformed("an entry of the zip archive's directory is longer than the directory")
	}
	record.Name = string(rest.bytes(name))
	wide, err := wideSizes(rest.bytes(extra), size, compressed, offset)
	if err != nil {
		return nil, checkpoint.Malformed("record %.200q: %s", record.Name, err.Reason)
	}
	rest.bytes(comment)
	if disk != 0 {
		return nil, checkpoint.Unsupported("record %.200q is in another volume", record.Name)
	}
	record.Size, record.compressed, record.offset = wide[0], wide[1], wide[2]
	return record, record.check()
}

// wideSizes takes from the extra field those of the numbers that did not fit into 32 bits.
func wideSizes(extra fields, narrow ...uint32) ([]int64, *checkpoint.Error) {
	block, err := findExtra(extra, extra64)
	if err != nil {
		return nil, err
	}
	wide := make([]int64, len(narrow))
	for i, value := range narrow {
		wide[i] = int64(value)
		if value != max32 || block == nil {
			continue
		}
		if len(block) < 8 {
			return nil, checkpoint.Malformed("a 64-bit size is missing")
		}
		large := block.u64()
		if large > math.MaxInt64 {
			return nil, checkpoint.Malformed("a size or offset of %d bytes", large)
		}
		wide[i] = int64(large)
	}
	return wide, nil
}

// findExtra looks up a block of the extra field, of which there may be one.
func findExtra(extra fields, id uint16) (found fields, err *checkpoint.Error) {
	for len(extra) > 0 {
		if len(extra) < 4 {
			return nil, checkpoint.Malformed("its extra field is damaged")
		}
		key, length := extra.u16(), int(extra.u16())
		if length > len(extra) {
			return nil, checkpoint.Malformed("its extra field is damaged")
		}
		block := extra.bytes(length)
		if key != id {
			continue
		}
		if found != nil {
			return nil, checkpoint.Malformed("its extra field has two blocks of the same kind")
		}
		found = block
	}
	return found, nil
}

// check refuses what cannot be read, and sizes that cannot be true.
func (r *Record) check() *checkpoint.Error {
	switch {
	case r.flags&(flagEncrypted|flagStrong|flagMasked) != 0:
		return checkpoint.Unsupported("record %.200q is encrypted", r.Name)
	case r.flags&flagPatched != 0 || r.method != methodStore && r.method != methodDeflate:
		return checkpoint.Unsupported("record %.200q is packed with method %d; only stored and deflated records can be read", r.Name, r.method)
	case r.method == methodStore && r.Size != r.compressed:
		return checkpoint.Malformed("record %.200q is stored, but has %d bytes in the archive and %d outside", r.Name, r.compressed, r.Size)
	case r.method == methodDeflate && r.Size/maxDeflate > r.compressed:
		return checkpoint.Unsafe("record %.200q is said to grow from %d to %d bytes, more than deflate can do", r.Name, r.compressed, r.Size)
	case r.folder() && r.Size != 0:
		return checkpoint.Malformed("folder %.200q has content", r.Name)
	}
	return nil
}

// checkNames makes sure that every record has a name that means one thing to every program.
func checkNames(records []*Record) error {
	seen := make(map[string]bool, len(records))
	for _, record := range records {
		if !plain(strings.TrimSuffix(record.Name, "/")) {
			return checkpoint.Unsafe("the zip archive has a record named %.200q", record.Name)
		}
		// Some readers, PyTorch's among them, find records without regard to case.
		folded := strings.ToLower(record.Name)
		if seen[folded] {
			return checkpoint.Malformed("the zip archive has two records named %.200q", record.Name)
		}
		seen[folded] = true
	}
	return nil
}

// plain reports whether a name is a clean relative path of printable text.
func plain(name string) bool {
	return utf8.ValidString(name) && len(name) <= 4096 && path.Clean(name) == name && name != "." && name != ".." &&
		!strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "../") && !strings.ContainsAny(name, "\\\x00")
}
