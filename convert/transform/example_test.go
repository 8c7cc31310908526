package transform_test

import (
	"fmt"

	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

// PaddlePaddle stores a fused weight as [C, 3C]; Hugging Face wants it as three matrices [C, C].
func ExampleThen() {
	fused := tensor.View{DType: tensor.U8, Shape: tensor.Shape{2, 6}, Data: tensor.Memory{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}

	operation := transform.Then(transform.TransposeMatrix(), transform.SplitRows(3))
	parts, err := operation.Apply(fused)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, part := range parts {
		values, err := part.Bytes() // only now elements are moved
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s %d\n", part.Shape, values)
	}
	back, err := operation.Inverse().Apply(parts...)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(operation.Name, "and back:", back[0].Shape)
	// Output:
	// [2, 2] [1 7 2 8]
	// [2, 2] [3 9 4 10]
	// [2, 2] [5 11 6 12]
	// transposed, split and back: [2, 6]
}
