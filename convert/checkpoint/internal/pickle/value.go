package pickle

import (
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/framework"
	"github.com/beitzoo/beitzoo/tensor"
)

// Value is one of the types that Load makes out of a pickle:
//
//	nil, bool, int64, *big.Int (beyond 64 bits), float64, string, []byte
//	*Dict, *List (also for sets), *Tuple
//	*Array (NumPy), *TorchTensor, *Storage (PyTorch)
//	*Global (a class or function that is named, never called), *Record, *Opaque
//
// Values form a directed graph without cycles; a value can be reached on several ways, even exponentially many, so walkers must remember
// where they have been. Values come from files: never format them with %v.
type Value = any

// List is a Python list or set.
type List struct{ Items []Value }

// Tuple is a Python tuple.
type Tuple struct{ Items []Value }

// Global names a class or function of Python. The module names of Python 2 and of NumPy 2 are given in the form of Python 3 and NumPy 1.
type Global struct{ Module, Name string }

// String returns the dotted name. It comes from the file: quote it.
func (g Global) String() string { return g.Module + "." + g.Name }

// Array is a NumPy array: a view whose bytes are read on demand from the pickle. A uint16 array is U16 here, also where Paddle means BF16.
type Array struct {
	tensor.View
}

// Storage is a typed run of elements that PyTorch keeps outside of the pickle.
type Storage struct {
	// Key names the record or legacy block with the bytes.
	Key string
	// DType is Invalid for an untyped storage, whose Count is in bytes; the tensors over it bring their own dtype.
	DType tensor.DType
	// Count is in elements of DType.
	Count int64
	// Foreign is the class of a storage whose elements cannot be read, such as "QInt8Storage", whose elements have a scale; else empty.
	Foreign string
	// View is nil, or the part of another storage that this one is (PyTorch before 0.4).
	View *StorageView
}

// Width returns the size of an element in bytes.
func (s *Storage) Width() int64 {
	if s.Foreign != "" {
		return framework.TorchStorageWidth(s.Foreign)
	}
	return int64(max(1, s.DType.Size()))
}

// StorageView is a window of another storage, in elements.
type StorageView struct {
	Key           string
	Offset, Count int64
}

// TorchTensor is a strided window of a storage. Bounds are not checked here: use tensor.Strided.
type TorchTensor struct {
	Storage *Storage
	DType   tensor.DType
	// Offset and Strides count elements of DType.
	Offset  int64
	Shape   tensor.Shape
	Strides []int64
}

// Record stands for an object of Python, which is never made: its class, the arguments of its constructor, and what was to be set on it.
type Record struct {
	Class Global
	Args  []Value
	// State is the argument of BUILD, or nil.
	State Value
	// Items and Entries are what was added to a subclass of list or dict.
	Items   []Value
	Entries []Entry
}

// Opaque stands for a value that is not needed to read a model, such as a long text.
type Opaque struct {
	// What is a noun: "text", "bytes", "a value that contains itself".
	What string
	// Length is in bytes of the file, or 0.
	Length int64
	// Tensor says that it is a tensor in a form that cannot be read, which must not be left out of a model silently.
	Tensor bool
	// Advice says how the tensor can be saved so that it can be read, or is empty.
	Advice string
	// Inner describes a tensor that wraps others: its class, the arguments by which it is made, and its attributes; else nil.
	Inner *Record
}
