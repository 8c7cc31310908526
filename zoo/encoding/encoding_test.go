package encoding_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/x448/float16"

	"github.com/beitzoo/beitzoo/zoo/encoding"
)

// buffer is a file in memory.
type buffer struct{ b []byte }

func (m *buffer) WriteAt(p []byte, at int64) (int, error) {
	if need := int(at) + len(p); need > len(m.b) {
		m.b = append(m.b, make([]byte, need-len(m.b))...)
	}
	return copy(m.b[at:], p), nil
}

// encode encodes raw and returns the encoded file.
func encode(t testing.TB, raw []byte, regions []encoding.Region, chunkSize int) ([]byte, *encoding.ChunkTable) {
	t.Helper()
	var coded buffer
	table, err := encoding.Encode(context.Background(), &lockedBuffer{buffer: &coded}, bytes.NewReader(raw), regions, encoding.Options{ChunkSize: chunkSize})
	if err != nil {
		t.Fatal(err)
	}
	return coded.b, table
}

// decode returns the decoded file.
func decode(coded []byte) ([]byte, error) {
	reader, err := encoding.Open(bytes.NewReader(coded), int64(len(coded)))
	if err != nil {
		return nil, err
	}
	var raw buffer
	err = reader.Decode(context.Background(), &lockedBuffer{buffer: &raw}, encoding.Options{})
	return raw.b, err
}

// decodeBytes returns the decoded file, without copying the encoded one.
func decodeBytes(coded []byte) ([]byte, error) {
	reader, err := encoding.OpenBytes(coded)
	if err != nil {
		return nil, err
	}
	raw := make(sink, reader.Table().DecodedSize())
	return raw, reader.Decode(context.Background(), raw, encoding.Options{})
}

// elements makes n elements of weights with the standard deviation that ViTs are initialised with.
func elements(n, width int, put func([]byte, float64)) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	raw := make([]byte, n*width)
	for i := range n {
		put(raw[i*width:], random.NormFloat64()*0.02)
	}
	return raw
}

func putF32(b []byte, v float64) { binary.LittleEndian.PutUint32(b, math.Float32bits(float32(v))) }
func putF64(b []byte, v float64) { binary.LittleEndian.PutUint64(b, math.Float64bits(v)) }
func putBF16(b []byte, v float64) {
	binary.LittleEndian.PutUint16(b, uint16(math.Float32bits(float32(v))>>16))
}

func putF16(b []byte, v float64) {
	binary.LittleEndian.PutUint16(b, uint16(float16.Fromfloat32(float32(v))))
}
func putI64(b []byte, v float64) { binary.LittleEndian.PutUint64(b, uint64(int64(v*1e6))) }

func TestRoundTrip(t *testing.T) {
	const n = 70_001 // more than one block, and a rest that is odd
	widened := elements(n, 4, func(b []byte, v float64) { b[0], b[1] = 0, 0; putBF16(b[2:], v) })
	tests := []struct {
		name    string
		raw     []byte
		regions []encoding.Region
		// atMost is the largest size that the coded file may have, as a share of the raw one.
		atMost float64
	}{
		{"empty", nil, nil, math.Inf(1)},
		{"one byte", []byte{7}, encoding.Raw(1), math.Inf(1)},
		{"float32", elements(n, 4, putF32), []encoding.Region{{Size: 4 * n, Width: 4, Rotation: 1}}, 0.835},
		{"float32 as integers", elements(n, 4, putF32), []encoding.Region{{Size: 4 * n, Width: 4}}, 0.845},
		{"bfloat16", elements(n, 2, putBF16), []encoding.Region{{Size: 2 * n, Width: 2, Rotation: 1}}, 0.67},
		{"float16", elements(n, 2, putF16), []encoding.Region{{Size: 2 * n, Width: 2, Rotation: 1}}, 0.89},
		{"float64", elements(n, 8, putF64), []encoding.Region{{Size: 8 * n, Width: 8, Rotation: 1}}, 0.92},
		{"int64", elements(n, 8, putI64), []encoding.Region{{Size: 8 * n, Width: 8}}, 0.5},
		{"float32 that was bfloat16", widened, []encoding.Region{{Size: 4 * n, Width: 4, Rotation: 1}}, 0.34},
		{"zeros", make([]byte, 4*n), []encoding.Region{{Size: 4 * n, Width: 4, Rotation: 1}}, 0.001},
		{"rotated bytes", elements(n, 4, putF32), []encoding.Region{{Size: 4 * n, Width: 1, Rotation: 3}}, 1.01},
		{"several regions", elements(n, 4, putF32), []encoding.Region{
			{Size: 5, Width: 1}, {Size: 200_000, Width: 4, Rotation: 1}, {Size: 4*n - 200_007, Width: 1}, {Size: 2, Width: 2},
		}, 1.01},
	}
	for _, test := range tests {
		for _, chunkSize := range []int{encoding.MinChunkSize, 1 << 18, 0} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				coded, table := encode(t, test.raw, test.regions, chunkSize)
				if share := float64(len(coded)) / float64(len(test.raw)); chunkSize != encoding.MinChunkSize && share > test.atMost {
					t.Errorf("encoded to %.4f of the size, want at most %v", share, test.atMost)
				}
				if table.CodedSize() != int64(len(coded)) || table.DecodedSize() != int64(len(test.raw)) {
					t.Errorf("the table says %d and %d bytes, there are %d and %d", table.CodedSize(), table.DecodedSize(), len(coded), len(test.raw))
				}
				raw, err := decode(coded)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(raw, test.raw) {
					t.Error("the decoded bytes differ")
				}
				if raw, err = decodeBytes(coded); err != nil || !bytes.Equal(raw, test.raw) {
					t.Errorf("the bytes decoded from memory differ, or %v", err)
				}
				if chunkSize == encoding.MinChunkSize {
					return // hundreds of chunks would only take the slow decoder's time
				}
				independent, err := decodeByThePage(coded)
				if err != nil {
					t.Fatalf("decoder written from the page: %v", err)
				}
				if !bytes.Equal(independent, test.raw) {
					t.Error("the bytes of the decoder written from the page differ")
				}
			})
		}
	}
}

