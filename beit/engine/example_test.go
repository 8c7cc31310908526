package engine_test

import (
	"context"
	"fmt"
	"log"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// Opens a checkpoint, loads it into an engine, and computes the logits of two images.
func ExampleEngine() {
	ctx := context.Background()
	file, err := checkpoint.Open(ctx, "../../testdata/digits/digits_p16_64.timm.safetensors", checkpoint.Options{}, safetensors.Format)
	if err != nil {
		log.Fatal(err)
	}
	weights, err := naming.Read(ctx, file.Tensors, naming.Options{})
	if err != nil {
		log.Fatal(err)
	}
	var e engine.Engine = native.Engine{} // or torch.Engine{}
	model, err := e.Load(ctx, weights.Config, weights.Tensors, engine.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	if err := file.Close(); err != nil { // a loaded model has its own copy of the weights
		log.Fatal(err)
	}
	pixels := synth.Images(2, weights.Config, 0) // [2, 3, 64, 64], normalised; package preprocess makes such of an image file
	logits, err := model.Forward(ctx, engine.Input{Pixels: pixels}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.Name(), logits.Name, logits.Shape)
	fmt.Printf("%.2f\n", logits.Values[:3])
	// Output:
	// native logits [2, 10]
	// [-1.44 -1.34 -7.55]
}

// Prints the shape of the activation after each block.
func ExampleTap() {
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	model, err := native.Engine{}.Load(ctx, config, synth.Weights(config, 0), engine.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	tap := func(a engine.Activation) error {
		stage, err := engine.ParseStage(a.Name)
		if err == nil && stage.Kind == engine.Block {
			fmt.Println("after block", stage.Block, a.Shape)
		}
		return err
	}
	if _, err := model.Forward(ctx, engine.Input{Pixels: synth.Images(1, config, 0)}, tap); err != nil {
		log.Fatal(err)
	}
	// Output:
	// after block 0 [1, 5, 32]
	// after block 1 [1, 5, 32]
}
