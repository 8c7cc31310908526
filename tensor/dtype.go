package tensor

import (
	"fmt"
	"strings"
)

// DType is the type of one element.
type DType uint8

// The element types of the checkpoint formats. The names that String returns are those of the safetensors format.
const (
	Invalid DType = iota
	Bool
	U8
	I8
	U16
	I16
	F16
	BF16
	U32
	I32
	F32
	U64
	I64
	F64
	C64
	C128
)

// dtypes holds name and element size in bytes of every DType, in the order of the constants.
var dtypes = [...]struct {
	name string
	size int
}{
	{"invalid", 0},
	{"BOOL", 1},
	{"U8", 1},
	{"I8", 1},
	{"U16", 2},
	{"I16", 2},
	{"F16", 2},
	{"BF16", 2},
	{"U32", 4},
	{"I32", 4},
	{"F32", 4},
	{"U64", 8},
	{"I64", 8},
	{"F64", 8},
	{"C64", 8},
	{"C128", 16},
}

// String returns the safetensors name, such as "F32".
func (d DType) String() string {
	if int(d) < len(dtypes) {
		return dtypes[d].name
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}

// Size is the number of bytes of one element, 0 for Invalid.
func (d DType) Size() int {
	if int(d) < len(dtypes) {
		return dtypes[d].size
	}
	return 0
}

// SignificantBits returns how many bits the fractions of a real floating-point type have, the leading one included, or 0 for other types.
func (d DType) SignificantBits() int {
	return map[DType]int{BF16: 8, F16: 11, F32: 24, F64: 53}[d]
}

// IsFloat reports whether d is a real floating-point type: F16, BF16, F32 or F64.
func (d DType) IsFloat() bool {
	return d == F16 || d == BF16 || d == F32 || d == F64
}

// ParseDType returns the type with the name that String returns, in upper or lower case.
func ParseDType(name string) (DType, error) {
	for d, entry := range dtypes {
		if d != int(Invalid) && strings.EqualFold(entry.name, name) {
			return DType(d), nil
		}
	}
	return Invalid, fmt.Errorf("unknown dtype %q", name)
}
