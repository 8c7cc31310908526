package framework

import (
	"math/big"
	"slices"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
	"github.com/beitzoo/beitzoo/tensor"
)

// UntypedStorage is PyTorch's class of storages that count bytes. The tensors over them bring their own element type.
const UntypedStorage = "UntypedStorage"

// torchTypes are PyTorch's element types: the class of storages of their elements, which those that came later lack, and their names in module
// torch, the usual one first.
var torchTypes = []struct {
	dtype   tensor.DType
	storage string
	names   []string
}{
	{tensor.Bool, "BoolStorage", []string{"bool"}},
	{tensor.I8, "CharStorage", []string{"int8"}},
	{tensor.I16, "ShortStorage", []string{"int16"}},
	{tensor.I32, "IntStorage", []string{"int32"}},
	{tensor.I64, "LongStorage", []string{"int64"}},
	{tensor.U8, "ByteStorage", []string{"uint8"}},
	{tensor.U16, "", []string{"uint16"}},
	{tensor.U32, "", []string{"uint32"}},
	{tensor.U64, "", []string{"uint64"}},
	{tensor.F16, "HalfStorage", []string{"float16", "half"}},
	{tensor.BF16, "BFloat16Storage", []string{"bfloat16"}},
	{tensor.F32, "FloatStorage", []string{"float32", "float"}},
	{tensor.F64, "DoubleStorage", []string{"float64", "double"}},
	{tensor.C64, "ComplexFloatStorage", []string{"complex64"}},
	{tensor.C128, "ComplexDoubleStorage", []string{"complex128"}},
}

// TorchStorage returns the class of storages of an element type, or "" if it has none.
func TorchStorage(dtype tensor.DType) string {
	for _, t := range torchTypes {
		if t.dtype == dtype {
			return t.storage
		}
	}
	return ""
}

// TorchStorageType returns the element type of a class of storages, or tensor.Invalid.
func TorchStorageType(class string) tensor.DType {
	for _, t := range torchTypes {
		if t.storage == class && class != "" {
			return t.dtype
		}
	}
	return tensor.Invalid
}

// quantised are PyTorch's classes of storages whose elements have a scale, and the sizes of these in bytes.
var quantised = map[string]int64{"QInt8Storage": 1, "QUInt8Storage": 1, "QInt32Storage": 4, "QUInt4x2Storage": 1, "QUInt2x4Storage": 1}

// TorchStorageWidth returns the size in bytes of what a class of storages counts, or 0 if there is no such class.
func TorchStorageWidth(class string) int64 {
	if class == UntypedStorage {
		return 1
	}
	if width, ok := quantised[class]; ok {
		return width
	}
	return int64(TorchStorageType(class).Size())
}

// TorchName returns the name of an element type in module torch, or "".
func TorchName(dtype tensor.DType) string {
	for _, t := range torchTypes {
		if t.dtype == dtype {
			return t.names[0]
		}
	}
	return ""
}

// TorchType returns the element type of that name in module torch, or tensor.Invalid.
func TorchType(name string) tensor.DType {
	for _, t := range torchTypes {
		if slices.Contains(t.names, name) {
			return t.dtype
		}
	}
	return tensor.Invalid
}

// torchMagic is the number that begins PyTorch's legacy streams, in little-endian order.
var torchMagic = []byte{0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19}

// TorchMagic returns the number that begins PyTorch's legacy streams.
func TorchMagic() *big.Int {
	bigEndian := slices.Clone(torchMagic)
	slices.Reverse(bigEndian)
	return new(big.Int).SetBytes(bigEndian)
}

// TorchMagicPickle returns what a pickle of that number ends with: all behind its protocol.
func TorchMagicPickle() []byte {
	return slices.Concat([]byte{opcode.Long1, byte(len(torchMagic))}, torchMagic, []byte{opcode.Stop})
}
