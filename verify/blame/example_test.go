package blame_test

import (
	"context"
	"fmt"
	"log"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/blame"
)

// The reference ran with the LayerNorm epsilon of Hugging Face, the model with that of unilm. Find needs the input and the output of one block in the
// reference to find this out.
func ExampleSearch_Find() {
	ctx := context.Background()
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		log.Fatal(err)
	}
	weights, input := synth.Weights(config, 0), engine.Input{Pixels: synth.Images(1, config, 0)}
	theirs := config
	theirs.Epsilon = arch.EpsilonHF
	reference, err := native.Engine{}.Load(ctx, theirs, weights, engine.Options{DType: tensor.F64})
	if err != nil {
		log.Fatal(err)
	}
	defer reference.Close()
	c := blame.Case{Input: input, Limit: blame.Limit{Max: 1e-9}}
	_, err = reference.Forward(ctx, input, func(a engine.Activation) error {
		switch a.Name {
		case "embed":
			c.Before = &a
		case "blocks.0":
			c.After = a
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	search, err := blame.NewSearch(config, weights)
	if err != nil {
		log.Fatal(err)
	}
	findings, err := search.Find(ctx, c)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(findings[0].Sentence)
	fmt.Println(findings[0].Epsilon)
	// Output:
	// blocks.0 agrees with the reference if the LayerNorm epsilon is 1e-12, not 1e-06
	// 1e-12
}
