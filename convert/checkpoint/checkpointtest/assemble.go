package checkpointtest

import (
	"bytes"
	"fmt"
	"hash/crc32"

	"github.com/beitzoo/beitzoo/convert/output"
)

// Assemble returns the bytes that output.Write would write to a file.
func Assemble(parts []output.Part) ([]byte, error) {
	pieces := make([][]byte, len(parts))
	sums := make([]uint32, len(parts))
	for i, part := range parts {
		if part.Data == nil {
			continue
		}
		var out bytes.Buffer
		if _, err := part.Data.WriteTo(&out); err != nil {
			return nil, err
		}
		pieces[i], sums[i] = out.Bytes(), crc32.ChecksumIEEE(out.Bytes())
	}
	for i, part := range parts {
		if part.Fill != nil {
			pieces[i] = part.Fill(sums)
		}
		if int64(len(pieces[i])) != part.Size {
			return nil, fmt.Errorf("part %d has %d bytes, planned were %d", i, len(pieces[i]), part.Size)
		}
	}
	return bytes.Join(pieces, nil), nil
}
