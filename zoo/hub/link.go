package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/beitzoo/beitzoo/internal/disk"
)

// snapshotsFolder is where the folders of models are in the cache. Package convert follows links from there to the blobs of the same cache, as it does in
// the cache of Hugging Face.
const snapshotsFolder = "snapshots"

// folderOf returns the folder in the cache with the files of a reference at a commit.
func (p *pull) folderOf(commit string) string {
	name := fmt.Sprintf("%s--%s--%.12s-%s", p.reference.Owner, p.reference.Name, commit, digestOf(p.hub.key(p.reference)+" "+commit))
	return filepath.Join(p.hub.options.Cache.Dir(), snapshotsFolder, name)
}

// link makes a folder with the files under their names, and returns the path to open: the file called open in it, or the folder. What is right stays as it is,
// so a cache that is read-only can be used.
func (p *pull) link(commit, open string) (string, error) {
	folder := p.folderOf(commit)
	var names []string
	for _, file := range p.files {
		name := path.Base(file.Name)
		names = append(names, name)
		blob, err := p.hub.options.Cache.Path(file.Digest)
		if err != nil {
			return "", err
		}
		if err := linkFile(blob, filepath.Join(folder, name)); err != nil {
			return "", err
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		if !slices.Contains(names, entry.Name()) {
			if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
				return "", err
			}
		}
	}
	return filepath.Join(folder, open), nil
}

// linkFile makes a symbolic link to a blob, or where the system has none, a hard link or a copy.
func linkFile(blob, target string) error {
	there, err := os.Stat(target)
	if err == nil {
		if is, err := os.Stat(blob); err == nil && os.SameFile(is, there) {
			return nil
		}
	}
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	folder := filepath.Dir(target)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	relative, err := filepath.Rel(folder, blob)
	if err != nil {
		return err
	}
	if os.Symlink(relative, target) == nil || os.Link(blob, target) == nil {
		return nil
	}
	if there, err := os.Stat(target); err == nil { // another process was faster
		if is, err := os.Stat(blob); err == nil && os.SameFile(is, there) {
			return nil
		}
	}
	content, err := os.ReadFile(blob)
	if err != nil {
		return err
	}
	return disk.WriteFile(target, content, 0o644)
}
