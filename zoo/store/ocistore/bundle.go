package ocistore

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Bundle is a layout in one tar file, to carry by hand. All its methods but Close may be called from several goroutines.
type Bundle struct {
	file  *os.File
	spans map[digest.Digest]store.Span
	index index
}

const blobPrefix = "blobs/sha256/"

// OpenBundle opens a bundle and reads its list of blobs. Blobs are read when they are fetched. The caller closes it. A file that is not a bundle is
// store.ErrInvalid.
func OpenBundle(name string) (*Bundle, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	b := &Bundle{file: file, spans: map[digest.Digest]store.Span{}}
	if err := b.read(); err != nil {
		file.Close()
		return nil, fmt.Errorf("bundle %s: %w", name, err)
	}
	return b, nil
}

// read lists the archive, without unpacking anything. It ignores names that a layout does not have.
func (b *Bundle) read() error {
	archive := tar.NewReader(b.file)
	found := false
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: not a tar archive, or a damaged one: %w", store.ErrInvalid, err)
		}
		name := path.Clean(header.Name)
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if name == ocispec.ImageIndexFile {
			content, err := io.ReadAll(io.LimitReader(archive, maxManifest))
			if err != nil {
				return fmt.Errorf("%w: %w", store.ErrInvalid, err)
			}
			if b.index, err = parseIndex(content); err != nil {
				return err
			}
			found = true
		}
		if err := b.remember(name, header.Size); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%w: the archive has no %s", store.ErrInvalid, ocispec.ImageIndexFile)
	}
	return nil
}

// remember notes the offset of a blob. It relies on the archive reader having read the header of the blob and nothing more; where that is not so, as with
// sparse files, the digest of the blob will not match.
func (b *Bundle) remember(name string, size int64) error {
	hex, ok := strings.CutPrefix(name, blobPrefix)
	if !ok {
		return nil
	}
	digest, err := store.ParseDigest(hex)
	if err != nil {
		return err
	}
	at, err := b.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	b.spans[digest] = store.Span{Offset: at, Size: size}
	return nil
}

// Close closes the file.
func (b *Bundle) Close() error { return b.file.Close() }

// Stat implements store.Stater.
func (b *Bundle) Stat(_ context.Context, blob store.Blob) (store.Info, error) {
	if err := store.CheckDigest(blob.Digest); err != nil {
		return store.Info{}, err
	}
	span, ok := b.spans[blob.Digest]
	if !ok {
		return store.Info{}, fmt.Errorf("%w: %s in %s", store.ErrNotFound, blob, b.file.Name())
	}
	return store.Info{Size: span.Size, Digest: blob.Digest, Version: string(blob.Digest), Ranges: true, Source: b.file.Name()}, nil
}

// Fetch implements store.Fetcher.
func (b *Bundle) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	info, err := b.Stat(ctx, blob)
	if err != nil {
		return nil, err
	}
	return b.FetchRange(ctx, blob, "", store.Span{Size: info.Size})
}

// FetchRange implements store.RangeFetcher. The version has no meaning here.
func (b *Bundle) FetchRange(ctx context.Context, blob store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	if _, err := b.Stat(ctx, blob); err != nil {
		return nil, err
	}
	at := b.spans[blob.Digest]
	return io.NopCloser(io.NewSectionReader(b.file, at.Offset+span.Offset, min(span.Size, at.Size-span.Offset))), nil
}

// FetchManifest implements Source.
func (b *Bundle) FetchManifest(ctx context.Context, tag string) ([]byte, error) {
	return manifestOf(ctx, b, b.index, tag, b.file.Name())
}

// Tags implements Source.
func (b *Bundle) Tags(context.Context) ([]string, error) { return b.index.tags(), nil }
