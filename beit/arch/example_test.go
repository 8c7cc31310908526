package arch_test

import (
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// Infers the architecture from the shapes of a checkpoint's parameters.
func ExampleInfer() {
	known, err := arch.ByName("beit_base_p16_224")
	if err != nil {
		fmt.Println(err)
		return
	}
	shapes := map[string]tensor.Shape{}
	for _, p := range known.Params() {
		shapes[p.Name] = p.Shape
	}
	shapes["head.weight"], shapes["head.bias"] = tensor.Shape{37, 768}, tensor.Shape{37} // fine-tuned on a data set of our own

	config, err := arch.Infer(shapes, arch.Hints{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d x %d pixels, %d blocks, %d heads, %d classes, name %q\n",
		config.ImageHeight, config.ImageWidth, config.Depth, config.Heads, config.Classes, config.Name)
	// Output: 224 x 224 pixels, 12 blocks, 12 heads, 37 classes, name ""
}

// Prints the index for two patches side by side. The class token comes first; the last three rows of the table are for it.
func ExampleRelativePositionIndex() {
	index := arch.RelativePositionIndex(1, 2)
	for query := range 3 {
		fmt.Println(index[3*query : 3*query+3])
	}
	// Output:
	// [5 3 3]
	// [4 1 0]
	// [4 2 1]
}
