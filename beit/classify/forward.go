package classify

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// answer is what the model computed of one image.
type answer struct {
	logits      []float64
	activations map[engine.Stage]engine.Activation
}

// forward returns the answers for images whose pixels are given.
func (c *Classifier) forward(ctx context.Context, pixels []float32, images int) ([]answer, error) {
	if images == 0 {
		return nil, nil
	}
	answers := make([]answer, images)
	keep := func(a engine.Activation, stage engine.Stage) error {
		one := len(a.Values) / images
		if a.Shape[0] != images || one*images != len(a.Values) {
			return fmt.Errorf("the engine returned %s of shape %s for %d images", a.Name, a.Shape, images)
		}
		for i := range answers {
			if answers[i].activations == nil {
				answers[i].activations = make(map[engine.Stage]engine.Activation, len(c.stages))
			}
			shape := append(tensor.Shape{1}, a.Shape[1:]...)
			answers[i].activations[stage] = engine.Activation{Name: a.Name, Shape: shape, Values: a.Values[i*one : (i+1)*one : (i+1)*one]}
		}
		return nil
	}
	wanted := make(map[string]engine.Stage, len(c.stages))
	for _, stage := range c.stages {
		wanted[stage.String()] = stage
	}
	last := returnedBy(c.card.Config)
	_, returned := wanted[last.String()]
	delete(wanted, last.String()) // what Forward returns need not be tapped
	var tap engine.Tap
	if len(wanted) > 0 {
		tap = func(a engine.Activation) error {
			if stage, is := wanted[a.Name]; is {
				return keep(a, stage)
			}
			return nil
		}
	}
	result, err := c.model.Forward(ctx, engine.Input{Pixels: pixels}, tap)
	if err != nil {
		return nil, err
	}
	if returned {
		if err := keep(result, last); err != nil {
			return nil, err
		}
	}
	return answers, c.logits(answers, result)
}

// returnedBy returns the stage whose activation Forward returns: that of a tokenizer is the tokens, behind which VQ-KD has more stages.
func returnedBy(config arch.Config) engine.Stage {
	if config.Tokenizes() {
		return engine.Stage{Kind: engine.Tokens}
	}
	stages := engine.Stages(config)
	return stages[len(stages)-1]
}

// logits sets the logits of the answers from what the model returned; if the model does not classify, it does nothing.
func (c *Classifier) logits(answers []answer, result engine.Activation) error {
	if !c.card.Config.Classifies() {
		return nil
	}
	classes := c.card.Config.Classes
	if want := len(answers) * classes; len(result.Values) != want {
		return fmt.Errorf("the engine returned %d logits for %d images, not %d", len(result.Values), len(answers), want)
	}
	for i := range answers {
		answers[i].logits = append([]float64(nil), result.Values[i*classes:(i+1)*classes]...)
	}
	return nil
}
