package pytorch_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/output"
)

// A legacy file is written again as a zip archive, with the state dict under the key that unilm's programs look for.
func Example() {
	ctx := context.Background()
	legacy, err := checkpoint.Open(ctx, "../../../testdata/digits/digits_p16_64.unilm.legacy.pth", checkpoint.Options{}, pytorch.Format)
	if err != nil {
		log.Fatal(err)
	}
	defer legacy.Close()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)

	parts, err := pytorch.Layout(legacy.Tensors, pytorch.Options{Wrapper: "model"})
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(folder, "model.pth")
	if err := output.Write(ctx, path, parts, output.Options{}); err != nil {
		log.Fatal(err)
	}

	again, err := checkpoint.Open(ctx, path, checkpoint.Options{}, pytorch.Format)
	if err != nil {
		log.Fatal(err)
	}
	defer again.Close()
	fmt.Println(legacy.Container)
	fmt.Println(again.Container)
	fmt.Println(len(again.Tensors), "tensors under", again.Wrapper)
	// Output:
	// stream of pickles (PyTorch before 1.6), protocol 2
	// zip archive, format 3, pickle of protocol 2
	// 58 tensors under model
}
