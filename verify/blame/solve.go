package blame

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
)

// A solver returns hypotheses that follow from the activations of a stage, such as the permutation of heads that fits best. They are tried like those that are
// listed, so a solver may be wrong.

func solveEmbed(context.Context, *target, *draft) ([]hypothesis, error) { return nil, nil }

func solvePool(context.Context, *target, *draft) ([]hypothesis, error) { return nil, nil }

func solveLogits(context.Context, *target, *draft) ([]hypothesis, error) { return nil, nil }

// solveStream solves for mistakes anywhere in a block.
func solveStream(context.Context, *blockCase, *target, *draft) ([]hypothesis, error) { return nil, nil }

// solveAttention solves for mistakes in the attention branch, which the reference has.
func solveAttention(context.Context, *blockCase, *target, *draft) ([]hypothesis, error) {
	return nil, nil
}

// solveRest solves for mistakes after the attention branch, which the reference has; branch is that of the tokens in b.some.
func solveRest(_ context.Context, _ *blockCase, _ *target, _ *draft, _ *whatif.Rows) ([]hypothesis, error) {
	return nil, nil
}
