// Package loss finds, in the weights of a model alone, what was lost: parameters that are zero, constant, equal to another, rounded, not finite, or as a
// program draws them before training.
//
// [Look] compares each parameter with its siblings, which are the same parameter of the other blocks, or those of the same role: what all of them have in common is how the
// model is, and nothing is said about it. So a model that was never trained has nothing suspicious.
//
//	for _, s := range suspicions {
//		fmt.Println(s.Sentence) // blocks.3.gamma_1 is all zero, and those of the other blocks are not
//	}
//
// A suspicion is no proof. It tells what to look at where a model is known to differ from its reference, and nothing could restore it.
package loss
