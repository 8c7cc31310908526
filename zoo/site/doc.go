// Package site renders the entries of a zoo as static pages that people browse: one table of all models with a chart, and a page for each of them.
//
// The pages need no server, load nothing from elsewhere, follow the reader's choice of light or dark, and can be read on a telephone and on paper. A script
// inside each page sorts, filters and copies; without it the pages still show everything. [Write] puts them into a folder; [Pages] returns them as
// bytes, for a publisher that puts them beside the weights.
//
//	err := site.Write(ctx, "public", entries)
package site
