package encoding_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/encoding"
)

// lockedBuffer lets several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	*buffer
}

func (l *lockedBuffer) WriteAt(p []byte, at int64) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.WriteAt(p, at)
}

// resign corrects the digest of a changed head.
func resign(coded []byte) {
	regions, chunks := binary.LittleEndian.Uint32(coded[24:]), binary.LittleEndian.Uint32(coded[28:])
	end := 32 + 16*int(regions) + 72*int(chunks)
	if end+32 <= len(coded) {
		sum := sha256.Sum256(coded[:end])
		copy(coded[end:], sum[:])
	}
}

func TestDamage(t *testing.T) {
	raw := elements(20_000, 4, putF32)
	sound, table := encode(t, raw, []encoding.Region{{Size: 80_000, Width: 4, Rotation: 1}}, 1<<15)
	put32 := func(at int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], v); resign(b); return b }
	}
	put64 := func(at int, v uint64) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint64(b[at:], v); resign(b); return b }
	}
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; resign(b); return b }
	}
	first := int(table.Chunks[0].Coded.Offset)
	tests := []struct {
		name   string
		damage func([]byte) []byte
		want   error
	}{
		{"empty", func([]byte) []byte { return nil }, encoding.ErrMalformed},
		{"cut in the head", func(b []byte) []byte { return b[:100] }, encoding.ErrMalformed},
		{"cut in a chunk", func(b []byte) []byte { return b[:len(b)-1] }, encoding.ErrMalformed},
		{"longer", func(b []byte) []byte { return append(b, 0) }, encoding.ErrMalformed},
		{"mark", flip(0), encoding.ErrMalformed},
		{"version", put32(8, 2), encoding.ErrMalformed},
		{"chunk size 0", put32(12, 0), encoding.ErrMalformed},
		{"chunk size huge", put32(12, 1<<31), encoding.ErrMalformed},
		{"decoded size", put64(16, 1<<60), encoding.ErrMalformed},
		{"no regions", put32(24, 0), encoding.ErrMalformed},
		{"many regions", put32(24, 1<<31), encoding.ErrMalformed},
		{"many chunks", put32(28, 1<<31), encoding.ErrMalformed},
		{"region huge", put64(32, 1<<62), encoding.ErrMalformed},
		{"region negative", put64(32, 1<<63), encoding.ErrMalformed},
		{"width 3", func(b []byte) []byte { b[40] = 3; resign(b); return b }, encoding.ErrMalformed},
		{"rotation", func(b []byte) []byte { b[41] = 32; resign(b); return b }, encoding.ErrMalformed},
		{"other rotation", func(b []byte) []byte { b[41] = 2; resign(b); return b }, encoding.ErrDigestMismatch},
		{"reserved", flip(42), encoding.ErrMalformed},
		{"coded length", put32(48, 1), encoding.ErrMalformed},
		{"method", func(b []byte) []byte { b[52] = 9; resign(b); return b }, encoding.ErrMalformed},
		{"decoded digest", flip(48 + 40), encoding.ErrDigestMismatch},
		{"unsigned head", func(b []byte) []byte { b[16] ^= 1; return b }, encoding.ErrMalformed},
		{"first block's kind", flip(first), encoding.ErrDigestMismatch},
		{"first block's content", flip(first + 10), encoding.ErrDigestMismatch},
		{"last byte", flip(len(sound) - 1), encoding.ErrDigestMismatch},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := decode(test.damage(bytes.Clone(sound)))
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// TestDamageTellsWhere wants the error to name the chunk, and to say that its encoded bytes are wrong.
func TestDamageTellsWhere(t *testing.T) {
	t.Parallel()
	raw := elements(20_000, 4, putF32)
	coded, table := encode(t, raw, []encoding.Region{{Size: 80_000, Width: 4, Rotation: 1}}, 1<<15)
	coded[table.Chunks[1].Coded.Offset+100] ^= 4
	_, err := decode(coded)
	var wrong *encoding.DigestError
	if !errors.As(err, &wrong) || wrong.Chunk != 1 || !wrong.Coded {
		t.Errorf("got %v, want chunk 1, with wrong encoded bytes", err)
	}
}

func TestImpossibleRegions(t *testing.T) {
	tests := []struct {
		name    string
		regions []encoding.Region
	}{
		{"width 3", []encoding.Region{{Size: 3, Width: 3}}},
		{"no size", []encoding.Region{{Width: 1}}},
		{"negative size", []encoding.Region{{Size: -4, Width: 4}}},
		{"half an element", []encoding.Region{{Size: 6, Width: 4}}},
		{"rotation", []encoding.Region{{Size: 4, Width: 4, Rotation: 32}}},
		{"too long together", []encoding.Region{{Size: 1 << 62, Width: 4}, {Size: 1 << 62, Width: 4}, {Size: 1 << 62, Width: 4}}},
		{"too many chunks", []encoding.Region{{Size: 1 << 60, Width: 4}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := encoding.Encode(context.Background(), &buffer{}, bytes.NewReader(nil), test.regions, encoding.Options{})
			if !errors.Is(err, encoding.ErrRegions) {
				t.Errorf("got %v, want ErrRegions", err)
			}
		})
	}
}

// TestEncodeReportsReading makes the source end early.
func TestEncodeReportsReading(t *testing.T) {
	t.Parallel()
	short := bytes.NewReader(make([]byte, 100_000))
	_, err := encoding.Encode(context.Background(), &lockedBuffer{buffer: &buffer{}}, short, encoding.Raw(200_000), encoding.Options{ChunkSize: 1 << 14})
	if !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want io.EOF", err)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	raw := elements(50_000, 4, putF32)
	coded, _ := encode(t, raw, encoding.Raw(int64(len(raw))), 1<<14)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := encoding.Encode(ctx, &lockedBuffer{buffer: &buffer{}}, bytes.NewReader(raw), encoding.Raw(int64(len(raw))), encoding.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Encode: got %v, want context.Canceled", err)
	}
	reader, err := encoding.Open(bytes.NewReader(coded), int64(len(coded)))
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.Decode(ctx, &lockedBuffer{buffer: &buffer{}}, encoding.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Decode: got %v, want context.Canceled", err)
	}
}

// FuzzRoundTrip encodes any bytes as elements of any form, and decodes them again.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("weights"), uint8(0), uint8(0))
	f.Add(elements(3000, 4, putF32), uint8(2), uint8(1))
	f.Add(elements(3000, 2, putBF16), uint8(1), uint8(1))
	f.Add(make([]byte, 9000), uint8(3), uint8(63))
	f.Fuzz(func(t *testing.T, raw []byte, widthLog, rotation uint8) {
		width := 1 << (widthLog % 4)
		even := int64(len(raw) / width * width)
		var regions []encoding.Region
		if even > 0 {
			regions = append(regions, encoding.Region{Size: even, Width: width, Rotation: int(rotation) % (8 * width)})
		}
		if rest := int64(len(raw)) - even; rest > 0 {
			regions = append(regions, encoding.Region{Size: rest, Width: 1})
		}
		coded, _ := encode(t, raw, regions, encoding.MinChunkSize)
		back, err := decode(coded)
		if err != nil || !bytes.Equal(back, raw) {
			t.Fatalf("the decoded bytes differ, or %v", err)
		}
		if back, err = decodeByThePage(coded); err != nil || !bytes.Equal(back, raw) {
			t.Fatalf("the bytes of the decoder written from the page differ, or %v", err)
		}
	})
}

