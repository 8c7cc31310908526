package pickle_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
)

// latin1Text returns raw as UTF-8, encoded by the standard library.
func latin1Text(raw []byte) []byte {
	text := []byte{}
	for _, b := range raw {
		text = utf8.AppendRune(text, rune(b))
	}
	return text
}

func TestLatin1DecodesEveryByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOf(rapid.Byte()).Draw(t, "raw")
		data := pickle.Latin1{Text: latin1Text(raw), Size: int64(len(raw))}
		got, err := data.Bytes()
		if err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("got %x, %v", got, err)
		}
	})
}

func TestLatin1WritesInPieces(t *testing.T) {
	raw := make([]byte, 1<<20+17)
	for i := range raw {
		raw[i] = byte(i * i >> 3)
	}
	data := pickle.Latin1{Text: latin1Text(raw), Size: int64(len(raw))}
	var written bytes.Buffer
	if n, err := data.WriteTo(&written); err != nil || n != data.Size || !bytes.Equal(written.Bytes(), raw) {
		t.Errorf("%d bytes, %v", n, err)
	}
	for _, size := range []int64{data.Size - 1, data.Size + 1} {
		if _, err := (pickle.Latin1{Text: data.Text, Size: size}).WriteTo(io.Discard); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

// TestLatin1AcceptsNothingElse compares with the standard library on texts of three random bytes, most of them at the limits of what is valid.
func TestLatin1AcceptsNothingElse(t *testing.T) {
	borders := []byte{0, 'a', 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xe2, 0xff}
	for _, a := range borders {
		for _, b := range borders {
			for _, c := range borders {
				text := []byte{a, b, c}
				want, valid := []byte{}, utf8.Valid(text)
				for _, r := range string(text) {
					valid = valid && r <= 0xff
					want = append(want, byte(r))
				}
				got, err := pickle.Latin1{Text: text, Size: int64(len(want))}.Bytes()
				if valid != (err == nil) || valid && !bytes.Equal(got, want) {
					t.Errorf("%x: got %x, %v; want %x, valid %t", text, got, err, want, valid)
				}
			}
		}
	}
}

func BenchmarkLatin1(b *testing.B) {
	raw := make([]byte, 4<<20)
	state := uint32(1)
	for i := range raw {
		state = state*1664525 + 1013904223
		raw[i] = byte(state >> 24)
	}
	data := pickle.Latin1{Text: latin1Text(raw), Size: int64(len(raw))}
	b.SetBytes(data.Size)
	for b.Loop() {
		if _, err := data.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
