package zoo

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/zoo/encoding"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// TestRanges reads random ranges of what a checkpoint converts to, and of what an encoded file decodes to.
func TestRanges(t *testing.T) {
	t.Parallel()
	from, err := openCanonical(t.Context(), filepath.Join("..", "manifests", "embedded", "digits_p16_64.pdparams"), "", convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	whole := fetch(t, from)
	if int64(len(whole)) != from.size {
		t.Fatalf("%d bytes came, %d were announced", len(whole), from.size)
	}
	for name, source := range map[string]store.RangeFetcher{"conversion": from, "decoding": decodingOf(t, whole)} {
		if string(fetch(t, source)) != string(whole) {
			t.Errorf("%s: the whole file differs", name)
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			start := random.Int64N(from.size)
			span := store.Span{Offset: start, Size: 1 + random.Int64N(min(from.size-start, 100_000))}
			if string(fetchRange(t, source, span)) != string(whole[span.Offset:span.End()]) {
				t.Fatalf("%s: other bytes from %d to %d", name, span.Offset, span.End())
			}
		}
	}
}

// decodingOf encodes content in small chunks and returns the store that decodes it.
func decodingOf(t *testing.T, content []byte) decodedFile {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "coded"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, content, 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := os.Open(plain)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	regions, err := encoding.Safetensors(source, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	index, err := encoding.Encode(t.Context(), file, source, regions, encoding.Options{ChunkSize: 1 << 14})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := encoding.Open(file, index.CodedSize())
	if err != nil {
		t.Fatal(err)
	}
	return decodedFile{reader}
}

func fetch(t *testing.T, from store.Fetcher) []byte {
	t.Helper()
	body, err := from.Fetch(t.Context(), store.Blob{})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func fetchRange(t *testing.T, from store.RangeFetcher, span store.Span) []byte {
	t.Helper()
	body, err := from.FetchRange(t.Context(), store.Blob{}, "", span)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestRangesEnd closes and cancels streams early; goleak reports goroutines that keep running.
func TestRangesEnd(t *testing.T) {
	t.Parallel()
	from, err := openCanonical(t.Context(), filepath.Join("..", "manifests", "embedded", "digits_p16_64.pdparams"), "", convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	ctx, cancel := context.WithCancel(t.Context())
	body, err := from.Fetch(ctx, store.Blob{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, body, 10); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, body); err == nil {
		t.Error("a cancelled stream went on to its end")
	}
	body.Close()
}
