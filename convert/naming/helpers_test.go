package naming_test

import (
	"encoding/binary"
	"math"
)

func appendF64(raw []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
}

func appendI64(raw []byte, v int64) []byte { return binary.LittleEndian.AppendUint64(raw, uint64(v)) }
