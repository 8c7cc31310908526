package encoding_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/beitzoo/beitzoo/zoo/encoding"
)

// sink is a file of fixed size in memory, to which several goroutines may write.
type sink []byte

func (s sink) WriteAt(p []byte, at int64) (int, error) { return copy(s[at:], p), nil }

// BenchmarkCoding compares this package with zstd at level 3, both on one core, on trained weights and on float32 normal weights of standard deviation
// 0.02.
func BenchmarkCoding(b *testing.B) {
	trained := digits(b)
	regions, err := encoding.Safetensors(bytes.NewReader(trained), int64(len(trained)))
	if err != nil {
		b.Fatal(err)
	}
	normal := elements(8<<20, 4, putF32)
	tests := []struct {
		name    string
		raw     []byte
		regions []encoding.Region
	}{
		{"digits", trained, regions},
		{"normal", normal, []encoding.Region{{Size: int64(len(normal)), Width: 4, Rotation: 1}}},
	}
	one := encoding.Options{Workers: 1}
	unchecked := encoding.Options{Workers: 1, SkipDigests: true}
	ctx := context.Background()
	for _, test := range tests {
		coded, _ := encode(b, test.raw, test.regions, 0)
		ratio := float64(len(coded)) / float64(len(test.raw))
		b.Run(test.name+"/encode", func(b *testing.B) {
			out := make(sink, len(test.raw)+1<<16)
			measure(b, test.raw, ratio, func() error {
				_, err := encoding.Encode(ctx, out, bytes.NewReader(test.raw), test.regions, one)
				return err
			})
		})
		for name, options := range map[string]encoding.Options{"decode": unchecked, "decode+sha256": one} {
			b.Run(test.name+"/"+name, func(b *testing.B) {
				out := make(sink, len(test.raw))
				measure(b, test.raw, ratio, func() error {
					reader, err := encoding.OpenBytes(coded)
					if err != nil {
						return err
					}
					return reader.Decode(ctx, out, options)
				})
			})
		}
		benchmarkZstd(b, test.name, test.raw)
	}
}

func benchmarkZstd(b *testing.B, name string, raw []byte) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(3)), zstd.WithEncoderConcurrency(1))
	if err != nil {
		b.Fatal(err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		b.Fatal(err)
	}
	defer decoder.Close()
	coded := encoder.EncodeAll(raw, nil)
	ratio := float64(len(coded)) / float64(len(raw))
	var out []byte
	b.Run(name+"/zstd-3-encode", func(b *testing.B) {
		measure(b, raw, ratio, func() error { out = encoder.EncodeAll(raw, out[:0]); return nil })
	})
	b.Run(name+"/zstd-3-decode", func(b *testing.B) {
		measure(b, raw, ratio, func() (err error) { out, err = decoder.DecodeAll(coded, out[:0]); return err })
	})
}

// measure reports decoded bytes a second, and the ratio of the coded size to the decoded size.
func measure(b *testing.B, raw []byte, ratio float64, work func() error) {
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if err := work(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(ratio, "ratio")
}
