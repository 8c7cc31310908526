package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// HomeVariable is the environment variable with the folder that holds all that beitzoo keeps, instead of the system's usual places.
const HomeVariable = "BEITZOO_HOME"

// Options change how a Cache works. The zero value is right for almost everybody.
type Options struct {
	// NoLocks works without locks from the start, for file systems where taking one hangs. The only loss is that several processes may copy
	// the same blob.
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

// DefaultDir is the folder "cache" in BEITZOO_HOME where that is set, else "beitzoo" in the user's cache folder (on Linux XDG_CACHE_HOME,
// or ~/.cache).
func DefaultDir() (string, error) {
	if home := os.Getenv(HomeVariable); home != "" {
		return filepath.Abs(filepath.Join(home, "cache"))
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place for a cache (set %s): %w", HomeVariable, err)
	}
	return filepath.Join(dir, "beitzoo"), nil
}

// New uses the folder dir, or DefaultDir where dir is empty. The folder is made when something is first written.
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

// Dir is the folder.
func (c *Cache) Dir() string { return c.dir }

func (c *Cache) blobsDir() string   { return filepath.Join(c.dir, "blobs", "sha256") }
func (c *Cache) partialDir() string { return filepath.Join(c.dir, "partial") }
func (c *Cache) lockDir() string    { return filepath.Join(c.dir, "lock") }

// place is where a blob is, or would be.
func (c *Cache) place(digest store.Digest) string { return filepath.Join(c.blobsDir(), digest.Hex()) }

// Path is the file of a blob that the cache has, for mapping and reading; it must not be written to. It reports store.ErrNotFound where the
// cache has no such blob.
func (c *Cache) Path(digest store.Digest) (string, error) {
	if err := digest.Validate(); err != nil {
		return "", err
	}
	path := c.place(digest)
	if _, err := os.Stat(path); err != nil {
		return "", c.notFound(digest.String(), err)
	}
	touch(path)
	return path, nil
}

// touch remembers when a blob was last used, where that is allowed; Prune goes by it.
func touch(path string) {
	now := time.Now()
	_ = os.Chtimes(path, now, now) // not allowed to other users, and not needed
}

// Stat reports a blob of another size than blob states as not found: it was damaged later, and copying replaces it.
func (c *Cache) Stat(_ context.Context, blob store.Blob) (store.Info, error) {
	if blob.Digest == "" {
		return store.Info{}, c.notFound(blob.String(), fs.ErrNotExist)
	}
	if err := blob.Digest.Validate(); err != nil {
		return store.Info{}, err
	}
	info, err := os.Stat(c.place(blob.Digest))
	if err != nil {
		return store.Info{}, c.notFound(blob.String(), err)
	}
	if blob.Size >= 0 && info.Size() != blob.Size {
		return store.Info{}, fmt.Errorf("%w: %s has %d bytes in the cache, should have %d", store.ErrNotFound, blob, info.Size(), blob.Size)
	}
	return store.Info{Size: info.Size(), Digest: blob.Digest, Version: string(blob.Digest), Ranges: true, Source: c.dir}, nil
}

// Fetch opens a blob.
func (c *Cache) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	file, err := c.open(ctx, blob)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// FetchRange opens a part of a blob. The version has no meaning here.
func (c *Cache) FetchRange(ctx context.Context, blob store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	file, err := c.open(ctx, blob)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(file, span.Offset, span.Size), file}, nil
}

func (c *Cache) open(ctx context.Context, blob store.Blob) (*os.File, error) {
	if _, err := c.Stat(ctx, blob); err != nil {
		return nil, err
	}
	file, err := os.Open(c.place(blob.Digest))
	if err != nil {
		return nil, c.notFound(blob.String(), err)
	}
	touch(file.Name())
	return file, nil
}

// notFound tells an absent blob from a folder that cannot be read.
func (c *Cache) notFound(what string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s in the cache %s", store.ErrNotFound, what, c.dir)
	}
	return fmt.Errorf("reading the cache: %w", err)
}

// Push stores content.
func (c *Cache) Push(ctx context.Context, blob store.Blob, content io.Reader) (store.Blob, error) {
	if err := blob.Validate(); err != nil {
		return store.Blob{}, err
	}
	if info, err := c.Stat(ctx, blob); err == nil {
		blob.Size = info.Size
		return blob, nil
	}
	if err := c.makeFolders(); err != nil {
		return store.Blob{}, err
	}
	file, err := os.CreateTemp(c.partialDir(), "push.*.tmp")
	if err != nil {
		return store.Blob{}, c.writing(err)
	}
	defer func() {
		file.Close()
		os.Remove(file.Name()) // a no-op once it has its name
	}()
	verifier := store.NewVerifier(&stoppable{ctx, content}, blob, "")
	if _, err := io.Copy(file, verifier); err != nil {
		return store.Blob{}, c.writing(err)
	}
	return verifier.Blob(), c.publish(file, verifier.Blob())
}

// stoppable is a reader that ends with its context.
type stoppable struct {
	ctx  context.Context
	from io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.from.Read(p)
}
