package safetensors_test

import (
	"context"
	"fmt"
	"log"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// Opening reads names, types and shapes; elements are read when they are asked for.
func Example() {
	opened, err := checkpoint.Open(context.Background(), "../../../testdata/digits/hf", checkpoint.Options{}, safetensors.Format)
	if err != nil {
		log.Fatal(err)
	}
	defer opened.Close()
	first := opened.Tensors[0]
	fmt.Println(first.Name, first.DType, first.Shape)
	values, err := tensor.Float32s(first.View)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(values), "values")
	// Output:
	// beit.embeddings.cls_token F32 [1, 1, 48]
	// 48 values
}

func ExampleLayout() {
	weight := tensor.View{DType: tensor.F16, Shape: tensor.Shape{2, 3}, Data: tensor.Memory(make([]byte, 12))}
	parts, err := safetensors.Layout([]tensor.Named{{Name: "weight", View: weight}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(output.Total(parts), "bytes")
	// Output:
	// 116 bytes
}
