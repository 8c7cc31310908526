package zoo

import (
	"context"
	"io"
	"os"

	"github.com/beitzoo/beitzoo/zoo/encoding"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// decode writes the safetensors file of an encoded blob to the cache, and removes the encoded file.
func (p *pull) decode(ctx context.Context, blob *manifest.Blob, coded store.Blob) (store.Blob, error) {
	path, err := p.zoo.options.Cache.Path(coded.Digest)
	if err != nil {
		return store.Blob{}, err
	}
	file, err := os.Open(path)
	if err != nil {
		return store.Blob{}, err
	}
	defer file.Close()
	reader, err := encoding.Open(file, coded.Size)
	if err != nil {
		return store.Blob{}, err
	}
	want := place.ContentBlob(blob.Weights(), p.match.Reference().String())
	decoded, err := store.Copy(ctx, decodedFile{reader}, p.zoo.options.Cache, want, p.copyOptions(Decoding))
	if err != nil {
		return store.Blob{}, err
	}
	return decoded, p.zoo.options.Cache.Remove(coded.Digest)
}

// decodedFile is a store of one file: what an encoded file decodes to.
type decodedFile struct{ *encoding.Reader }

var _ store.RangeFetcher = decodedFile{}

// Stat implements store.Stater.
func (d decodedFile) Stat(_ context.Context, blob store.Blob) (store.Info, error) {
	return store.Info{Size: d.Table().DecodedSize(), Version: string(blob.Digest), Ranges: true, Source: "decoding"}, nil
}

// Fetch implements store.Fetcher.
func (d decodedFile) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	return d.FetchRange(ctx, blob, "", store.Span{Size: d.Table().DecodedSize()})
}

// FetchRange implements store.RangeFetcher. It decodes the chunks of the range.
func (d decodedFile) FetchRange(ctx context.Context, _ store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	reader, writer := io.Pipe()
	go func() {
		w := &window{ctx: ctx, to: writer, left: span.Size}
		writer.CloseWithError(d.write(w, span))
	}()
	return reader, nil
}

func (d decodedFile) write(w *window, span store.Span) error {
	var plain []byte
	for i, chunk := range d.Table().Chunks {
		if chunk.Decoded.Offset+chunk.Decoded.Size <= span.Offset || chunk.Decoded.Offset >= span.End() {
			continue
		}
		if int64(cap(plain)) < chunk.Decoded.Size {
			plain = make([]byte, chunk.Decoded.Size)
		}
		plain = plain[:chunk.Decoded.Size]
		if err := d.DecodeChunk(i, plain); err != nil {
			return err
		}
		_, err := w.Write(plain[max(0, span.Offset-chunk.Decoded.Offset):])
		if err != nil && err != errFull { //nolint:errorlint // our own value, never wrapped
			return err
		}
	}
	return nil
}
