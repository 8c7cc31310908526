package encoding

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sort"

	"github.com/beitzoo/beitzoo/tensor"
)

// Region is a stretch of the decoded file whose elements have one form.
type Region struct {
	// Size in bytes, a multiple of Width.
	Size int64
	// Width of an element in bytes: 1, 2, 4 or 8.
	Width int
	// Rotation is the number of bits by which elements are rotated to the left before they are split into bytes: 1 moves the sign of a float out of
	// the way, so that its exponent begins at a byte; 0 is for integers.
	Rotation int
}

func (r Region) validate() error {
	switch {
	case r.Width != 1 && r.Width != 2 && r.Width != 4 && r.Width != 8:
		return fmt.Errorf("elements of %d bytes", r.Width)
	case r.Rotation < 0 || r.Rotation >= 8*r.Width:
		return fmt.Errorf("rotation by %d bits of elements of %d bytes", r.Rotation, r.Width)
	case r.Size <= 0 || r.Size%int64(r.Width) != 0:
		return fmt.Errorf("%d bytes of elements of %d bytes", r.Size, r.Width)
	}
	return nil
}

// sameForm reports whether the elements of both regions have the same form.
func (r Region) sameForm(other Region) bool {
	return r.Width == other.Width && r.Rotation == other.Rotation
}

// Raw returns the one region of a file of size bytes whose content is not known.
func Raw(size int64) []Region { return appendRegion(nil, Region{Size: size, Width: 1}) }

// regionOf returns the form in which elements of a dtype compress best. A complex number is two floats, which are not aligned as whole elements.
func regionOf(dtype tensor.DType, size int64) Region {
	width, rotation := dtype.Size(), 0
	if dtype.IsFloat() {
		rotation = 1
	}
	switch dtype {
	case tensor.C64:
		width, rotation = 4, 1
	case tensor.C128:
		width, rotation = 8, 1
	}
	return Region{Size: size, Width: width, Rotation: rotation}
}

// appendRegion adds a region, or makes the last one longer if it has the same form.
func appendRegion(regions []Region, r Region) []Region {
	if r.Size == 0 {
		return regions
	}
	if last := len(regions) - 1; last >= 0 && regions[last].sameForm(r) {
		regions[last].Size += r.Size
		return regions
	}
	return append(regions, r)
}

// maxHeader is the longest header of a safetensors file that is looked at, as in the format's own reader.
const maxHeader = 100 << 20

// Safetensors returns the regions of a safetensors file of size bytes. Regions decide only how small the encoded file gets: encoding is lossless
// whatever they say. So a file with gaps or overlaps is cut as well as possible, and one that is not a safetensors file is one raw region. The
// only errors are those of reading.
func Safetensors(file io.ReaderAt, size int64) ([]Region, error) {
	var length [8]byte
	if size < int64(len(length)) {
		return Raw(size), nil
	}
	if _, err := file.ReadAt(length[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > size-8 {
		return Raw(size), nil
	}
	header := make([]byte, n)
	if _, err := file.ReadAt(header, 8); err != nil {
		return nil, err
	}
	return cut(spansOf(header, size-8-int64(n)), 8+int64(n), size), nil
}

// typedSpan is the range of a tensor in the data of a file.
type typedSpan struct {
	start, end int64
	dtype      tensor.DType
}

// spansOf returns the valid entries of a header, sorted by offset. data is the size in bytes of what follows the header.
func spansOf(header []byte, data int64) []typedSpan {
	var entries map[string]struct {
		DType   string   `json:"dtype"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	// A name that is not a tensor ("__metadata__") makes an entry without dtype; a header that is not JSON makes none.
	_ = json.Unmarshal(header, &entries)
	var spans []typedSpan
	for _, entry := range entries {
		dtype, err := tensor.ParseDType(entry.DType)
		start, end := entry.Offsets[0], entry.Offsets[1]
		if err == nil && 0 <= start && start < end && end <= data {
			spans = append(spans, typedSpan{start, end, dtype})
		}
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i].start < spans[j].start })
	return spans
}

// cut returns regions for the spans, which begin after base, and raw regions for what is between them.
func cut(spans []typedSpan, base, size int64) []Region {
	var regions []Region
	at := int64(0)
	for _, s := range spans {
		start, end := base+s.start, base+s.end
		region := regionOf(s.dtype, end-start)
		if start < at || region.validate() != nil {
			continue
		}
		regions = appendRegion(regions, Region{Size: start - at, Width: 1})
		regions = appendRegion(regions, region)
		at = end
	}
	return appendRegion(regions, Region{Size: size - at, Width: 1})
}
