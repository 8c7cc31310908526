package convert

import (
	"context"
	"path/filepath"

	"github.com/beitzoo/beitzoo/convert/naming/proposal"
)

// ProposeMap drafts a map for the names in a checkpoint, which nobody needs to know: see package proposal. It uses Select, Drop, Heads and Window of the
// options. The errors are those of opening a file, and *[DropError].
func ProposeMap(ctx context.Context, path string, options OpenOptions) (*proposal.Draft, error) {
	file, err := openFile(ctx, path, options)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	tensors, _, unused, err := drop(ctx, file.Tensors, options.Drop)
	if err != nil {
		return nil, err
	}
	if len(unused) > 0 {
		return nil, unusedDrop(path, unused[0], file.Tensors)
	}
	return proposal.New(ctx, tensors, proposal.Options{File: filepath.Base(path), Hints: options.hints(nil)})
}
