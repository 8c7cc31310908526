package adapt_test

import (
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert/adapt"
)

// Brings a model to larger images and other classes, as unilm does before it fine-tunes.
func ExampleApply() {
	config, err := arch.ByName("beit_base_p16_224")
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := adapt.Apply(card.Card{Config: config}, synth.Weights(config, 0), adapt.Options{ImageHeight: 384, ImageWidth: 384, Classes: 10, Head: adapt.ZeroHead})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range result.Steps {
		fmt.Println(step)
	}
	// Output:
	// resize: from 14 x 14 to 24 x 24 patches: 12 relative position bias tables by bicubic splines, as unilm does
	// head: the head of 1000 classes was replaced by a fresh head of 10 classes, all zero
}
