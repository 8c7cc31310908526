package verify_test

import (
	"context"
	"fmt"
	"log"

	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// Verifies weights in a file of timm against what PASSL computed with the same weights in its own file.
func ExampleVerify() {
	ctx := context.Background()
	file, err := checkpoint.Open(ctx, "../testdata/digits/digits_p16_64.timm.safetensors", checkpoint.Options{}, safetensors.Format)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	model, err := naming.Read(ctx, file.Tensors, naming.Options{})
	if err != nil {
		log.Fatal(err)
	}
	recorded, err := recording.Read(ctx, "../manifests/embedded/digits_p16_64.passl.float32.recording.safetensors")
	if err != nil {
		log.Fatal(err)
	}
	subject := verify.Subject{Name: "digits", Config: model.Config, Weights: model.Tensors, Engine: native.Engine{}}
	result, err := verify.Verify(ctx, subject, verify.Recorded("passl", recorded), verify.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Reference)
	for _, tap := range result.Taps {
		fmt.Println(tap.Name, tap.OK)
	}
	fmt.Printf("same top-1 in %d of %d\n", result.Agreement.Top1, result.Agreement.Rows)
	// Output:
	// recording passl (PASSL Beit + BEiTClsHead (5c7359b), float32)
	// embed true
	// blocks.0 true
	// blocks.1 true
	// blocks.2 true
	// pool true
	// logits true
	// same top-1 in 4 of 4
}
