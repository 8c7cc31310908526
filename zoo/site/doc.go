// Package site renders manifests as static pages that people browse: one table of all models, and a page for each of them.
//
// The pages need no server and no script, load nothing from elsewhere, follow the reader's choice of light or dark, and can be read on a
// telephone. [Write] puts them into a folder; [Pages] returns them as bytes, for a publisher that puts them beside the weights.
//
//	err := site.Write(ctx, "public", documents)
package site
