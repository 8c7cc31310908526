package checkpoint_test

import (
	"context"
	"fmt"
	"log"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
)

// Open lists the tensors of any file. Their elements are read only when somebody asks for them.
func Example() {
	ctx := context.Background()
	opened, err := checkpoint.Open(ctx, "../../testdata/digits/digits_p16_64.training.pth", checkpoint.Options{},
		safetensors.Format, pytorch.Format, paddle.Format)
	if err != nil {
		log.Fatal(err)
	}
	defer opened.Close()
	fmt.Printf("%s, %d tensors under %q\n", opened.Format, len(opened.Tensors), opened.Wrapper)
	first := opened.Tensors[0]
	fmt.Println(first.Name, first.DType, first.Shape)
	raw, err := first.Bytes()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(raw), "bytes")
	for _, note := range opened.Notes {
		fmt.Println(note)
	}
	// Output:
	// pytorch, 58 tensors under "model"
	// cls_token F32 [1, 1, 48]
	// 192 bytes
	// left out: "optimizer" (165 tensors), "epoch", "scaler", "args"
}

// A Format knows what its files are called.
func ExampleFormat() {
	for _, format := range []checkpoint.Format{safetensors.Format, pytorch.Format, paddle.Format} {
		if ending, ok := format.Ending("BEiT.BIN"); ok {
			fmt.Printf("%s: %s files usually have the names of %s\n", format.Title, ending.Suffix, ending.Scheme)
		}
	}
	// Output:
	// PyTorch: .bin files usually have the names of hf
}
