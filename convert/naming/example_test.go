package naming_test

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// The scheme follows from the names of a checkpoint's tensors, the architecture from their shapes.
func ExampleRead() {
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		fmt.Println(err)
		return
	}
	tensors, err := naming.Write(naming.HF, config, synth.Weights(config, 0), naming.WriteOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}

	model, err := naming.Read(context.Background(), tensors, naming.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(model.Scheme, model.Config.Name)
	change := model.Changes[5]
	fmt.Printf("%s: %d tensors %s\n", change.Name, len(change.From), change.Operation)
	// Output:
	// hf tiny_p16_32
	// blocks.0.attn.qkv.weight: 3 tensors joined
}
