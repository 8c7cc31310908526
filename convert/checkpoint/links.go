package checkpoint

import (
	"path/filepath"
	"strings"
)

// escapes tells whether a linked shard leads out of its folder. The Hugging Face cache links snapshots/REVISION/FILE to blobs/DIGEST two
// levels up, so a target below the folder's grandparent is accepted.
func escapes(folder, shard string) bool {
	target, err := filepath.EvalSymlinks(filepath.Join(folder, shard))
	if err != nil {
		return true
	}
	root, err := filepath.EvalSymlinks(filepath.Join(folder, "..", ".."))
	if err != nil {
		return true
	}
	relative, err := filepath.Rel(root, target)
	return err != nil || relative == ".." || strings.HasPrefix(relative, ".."+string(filepath.Separator))
}
