package ocistore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/internal/folder"
)

// Layout is a folder in OCI image layout (opencontainers/image-spec, image-layout.md). All its methods may be called from several goroutines and
// processes. If an HTTP server publishes the folder, httpstore.NewTree reads its blobs.
type Layout struct {
	blobs
	folder folder.Folder
}

// blobs are the methods that a layout has as a store.
type blobs = folder.Store

// NewLayout returns the layout in the folder dir, which is made when something is first written.
func NewLayout(dir string) (*Layout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	files := folder.Folder{Root: dir}
	return &Layout{files.Store(), files}, nil
}

func (l *Layout) indexPath() string { return filepath.Join(l.folder.Root, ocispec.ImageIndexFile) }
func (l *Layout) markPath() string  { return filepath.Join(l.folder.Root, ocispec.ImageLayoutFile) }

// index reads the index. That of a folder that is no layout yet is empty. A layout without an index is store.ErrInvalid: an empty index would make
// what is lost free for others.
func (l *Layout) index() (index, error) {
	content, err := os.ReadFile(l.indexPath())
	if errors.Is(err, fs.ErrNotExist) {
		if _, noMark := os.Lstat(l.markPath()); noMark != nil {
			return newIndex(), nil
		}
		// The mark is written after the index, so somebody may have written both since.
		if content, err = os.ReadFile(l.indexPath()); errors.Is(err, fs.ErrNotExist) {
			return index{}, fmt.Errorf("%w: %s is missing from the image layout in %s", store.ErrInvalid, ocispec.ImageIndexFile, l.folder.Root)
		}
	}
	if err != nil {
		return index{}, err
	}
	return parseIndex(content)
}

// FetchManifest implements Source.
func (l *Layout) FetchManifest(ctx context.Context, tag string) ([]byte, error) {
	index, err := l.index()
	if err != nil {
		return nil, err
	}
	return manifestOf(ctx, l, index, tag, l.folder.Root)
}

// manifestOf reads the manifest that an index names.
func manifestOf(ctx context.Context, from store.Fetcher, index index, tag, place string) ([]byte, error) {
	blob, ok, err := index.find(tag)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: tag %.100q in %s", store.ErrNotFound, tag, place)
	}
	return readSmall(ctx, from, blob)
}

// Tags implements Source.
func (l *Layout) Tags(context.Context) ([]string, error) {
	index, err := l.index()
	return index.tags(), err
}

// PushManifest implements Place.
func (l *Layout) PushManifest(ctx context.Context, tag string, manifest []byte) (store.Blob, error) {
	if err := checkTag(tag); err != nil {
		return store.Blob{}, err
	}
	blob := store.Blob{Digest: digest.FromBytes(manifest), Size: int64(len(manifest)), MediaType: ocispec.MediaTypeImageManifest}
	if _, err := l.Push(ctx, blob, bytes.NewReader(manifest)); err != nil {
		return store.Blob{}, err
	}
	release, err := l.lock(ctx)
	if err != nil {
		return store.Blob{}, err
	}
	defer release()
	return blob, l.addTag(tag, blob)
}

// addTag enters a manifest into the index. The caller holds the lock.
func (l *Layout) addTag(tag string, manifest store.Blob) error {
	index, err := l.index()
	if err != nil {
		return err
	}
	is, ok, err := index.find(tag)
	switch {
	case err != nil:
		return err
	case ok && is.Digest != manifest.Digest:
		return taken(l.folder.Root, tag, is.Digest, manifest.Digest)
	case ok:
		return l.mark()
	}
	index.add(tag, manifest)
	content, err := json.Marshal(index.Index)
	if err != nil {
		return err
	}
	if err := l.folder.WriteFile(l.indexPath(), content); err != nil {
		return err
	}
	return l.mark()
}

// mark writes the file that makes a folder an image layout, unless it is there. It comes last: a mark says that there is an index.
func (l *Layout) mark() error {
	if _, err := os.Lstat(l.markPath()); err == nil {
		return nil
	}
	mark, err := json.Marshal(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	if err != nil {
		return err
	}
	return l.folder.WriteFile(l.markPath(), mark)
}

// lock keeps two publishers from losing each other's entry, if the file system has locks.
func (l *Layout) lock(ctx context.Context) (release func(), err error) {
	lock := flock.New(filepath.Join(l.folder.Root, ".index.lock"), flock.SetPermissions(0o644))
	_, err = lock.TryLockContext(ctx, 20*time.Millisecond)
	if ctx.Err() != nil {
		lock.Close()
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return func() {}, nil
	}
	return func() { lock.Close() }, nil
}
