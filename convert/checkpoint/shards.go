package checkpoint

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// IndexSuffix ends the name of a file that maps tensors to shards.
const IndexSuffix = ".index.json"

// maxShards is far above what a model of this family needs.
const maxShards = 1000

// openFolder opens the weights in a folder: the FolderFile of the first of formats that has it there, or the shards that its index names.
func openFolder(ctx context.Context, path string, options Options, formats []Format) (*Checkpoint, error) {
	var names []string
	for _, format := range formats {
		name := format.FolderFile
		names = append(names, name)
		for _, found := range []struct {
			path string
			open func(context.Context, string, Options, []Format) (*Checkpoint, error)
		}{
			{filepath.Join(path, name), openFile},
			{filepath.Join(path, name+IndexSuffix), openIndex},
		} {
			if _, err := os.Stat(found.path); err != nil {
				continue
			}
			opened, err := found.open(ctx, found.path, options, formats)
			if opened != nil {
				opened.Path = path
			}
			return opened, err
		}
	}
	folder, err := listFolder(path)
	if err != nil {
		return nil, err
	}
	if opened, err := openKinds(ctx, folder, options, formats); opened != nil || err != nil {
		return opened, err
	}
	return nil, withPath(emptyFolder(folder, names, formats), path)
}

// openKinds opens a folder that is a checkpoint by itself. It returns nil and no error if it is not.
func openKinds(ctx context.Context, folder *Folder, options Options, formats []Format) (*Checkpoint, error) {
	ctx = together(ctx)
	for _, format := range formats {
		for _, kind := range format.Folders {
			if !kind.Match(folder) {
				continue
			}
			opened, err := guarded(func() (*Checkpoint, error) { return kind.Read(ctx, folder, options) })
			if err != nil {
				folder.close()
				return nil, withPath(err, folder.Path)
			}
			if opened == nil {
				continue
			}
			opened.Path, opened.Format, opened.Size = folder.Path, format.Name, folder.size
			opened.closers = append(opened.closers, folder.closers...)
			return opened, nil
		}
	}
	folder.close()
	return nil, nil
}

// openMember opens the folder that a file stands for, such as data.pkl of an unpacked archive. It returns nil and no error if it is an ordinary file.
func openMember(ctx context.Context, path string, options Options, formats []Format) (*Checkpoint, error) {
	for _, format := range formats {
		for _, kind := range format.Folders {
			if kind.Member == nil || !kind.Member(filepath.Base(path)) {
				continue
			}
			folder, err := listFolder(filepath.Dir(path))
			if err != nil {
				return nil, nil // the file alone can be read
			}
			only := []Format{{Name: format.Name, Folders: []FolderKind{kind}}}
			opened, err := openKinds(ctx, folder, options, only)
			if opened != nil {
				opened.Path = path
			}
			return opened, withPath(err, path)
		}
	}
	return nil, nil
}

// openIndex opens every shard that an index names, and takes exactly the tensors that it maps.
func openIndex(ctx context.Context, path string, options Options, formats []Format) (*Checkpoint, error) {
	shards, err := readIndex(path)
	if err != nil {
		return nil, withPath(err, path)
	}
	whole := &Checkpoint{Path: path, Metadata: map[string]string{}}
	ctx = together(ctx)
	for _, shard := range slices.Sorted(maps.Keys(shards)) {
		part, err := openFile(ctx, filepath.Join(filepath.Dir(path), shard), Options{}, formats)
		if err != nil {
			whole.Close()
			return nil, fmt.Errorf("shard %q of %s: %w", shard, path, err)
		}
		if err := whole.absorb(part, shard, shards[shard]); err != nil {
			whole.Close()
			return nil, withPath(err, path)
		}
	}
	whole.Container = fmt.Sprintf("%d shards, each %s", len(shards), whole.Container)
	if options.Select != "" {
		if err := whole.Take(options.Select); err != nil {
			whole.Close()
			return nil, withPath(err, path)
		}
	}
	return whole, nil
}

// absorb adds a shard's tensors, which must be the ones that the index promised.
func (c *Checkpoint) absorb(part *Checkpoint, shard string, promised []string) error {
	c.closers = append(c.closers, part.closers...)
	c.Format, c.Container, c.Wrapper, c.Others = part.Format, part.Container, part.Wrapper, part.Others
	c.Size += part.Size
	c.Tensors = append(c.Tensors, part.Tensors...)
	c.Notes = append(c.Notes, part.Notes...)
	maps.Copy(c.Metadata, part.Metadata)
	held := make([]string, len(part.Tensors))
	for i, t := range part.Tensors {
		held[i] = t.Name
	}
	slices.Sort(held)
	slices.Sort(promised)
	for _, name := range promised {
		if _, found := slices.BinarySearch(held, name); !found {
			return Malformed("the index promises tensor %q in shard %q, which lacks it", name, shard).WithHint("download the shard again")
		}
	}
	for _, name := range held {
		if _, found := slices.BinarySearch(promised, name); !found {
			return Malformed("shard %q holds tensor %q, which the index does not map to it", shard, name).WithHint("shards and index are of different downloads; download all of them again")
		}
	}
	return nil
}

// checkShards makes sure that shards are plain names of files in the folder, so that an index cannot lead to other places.
func checkShards(folder string, shards map[string][]string) error {
	if len(shards) == 0 {
		return Malformed("the index has no weight_map")
	}
	if len(shards) > maxShards {
		return Unsafe("the index names %d shards; %d is the limit", len(shards), maxShards)
	}
	for shard := range shards {
		if shard == "" || shard == "." || shard == ".." || strings.ContainsAny(shard, "/\\\x00:") {
			return Unsafe("the index names the shard %q, which is not a plain file name", shard)
		}
		info, err := os.Lstat(filepath.Join(folder, shard))
		if err != nil {
			return Malformed("the shard %q is missing", shard).WithHint("put all shards into the folder of the index")
		}
		if info.Mode()&os.ModeSymlink != 0 && escapes(folder, shard) {
			return Unsafe("the shard %q is a link that leads out of its folder", shard).
				WithHint("give the folder that holds the files themselves")
		}
	}
	return nil
}
