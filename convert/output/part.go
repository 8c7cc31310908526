package output

import "github.com/beitzoo/beitzoo/tensor"

// Part is a stretch of the file. Exactly one of Data and Fill is set.
type Part struct {
	// Size in bytes of what Data or Fill delivers; anything else is an error.
	Size int64
	// Data is streamed into its place, at the same time as the Data of other parts.
	Data tensor.Data
	// Fill makes the bytes after all Data is written. sums has the CRC-32 (IEEE) of each part's Data, by index of the part.
	Fill func(sums []uint32) []byte

	// known says that Fill does not look at sums.
	known bool
}

// Literal returns a part whose content is known beforehand. It keeps content.
func Literal(content []byte) Part {
	return Part{Size: int64(len(content)), Fill: func([]uint32) []byte { return content }, known: true}
}

// Data returns a part of size bytes, which data streams.
func Data(size int64, data tensor.Data) Part {
	return Part{Size: size, Data: data}
}

// Total returns the size in bytes of the file that the parts make.
func Total(parts []Part) int64 {
	var total int64
	for _, p := range parts {
		total += p.Size
	}
	return total
}

// needSums reports whether a part wants checksums: they cost a pass over the data while it is in the processor's cache.
func needSums(parts []Part) bool {
	for _, p := range parts {
		if p.Fill != nil && !p.known {
			return true
		}
	}
	return false
}

// dataSize returns the size of all Data, in bytes.
func dataSize(parts []Part) int64 {
	var total int64
	for _, p := range parts {
		if p.Data != nil {
			total += p.Size
		}
	}
	return total
}
