package checkpoint

import (
	"path/filepath"
	"strings"
)

// escapes reports whether a linked shard leads out of its folder. The Hugging Face cache links snapshots/REVISION/FILE to blobs/DIGEST, which
// belongs to the same model and is accepted.
func escapes(folder, shard string) bool {
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return true
	}
	real, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return true
	}
	target, err := filepath.EvalSymlinks(filepath.Join(real, shard))
	if err != nil {
		return true
	}
	if inside(real, target) {
		return false
	}
	snapshots := filepath.Dir(real)
	blobs := filepath.Join(filepath.Dir(snapshots), "blobs")
	return filepath.Base(snapshots) != "snapshots" || !inside(blobs, target)
}

// inside reports whether a path lies below a folder. Both are absolute and free of links.
func inside(folder, path string) bool {
	relative, err := filepath.Rel(folder, path)
	return err == nil && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator))
}
