package card

import "github.com/beitzoo/beitzoo/beit/arch"

// Card is what a program states about weights beside their tensors.
type Card struct {
	// Config is the architecture, with the epsilon that the weights were trained with.
	Config arch.Config
	// Labels names each class, in the order of the logits; nil if nobody named them.
	Labels []string
}
