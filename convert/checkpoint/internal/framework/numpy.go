package framework

import "github.com/beitzoo/beitzoo/tensor"

// numPyTypes are the element types of NumPy that a tensor can have, by NumPy's code for them: kind and size in bytes.
var numPyTypes = map[string]tensor.DType{
	"b1": tensor.Bool,
	"i1": tensor.I8, "i2": tensor.I16, "i4": tensor.I32, "i8": tensor.I64,
	"u1": tensor.U8, "u2": tensor.U16, "u4": tensor.U32, "u8": tensor.U64,
	"f2": tensor.F16, "f4": tensor.F32, "f8": tensor.F64,
	"c8": tensor.C64, "c16": tensor.C128,
}

// NumPyType returns the element type for NumPy's code, such as "f4", or tensor.Invalid.
func NumPyType(code string) tensor.DType { return numPyTypes[code] }

// NumPyCode returns NumPy's code for an element type, or "".
func NumPyCode(dtype tensor.DType) string {
	for code, of := range numPyTypes {
		if of == dtype {
			return code
		}
	}
	return ""
}