func TestEncodeIsReproducible(t *testing.T) {
	t.Parallel()
	raw := elements(50_000, 4, putF32)
	regions := []encoding.Region{{Size: int64(len(raw)), Width: 4, Rotation: 1}}
	first, table := encode(t, raw, regions, 1<<14)
	second, _ := encode(t, raw, regions, 1<<14)
	if !bytes.Equal(first, second) {
		t.Error("encoding twice makes different bytes")
	}
	reader, err := encoding.Open(bytes.NewReader(first), int64(len(first)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(table, reader.Table(), cmp.AllowUnexported(encoding.Chunk{})); diff != "" {
		t.Errorf("the table that Encode returns is not the one in the file (-returned +read):\n%s", diff)
	}
}

func TestReadAt(t *testing.T) {
	t.Parallel()
	raw := elements(20_000, 4, putF32)
	coded, _ := encode(t, raw, []encoding.Region{{Size: int64(len(raw)), Width: 4, Rotation: 1}}, 1<<13)
	reader, err := encoding.Open(bytes.NewReader(coded), int64(len(coded)))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name         string
		offset, size int64
		want         int
	}{
		{"start", 0, 10, 10},
		{"across chunks", 8000, 20_000, 20_000},
		{"last byte", 79_999, 1, 1},
		{"beyond the end", 79_990, 20, 10},
		{"at the end", 80_000, 1, 0},
		{"far beyond", 1 << 40, 1, 0},
		{"all", 0, 80_000, 80_000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := make([]byte, test.size)
			n, err := reader.ReadAt(got, test.offset)
			if n != test.want || (err == nil) != (int64(n) == test.size) {
				t.Fatalf("read %d bytes and %v, want %d", n, err, test.want)
			}
			if n > 0 && !bytes.Equal(got[:n], raw[test.offset:test.offset+int64(n)]) {
				t.Error("other bytes")
			}
		})
	}
}

func TestSafetensorsOfDigits(t *testing.T) {
	t.Parallel()
	raw := digits(t)
	regions, err := encoding.Safetensors(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	header := 8 + int64(binary.LittleEndian.Uint64(raw))
	want := []encoding.Region{{Size: header, Width: 1}, {Size: int64(len(raw)) - header, Width: 4, Rotation: 1}}
	if diff := cmp.Diff(want, regions); diff != "" {
		t.Fatalf("regions (-want +got):\n%s", diff)
	}
	coded, _ := encode(t, raw, regions, 0)
	if share := float64(len(coded)) / float64(len(raw)); share > 0.85 {
		t.Errorf("trained weights are encoded to %.4f of their size, want at most 0.85", share)
	}
	if back, err := decode(coded); err != nil || !bytes.Equal(back, raw) {
		t.Errorf("the decoded bytes differ, or %v", err)
	}
}

func TestSafetensorsOfOddFiles(t *testing.T) {
	t.Parallel()
	file := func(header string, data int) []byte {
		raw := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		return append(append(raw, header...), make([]byte, data)...)
	}
	mixed := `{"a":{"dtype":"F32","data_offsets":[0,8]},"b":{"dtype":"BF16","data_offsets":[10,14]},"c":{"dtype":"I64","data_offsets":[14,22]}}`
	overlap := `{"a":{"dtype":"F32","data_offsets":[0,8]},"b":{"dtype":"BF16","data_offsets":[4,12]}}`
	wrong := `{"a":{"dtype":"F33","data_offsets":[0,8]},"b":{"dtype":"F32","data_offsets":[8,11]},"c":{"dtype":"F32","data_offsets":[8,4000]}}`
	tests := []struct {
		name string
		raw  []byte
		want []encoding.Region
	}{
		{"empty", nil, nil},
		{"too short", []byte("abc"), encoding.Raw(3)},
		{"header longer than the file", file("{}", 0)[:9], encoding.Raw(9)},
		{"not JSON", file("{{", 4), encoding.Raw(14)},
		{"absurd length", bytes.Repeat([]byte{0xff}, 30), encoding.Raw(30)},
		{"several dtypes and a gap", file(mixed, 22), []encoding.Region{
			{Size: int64(8 + len(mixed)), Width: 1},
			{Size: 8, Width: 4, Rotation: 1},
			{Size: 2, Width: 1},
			{Size: 4, Width: 2, Rotation: 1},
			{Size: 8, Width: 8},
		}},
		{"overlap", file(overlap, 12), []encoding.Region{
			{Size: int64(8 + len(overlap)), Width: 1}, {Size: 8, Width: 4, Rotation: 1}, {Size: 4, Width: 1},
		}},
		{"impossible entries", file(wrong, 16), encoding.Raw(int64(8 + len(wrong) + 16))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := encoding.Safetensors(bytes.NewReader(test.raw), int64(len(test.raw)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("regions (-want +got):\n%s", diff)
			}
		})
	}
}

// digits returns the trained weights among the test data.
func digits(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "testdata", "digits", "digits_p16_64.timm.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
