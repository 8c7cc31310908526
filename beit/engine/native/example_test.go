package native_test

import (
	"context"
	"fmt"
	"log"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// Runs a model in float64 and prints the shape of every activation.
func ExampleEngine() {
	ctx := context.Background()
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		log.Fatal(err)
	}
	model, err := native.Engine{}.Load(ctx, config, synth.Weights(config, 0), engine.Options{DType: tensor.F64})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	logits, err := model.Forward(ctx, engine.Input{Pixels: synth.Images(1, config, 0)}, func(a engine.Activation) error {
		fmt.Println(a.Name, a.Shape)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.6f\n", logits.Values[:3])
	// Output:
	// embed [1, 5, 32]
	// blocks.0.attn [1, 5, 32]
	// blocks.0 [1, 5, 32]
	// blocks.1.attn [1, 5, 32]
	// blocks.1 [1, 5, 32]
	// pool [1, 32]
	// logits [1, 10]
	// [0.171143 1.052145 1.157362]
}
