package card

import "github.com/beitzoo/beitzoo/beit/arch"

// Card is what the configuration files of a program state about weights.
type Card struct {
	// Config is the architecture, with the epsilon that the weights were trained with.
	Config arch.Config
	// Labels are the names of the classes, in the order of the logits; nil if they are not known.
	Labels []string
}
