package cache

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Entry is a blob that the cache has.
type Entry struct {
	Digest digest.Digest
	// Size is in bytes.
	Size int64
	// Used is when it was last used, if the file system records that.
	Used time.Time
	// Path is that of the file, which must not be written to.
	Path string
}

// List returns all complete blobs, the last used first. It ignores files that are not named by a digest.
func (c *Cache) List() ([]Entry, error) {
	files, err := os.ReadDir(c.folder().Blobs())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, file := range files {
		sum, err := store.ParseDigest(file.Name())
		if err != nil || strings.Contains(file.Name(), ":") {
			continue
		}
		info, err := file.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // already removed, or not a file of the cache
		}
		entries = append(entries, Entry{sum, info.Size(), info.ModTime(), c.folder().Path(sum)})
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return b.Used.Compare(a.Used) })
	return entries, nil
}

// Verify reads blobs and compares their digests with their names. All damaged ones are reported together, as *store.DigestErrors.
// progress, which may be nil, is told the bytes read so far, and in all.
func (c *Cache) Verify(ctx context.Context, entries []Entry, progress func(done, total int64)) error {
	var total, done int64
	for _, entry := range entries {
		total += entry.Size
	}
	var problems []error
	for _, entry := range entries {
		_, err := c.VerifyBlob(ctx, store.Blob{Digest: entry.Digest, Size: store.UnknownSize}, nil)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			problems = append(problems, err)
		}
		if done += entry.Size; progress != nil {
			progress(done, total)
		}
	}
	return errors.Join(problems...)
}

// VerifyBlob reads a blob that the cache has, compares it with its digest (and the digests of its chunks, if blob has any), and returns its size
// in bytes. progress, which may be nil, is called at the beginning and at the end. A damaged blob is a store.ErrDigestMismatch.
func (c *Cache) VerifyBlob(ctx context.Context, blob store.Blob, progress func(done, total int64)) (int64, error) {
	if err := store.CheckDigest(blob.Digest); err != nil {
		return 0, err
	}
	file, err := os.Open(c.folder().Path(blob.Digest))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	if progress != nil {
		progress(0, info.Size())
	}
	if err := store.Verify(ctx, file, info.Size(), blob); err != nil {
		return 0, err
	}
	if progress != nil {
		progress(info.Size(), info.Size())
	}
	return info.Size(), nil
}

// Remove deletes a blob, if it is there.
func (c *Cache) Remove(d digest.Digest) error {
	if err := store.CheckDigest(d); err != nil {
		return err
	}
	if err := os.Remove(c.folder().Path(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c.writeError(err)
	}
	return nil
}

// PruneOptions say what Prune removes. The zero value removes all blobs, and partial ones that are a week old.
type PruneOptions struct {
	// Keep reports whether to keep a blob; nil keeps none.
	Keep func(Entry) bool
	// PartialAge is the time since the last write after which a partial blob is removed; 0 is a week.
	PartialAge time.Duration
	// DryRun removes nothing: the result says what would be removed.
	DryRun bool
}

// PruneResult says what Prune removed.
type PruneResult struct {
	// Blobs and Partials are the paths of the files.
	Blobs, Partials []string
	// Bytes is the size of all of them.
	Bytes int64
}

// Prune removes the blobs that options do not keep, and what interrupted copies left long ago. It keeps partial blobs that a process has locked. A process
// that is reading a removed blob can read it to its end; on systems that cannot remove files in use, the blob is kept and reported as an error.
func (c *Cache) Prune(ctx context.Context, options PruneOptions) (PruneResult, error) {
	var pruned PruneResult
	entries, err := c.List()
	if err != nil {
		return pruned, err
	}
	var problems []error
	for _, entry := range entries {
		if ctx.Err() != nil {
			return pruned, context.Cause(ctx)
		}
		if options.Keep != nil && options.Keep(entry) {
			continue
		}
		if !options.DryRun {
			err = c.Remove(entry.Digest)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		pruned.Blobs = append(pruned.Blobs, entry.Path)
		pruned.Bytes += entry.Size
	}
	problems = append(problems, c.prunePartials(&pruned, options))
	return pruned, errors.Join(problems...)
}

// defaultPartialAge is long enough for a laptop that was shut for the weekend.
const defaultPartialAge = 7 * 24 * time.Hour

func (c *Cache) prunePartials(pruned *PruneResult, options PruneOptions) error {
	if options.PartialAge == 0 {
		options.PartialAge = defaultPartialAge
	}
	files, err := os.ReadDir(c.partialDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var problems []error
	for _, file := range files {
		info, err := file.Info()
		if err != nil || time.Since(info.ModTime()) < options.PartialAge {
			continue
		}
		key, _, _ := strings.Cut(file.Name(), ".")
		release, ok := c.tryLock(key)
		if !ok {
			continue
		}
		path := filepath.Join(c.partialDir(), file.Name())
		if !options.DryRun {
			err = os.Remove(path)
		}
		release()
		if err != nil {
			problems = append(problems, c.writeError(err))
			continue
		}
		pruned.Partials = append(pruned.Partials, path)
		pruned.Bytes += info.Size()
	}
	return errors.Join(problems...)
}
