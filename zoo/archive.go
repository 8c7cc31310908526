package zoo

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	oci "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// Pack is a bundle that was opened. It is a read-only Place without a network.
type Pack struct {
	file   *os.File
	path   string
	spans  map[string]store.Span
	layout oci.Index
	// upstream are the checkpoints, by address.
	upstream map[string]store.Blob
}

var (
	_ Archive            = (*Pack)(nil)
	_ store.RangeFetcher = (*Pack)(nil)
)

// maxPacked bounds the files in a bundle; an honest one has a dozen for each entry.
const maxPacked = 100_000

// OpenBundle opens the file that Bundle wrote. The caller closes it. Nothing is unpacked. Errors about the content wrap store.ErrInvalid.
func OpenBundle(ctx context.Context, path string) (*Pack, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p := &Pack{file: file, path: path, spans: map[string]store.Span{}}
	if err := p.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return p, nil
}

// Close closes the file.
func (p *Pack) Close() error { return p.file.Close() }

func (p *Pack) open(ctx context.Context) error {
	archive := tar.NewReader(p.file)
	for len(p.spans) <= maxPacked {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return p.read(ctx)
		}
		if err != nil {
			return fmt.Errorf("%w: the file is no bundle, or was cut short", store.ErrInvalid)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		offset, err := p.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		p.spans[header.Name] = store.Span{Offset: offset, Size: header.Size}
	}
	return fmt.Errorf("%w: the bundle has more than %d files", store.ErrInvalid, maxPacked)
}

// read reads the table of contents.
func (p *Pack) read(ctx context.Context) error {
	span, found := p.spans[oci.ImageIndexFile]
	if !found || span.Size > maxLayoutIndex {
		return fmt.Errorf("%w: the file is no bundle: it has no %s", store.ErrInvalid, oci.ImageIndexFile)
	}
	raw, err := io.ReadAll(io.NewSectionReader(p.file, span.Offset, span.Size))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &p.layout); err != nil {
		return fmt.Errorf("%w: %s cannot be read", store.ErrInvalid, oci.ImageIndexFile)
	}
	p.upstream, err = p.layers(ctx, upstreamTag)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// layers gives the files of the artefact with a tag.
func (p *Pack) layers(ctx context.Context, tag string) (map[string]store.Blob, error) {
	for _, d := range p.layout.Manifests {
		if d.Annotations[oci.AnnotationRefName] == tag {
			raw, err := readBlob(ctx, p, store.Blob{Digest: store.Digest(d.Digest), Size: d.Size}, maxLayoutIndex)
			if err != nil {
				return nil, err
			}
			return layerFiles(raw)
		}
	}
	return nil, fmt.Errorf("%w: %s in %s", store.ErrNotFound, tag, p.path)
}

// String implements Place: a bundle goes by the place of which it is a part.
func (p *Pack) String() string {
	if origin := p.layout.Annotations[originKey]; origin != "" && len(origin) < 1000 && !strings.ContainsFunc(origin, unprintable) {
		return origin
	}
	return "bundle " + filepath.Base(p.path)
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Local implements Place.
func (p *Pack) Local() bool { return true }

// Blobs implements Place.
func (p *Pack) Blobs() store.Fetcher { return p }

// Index implements Place.
func (p *Pack) Index(ctx context.Context) (index, signature []byte, err error) {
	files, err := p.layers(ctx, IndexTag)
	if err != nil {
		return nil, nil, err
	}
	return indexOf(ctx, p, files)
}

// indexOf reads the index and its signature, given the files of their artefact.
func indexOf(ctx context.Context, from store.Fetcher, files map[string]store.Blob) (index, signature []byte, err error) {
	if index, err = readBlob(ctx, from, files[IndexFile], manifest.MaxSize); err != nil {
		return nil, nil, err
	}
	signature, err = readBlob(ctx, from, files[IndexFile+manifest.SignatureSuffix], manifest.MaxSignature)
	return index, signature, unlessAbsent(err)
}

// Upstream implements Archive.
func (p *Pack) Upstream(address string) (store.Blob, bool) {
	blob, found := p.upstream[address]
	return blob, found
}

func (p *Pack) find(blob store.Blob) (store.Span, error) {
	if err := blob.Digest.Validate(); err != nil {
		return store.Span{}, err
	}
	span, found := p.spans[blobPath(blob.Digest)]
	if !found {
		return span, fmt.Errorf("%w: %s in %s", store.ErrNotFound, blob, p.path)
	}
	return span, nil
}

// Stat implements store.Stater.
func (p *Pack) Stat(_ context.Context, blob store.Blob) (store.Info, error) {
	span, err := p.find(blob)
	if err != nil {
		return store.Info{}, err
	}
	return store.Info{Size: span.Size, Digest: blob.Digest, Version: string(blob.Digest), Ranges: true, Source: p.path}, nil
}

// Fetch implements store.Fetcher.
func (p *Pack) Fetch(_ context.Context, blob store.Blob) (io.ReadCloser, error) {
	span, err := p.find(blob)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.NewSectionReader(p.file, span.Offset, span.Size)), nil
}

// FetchRange implements store.RangeFetcher.
func (p *Pack) FetchRange(_ context.Context, blob store.Blob, _ string, part store.Span) (io.ReadCloser, error) {
	span, err := p.find(blob)
	if err != nil {
		return nil, err
	}
	whole := io.NewSectionReader(p.file, span.Offset, span.Size)
	return io.NopCloser(io.NewSectionReader(whole, part.Offset, part.Size)), nil
}
