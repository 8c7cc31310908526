package tensor_test

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/x448/float16"

	"github.com/beitzoo/beitzoo/tensor"
)

// every16 returns all patterns of 16 bits, in order.
func every16() []byte {
	raw := make([]byte, 0, 2<<16)
	for i := range 1 << 16 {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(i))
	}
	return raw
}

func TestDecode_EveryF16(t *testing.T) {
	t.Parallel()
	narrow, wide := make([]float32, 1<<16), make([]float64, 1<<16)
	if err := tensor.Decode(narrow, tensor.F16, every16()); err != nil {
		t.Fatal(err)
	}
	if err := tensor.Decode(wide, tensor.F16, every16()); err != nil {
		t.Fatal(err)
	}
	for i := range narrow {
		want := float16.Frombits(uint16(i)).Float32()
		if math.Float32bits(narrow[i]) != math.Float32bits(want) {
			t.Fatalf("half %#04x: bits %#08x, want %#08x", i, math.Float32bits(narrow[i]), math.Float32bits(want))
		}
		if math.Float64bits(wide[i]) != math.Float64bits(float64(want)) {
			t.Fatalf("half %#04x as float64: %g, want %g", i, wide[i], want)
		}
	}
}

func TestDecode_EveryBF16(t *testing.T) {
	t.Parallel()
	narrow, wide := make([]float32, 1<<16), make([]float64, 1<<16)
	if err := tensor.Decode(narrow, tensor.BF16, every16()); err != nil {
		t.Fatal(err)
	}
	if err := tensor.Decode(wide, tensor.BF16, every16()); err != nil {
		t.Fatal(err)
	}
	for i := range narrow {
		if math.Float32bits(narrow[i]) != uint32(i)<<16 {
			t.Fatalf("bfloat16 %#04x: bits %#08x", i, math.Float32bits(narrow[i]))
		}
		if same := wide[i] == float64(narrow[i]) || math.IsNaN(wide[i]) && narrow[i] != narrow[i]; !same {
			t.Fatalf("bfloat16 %#04x as float64: %g, want %g", i, wide[i], narrow[i])
		}
	}
}

// TestDecode_Known decodes bytes that PyTorch 2.11 wrote: torch.tensor(values, dtype=...).numpy().tobytes(), through view(torch.int16) if NumPy
// lacks the type.
func TestDecode_Known(t *testing.T) {
	t.Parallel()
	inf := math.Inf(1)
	tests := []struct {
		dtype tensor.DType
		raw   string
		want  []float64
	}{
		{tensor.F16, "003c00c00000008001000004ff7b007c00fc5535", []float64{1, -2, 0, math.Copysign(0, -1), 0x1p-24, 0x1p-14, 65504, inf, -inf, 0.333251953125}},
		{tensor.BF16, "803f00c00000008001008000" + "7f7f807f80ffab3e", []float64{1, -2, 0, math.Copysign(0, -1), 0x1p-133, 0x1p-126, 0x1.fep127, inf, -inf, 0.333984375}},
		{tensor.F32, "0000803fabaaaa3e01000000ffff7f7f000080ff", []float64{1, float64(float32(1) / 3), 0x1p-149, math.MaxFloat32, -inf}},
		{tensor.F64, "000000000000f03f555555555555d53f0100000000000000", []float64{1, 1.0 / 3, 0x1p-1074}},
		{tensor.I64, "ffffffffffffffff0000000000000080", []float64{-1, -0x1p63}},
		{tensor.U64, "ffffffffffffffff0100000000000000", []float64{0x1p64, 1}},
		{tensor.I32, "ffffffff00000080ffffff7f", []float64{-1, -0x1p31, 0x1p31 - 1}},
		{tensor.U32, "ffffffff01000000", []float64{0x1p32 - 1, 1}},
		{tensor.I16, "ffff0080ff7f", []float64{-1, -32768, 32767}},
		{tensor.U16, "ffff0100", []float64{65535, 1}},
		{tensor.I8, "ff807f", []float64{-1, -128, 127}},
		{tensor.U8, "ff8000", []float64{255, 128, 0}},
		{tensor.Bool, "000102ff", []float64{0, 1, 1, 1}},
	}
	for _, test := range tests {
		raw, err := hex.DecodeString(test.raw)
		if err != nil {
			t.Fatal(err)
		}
		view := tensor.View{DType: test.dtype, Shape: tensor.Shape{len(test.want)}, Data: tensor.Memory(raw)}
		wide, err := tensor.Float64s(view)
		if err != nil {
			t.Fatalf("%s: %v", test.dtype, err)
		}
		narrow, err := tensor.Float32s(view)
		if err != nil {
			t.Fatalf("%s: %v", test.dtype, err)
		}
		if diff := cmp.Diff(bits64(test.want), bits64(wide)); diff != "" {
			t.Errorf("%s as float64 (-want +got):\n%s", test.dtype, diff)
		}
		want := make([]float64, len(test.want))
		got := make([]float64, len(test.want))
		for i := range want {
			want[i], got[i] = float64(float32(test.want[i])), float64(narrow[i])
		}
		if diff := cmp.Diff(bits64(want), bits64(got)); diff != "" {
			t.Errorf("%s as float32 (-want +got):\n%s", test.dtype, diff)
		}
	}
}

// bits64 returns the bits of values, so that zeros of different signs differ.
func bits64(values []float64) []uint64 {
	bits := make([]uint64, len(values))
	for i, v := range values {
		bits[i] = math.Float64bits(v)
	}
	return bits
}

func TestDecode_KeepsNaNBits(t *testing.T) {
	t.Parallel()
	const signalling = 0x7f812345
	out := make([]float32, 1)
	if err := tensor.Decode(out, tensor.F32, binary.LittleEndian.AppendUint32(nil, signalling)); err != nil {
		t.Fatal(err)
	}
	if got := math.Float32bits(out[0]); got != signalling {
		t.Errorf("NaN %#x became %#x", signalling, got)
	}
}

func TestDecode_Errors(t *testing.T) {
	t.Parallel()
	out := make([]float32, 2)
	for _, d := range all {
		for _, n := range []int{2*d.size - 1, 2*d.size + 1} {
			if err := tensor.Decode(out, d.dtype, make([]byte, n)); err == nil {
				t.Errorf("%s: %d bytes for 2 elements are accepted", d.name, n)
			}
		}
	}
	for _, dtype := range []tensor.DType{tensor.Invalid, tensor.C64, tensor.C128, tensor.DType(77)} {
		if err := tensor.Decode(out, dtype, make([]byte, 2*dtype.Size())); err == nil {
			t.Errorf("%s elements are read as numbers", dtype)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	const n = 1 << 18
	for _, dtype := range []tensor.DType{tensor.F64, tensor.F32, tensor.F16, tensor.BF16, tensor.I64} {
		raw, narrow, wide := make([]byte, n*dtype.Size()), make([]float32, n), make([]float64, n)
		b.Run(dtype.String()+" to float32", func(b *testing.B) {
			b.SetBytes(4 * n)
			for b.Loop() {
				_ = tensor.Decode(narrow, dtype, raw)
			}
		})
		b.Run(dtype.String()+" to float64", func(b *testing.B) {
			b.SetBytes(8 * n)
			for b.Loop() {
				_ = tensor.Decode(wide, dtype, raw)
			}
		})
	}
}
