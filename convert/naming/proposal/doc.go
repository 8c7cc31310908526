// Package proposal drafts a map, a naming scheme in a file, for a checkpoint whose names nobody knows.
//
// What follows from shapes or from words that mean one thing is taken for certain. What does not, such as whether a square matrix is transposed or which of
// two norms comes first, is decided by what is usual, and marked beside the row, with the reason and what else is possible: a draft is for people to review.
//
//	draft, err := proposal.New(ctx, checkpoint.Tensors, proposal.Options{File: "port.pth"})
//	scheme, err := naming.ParseMap("port.yaml", draft.Text)
package proposal
