package picklegen

// Array is a NumPy array to be pickled.
type Array struct {
	// Code is NumPy's, such as "f4"; Order is "<" if empty.
	Code, Order string
	Shape       []int
	// Fortran says that Data is in column-major order.
	Fortran bool
	// Data is what the array holds in memory.
	Data []byte
	// NumPy2 takes the module names of NumPy 2.
	NumPy2 bool
	// Python2 writes the data as a str of Python 2.
	Python2 bool
	// Buffer takes the form of protocol 5 for arrays without gaps.
	Buffer bool
	// Axes is the order of axes in memory that NumPy 2.2 and later write for arrays that are dense in neither C nor Fortran order. Needs Buffer.
	Axes []int
}

func (a Array) module(name string) string {
	if a.NumPy2 {
		return "numpy._core." + name
	}
	return "numpy.core." + name
}

// Array pushes an array.
func (w *Writer) Array(a Array) *Writer {
	if a.Buffer {
		return w.buffer(a)
	}
	return w.Call(a.module("multiarray"), "_reconstruct", func(w *Writer) {
		w.Global("numpy", "ndarray").Ints(0).Bytes([]byte("b"))
	}).Tuple(func(w *Writer) {
		w.Int(1).Ints(a.Shape...).DType(a.Code, a.Order).Bool(a.Fortran)
		if a.Python2 {
			w.String(a.Data)
		} else {
			w.Bytes(a.Data)
		}
	}).Op('b')
}

func (w *Writer) buffer(a Array) *Writer {
	return w.Call(a.module("numeric"), "_frombuffer", func(w *Writer) {
		w.ByteArray(a.Data).DType(a.Code, a.Order).Ints(a.Shape...)
		switch {
		case a.Axes != nil:
			w.Text("K").Ints(a.Axes...)
		case a.Fortran:
			w.Text("F")
		default:
			w.Text("C")
		}
	})
}

// DType pushes a numpy.dtype.
func (w *Writer) DType(code, order string) *Writer {
	if order == "" {
		order = "<"
	}
	return w.Call("numpy", "dtype", func(w *Writer) {
		w.Text(code).Bool(false).Bool(true)
	}).Tuple(func(w *Writer) {
		w.Int(3).Text(order).None().None().None().Int(-1).Int(-1).Int(0)
	}).Op('b')
}
