package paddle_test

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
)

func Example() {
	opened, err := checkpoint.Open(context.Background(), "../../../testdata/digits/digits_p16_64_training.pdparams", checkpoint.Options{}, paddle.Format)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer opened.Close()
	fmt.Println(opened.Container, opened.Wrapper, len(opened.Tensors))
	fmt.Println(opened.Tensors[0].Name, opened.Tensors[0].DType, opened.Tensors[0].Shape)
	fmt.Println(opened.Notes[0])
	// Output:
	// pickle, protocol 4 state_dict 58
	// backbone.cls_token F32 [1, 1, 48]
	// left out: "epoch", "optimizer" (220 tensors), "lr_scheduler"
}
