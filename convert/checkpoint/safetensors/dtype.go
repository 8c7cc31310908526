package safetensors

import (
	"slices"

	"github.com/beitzoo/beitzoo/tensor"
)

// dtypes are the element types of the format that a tensor can have here, in the order by which the reference writer sorts: safetensors/src/tensor.rs,
// enum Dtype.
var dtypes = []tensor.DType{
	tensor.Bool, tensor.U8, tensor.I8, tensor.I16, tensor.U16, tensor.F16, tensor.BF16,
	tensor.I32, tensor.U32, tensor.F32, tensor.C64, tensor.F64, tensor.I64, tensor.U64,
}

// foreign are the element types of the format that nothing here can hold, because they are smaller than a byte or scaled apart.
var foreign = []string{"F4", "F6_E2M3", "F6_E3M2", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}

// parseDType takes the exact name of an element type. known tells whether the format has it at all.
func parseDType(name string) (dtype tensor.DType, known bool) {
	for _, dtype := range dtypes {
		if dtype.String() == name {
			return dtype, true
		}
	}
	return tensor.Invalid, slices.Contains(foreign, name)
}
