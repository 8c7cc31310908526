package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/internal/folder"
)

// HomeVariable is the environment variable that names one folder for all that beitzoo keeps, in place of the system's usual folders.
const HomeVariable = "BEITZOO_HOME"

// Options change how a Cache works. The zero value is right for almost everybody.
type Options struct {
	// NoLocks uses no locks, for file systems on which taking one hangs. Then several processes may copy the same blob at the same time.
	NoLocks bool
}

// Cache is a folder of blobs. All its methods may be called from several goroutines and processes.
type Cache struct {
	dir     string
	options Options
}

var (
	_ store.Store        = (*Cache)(nil)
	_ store.RangeFetcher = (*Cache)(nil)
	_ store.Resumer      = (*Cache)(nil)
)

// DefaultDir returns the folder "cache" in BEITZOO_HOME if that is set, else "beitzoo" in the user's cache folder (on Linux XDG_CACHE_HOME,
// or ~/.cache).
func DefaultDir() (string, error) {
	if home := os.Getenv(HomeVariable); home != "" {
		return filepath.Abs(filepath.Join(home, "cache"))
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the cache (set %s): %w", HomeVariable, err)
	}
	return filepath.Join(dir, "beitzoo"), nil
}

// New returns the cache in the folder dir, or in DefaultDir if dir is empty. The folder is made when something is first written.
func New(dir string, options Options) (*Cache, error) {
	if dir == "" {
		var err error
		if dir, err = DefaultDir(); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return &Cache{dir: dir, options: options}, nil
}

// Dir returns the folder.
func (c *Cache) Dir() string { return c.dir }

func (c *Cache) folder() folder.Folder { return folder.Folder{Root: c.dir} }
func (c *Cache) partialDir() string    { return filepath.Join(c.dir, "partial") }
func (c *Cache) lockDir() string       { return filepath.Join(c.dir, "lock") }

// Path returns the file of a blob, to be mapped and read, not written to. It belongs to the cache and stays until Remove or Prune. If the cache does not
// have the blob, the error is a store.ErrNotFound.
func (c *Cache) Path(d digest.Digest) (string, error) {
	if _, err := c.folder().Stat(store.Blob{Digest: d, Size: store.UnknownSize}); err != nil {
		return "", err
	}
	path := c.folder().Path(d)
	touch(path)
	return path, nil
}

// touch records the time of use, for List and Prune, if the file system allows it.
func touch(path string) {
	now := time.Now()
	_ = os.Chtimes(path, now, now) // fails for other users' files, which does no harm
}

// Stat implements store.Stater. A file that does not have the size of blob was damaged: it is store.ErrNotFound, and the next copy replaces it.
func (c *Cache) Stat(_ context.Context, blob store.Blob) (store.Info, error) {
	return c.folder().Stat(blob)
}

// Fetch implements store.Fetcher.
func (c *Cache) Fetch(_ context.Context, blob store.Blob) (io.ReadCloser, error) {
	file, err := c.folder().Open(blob)
	if err != nil {
		return nil, err
	}
	touch(file.Name())
	return file, nil
}

// FetchRange implements store.RangeFetcher. The version has no meaning here.
func (c *Cache) FetchRange(_ context.Context, blob store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	file, err := c.folder().Open(blob)
	if err != nil {
		return nil, err
	}
	touch(file.Name())
	return folder.Section(file, span), nil
}

// Push implements store.Pusher.
func (c *Cache) Push(ctx context.Context, blob store.Blob, content io.Reader) (store.Blob, error) {
	pushed, err := c.folder().Push(ctx, blob, content, c.partialDir())
	return pushed, c.writeError(err)
}

// writeError adds a kind and a hint to an error of writing.
func (c *Cache) writeError(err error) error {
	err = c.folder().WriteError(err)
	var source *store.SourceError
	var full *folder.FullError
	switch {
	case errors.As(err, &source) && errors.Is(err, store.ErrReadOnly):
		source.Advice = "set " + HomeVariable + " to a folder that you may write to"
	case errors.As(err, &full):
		return &fullError{full}
	}
	return err
}

// fullError says that the disk of the cache has no space left.
type fullError struct{ *folder.FullError }

func (e *fullError) Unwrap() error { return e.FullError }

// Hint says what to do next.
func (*fullError) Hint() string {
	return "make room, for instance by pruning the cache, or set " + HomeVariable + " to a folder on another disk; the next copy resumes"
}