// FuzzDecode decodes hostile files, whose head gets a right digest so that decoding goes further. It wants an error, or bytes with the digests in the
// file, and never more chunks than the file has room to describe.
func FuzzDecode(f *testing.F) {
	raw := elements(3000, 4, putF32)
	coded, _ := encode(f, raw, []encoding.Region{{Size: 12_000, Width: 4, Rotation: 1}}, encoding.MinChunkSize)
	f.Add(coded)
	coded, _ = encode(f, make([]byte, 10_000), encoding.Raw(10_000), encoding.MinChunkSize)
	f.Add(coded)
	f.Fuzz(func(t *testing.T, coded []byte) {
		if len(coded) > 32 {
			resign(coded)
		}
		reader, err := encoding.Open(bytes.NewReader(coded), int64(len(coded)))
		if err != nil {
			if !errors.Is(err, encoding.ErrMalformed) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		table := reader.Table()
		if 72*len(table.Chunks) > len(coded) {
			t.Fatalf("%d chunks from %d bytes", len(table.Chunks), len(coded))
		}
		for i, chunk := range table.Chunks {
			raw := make([]byte, chunk.Decoded.Size)
			err := reader.DecodeChunk(i, raw)
			if err == nil && digest.FromBytes(raw) != chunk.Decoded.Digest {
				t.Fatal("wrong bytes passed as right")
			}
			if err != nil && !errors.Is(err, encoding.ErrMalformed) && !errors.Is(err, encoding.ErrDigestMismatch) {
				t.Fatalf("an error of no kind: %v", err)
			}
		}
	})
}
