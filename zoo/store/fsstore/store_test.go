package fsstore_test

import (
	"context"
	"io"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/fsstore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// folder is a store of many blobs: each is a file that is named by its digest.
type folder struct{ files fs.FS }

func (f folder) file(blob store.Blob) (*fsstore.Store, error) {
	if err := store.CheckDigest(blob.Digest); err != nil {
		return nil, err
	}
	return fsstore.New(f.files, blob.Digest.Encoded(), "the test"), nil
}

func (f folder) Stat(ctx context.Context, blob store.Blob) (store.Info, error) {
	file, err := f.file(blob)
	if err != nil {
		return store.Info{}, err
	}
	return file.Stat(ctx, blob)
}

func (f folder) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	file, err := f.file(blob)
	if err != nil {
		return nil, err
	}
	return file.Fetch(ctx, blob)
}

func (f folder) FetchRange(ctx context.Context, blob store.Blob, version string, span store.Span) (io.ReadCloser, error) {
	file, err := f.file(blob)
	if err != nil {
		return nil, err
	}
	return file.FetchRange(ctx, blob, version, span)
}

// plain is a file system whose files cannot seek.
type plain struct{ fs.FS }

func (p plain) Open(name string) (fs.File, error) {
	file, err := p.FS.Open(name)
	return struct{ fs.File }{file}, err
}

func TestConformance(t *testing.T) {
	for name, wrap := range map[string]func(fs.FS) fs.FS{
		"seeking": func(files fs.FS) fs.FS { return files }, "reading": func(files fs.FS) fs.FS { return plain{files} },
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(*testing.T) storetest.Subject {
				files := fstest.MapFS{}
				put := func(content []byte) { files[digest.FromBytes(content).Encoded()] = &fstest.MapFile{Data: content} }
				return storetest.Subject{Fetcher: folder{wrap(files)}, Put: put}
			})
		})
	}
}
