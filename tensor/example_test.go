package tensor_test

import (
	"fmt"
	"log"

	"github.com/beitzoo/beitzoo/tensor"
)

// Reads the transpose of a float16 matrix as PyTorch saves it: the storage is unchanged, and strides say in which order to read it.
func Example() {
	storage := tensor.Memory("\x00\x3c\x00\x40\x00\x42\x00\x44\x00\x45\x00\x46") // 1 to 6
	transposed := tensor.View{
		DType: tensor.F16,
		Shape: tensor.Shape{3, 2},
		Data:  tensor.Strided{Storage: storage, Width: 2, Shape: tensor.Shape{3, 2}, Strides: []int64{1, 3}},
	}
	values, err := tensor.Float32s(transposed)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(values)
	// Output: [1 4 2 5 3 6]
}
