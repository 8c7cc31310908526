package transform_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

// torchRounds holds float32 bits, and what torch 2.11.0 on a CPU makes of them with .half() and .bfloat16().
var torchRounds = []struct {
	f32       uint32
	f16, bf16 uint16
}{
	{0x00000000, 0x0000, 0x0000},
	{0x80000000, 0x8000, 0x8000},
	{0x3f800000, 0x3c00, 0x3f80},
	{0xbf800000, 0xbc00, 0xbf80},
	{0x3eaaaaab, 0x3555, 0x3eab},
	{0x3dcccccd, 0x2e66, 0x3dcd}, // a third, a tenth
	{0x477fe000, 0x7bff, 0x4780},
	{0x477feffd, 0x7bff, 0x4780},
	{0x477ff000, 0x7c00, 0x4780}, // around the largest half
	{0xc77ff000, 0xfc00, 0xc780},
	{0x477fff00, 0x7c00, 0x4780},
	{0x47c35000, 0x7c00, 0x47c3},
	{0x7f7f0000, 0x7c00, 0x7f7f},
	{0x7f7f8000, 0x7c00, 0x7f80},
	{0x7f7fffff, 0x7c00, 0x7f80}, // around the largest bfloat16
	{0x7f800000, 0x7c00, 0x7f80},
	{0xff800000, 0xfc00, 0xff80},
	{0x38800000, 0x0400, 0x3880},
	{0x387fc000, 0x03ff, 0x3880},
	{0x33800000, 0x0001, 0x3380}, // subnormal halves
	{0x33000000, 0x0000, 0x3300},
	{0x33000001, 0x0001, 0x3300},
	{0x33c00000, 0x0002, 0x33c0},
	{0x322bcc77, 0x0000, 0x322c},
	{0x00800000, 0x0000, 0x0080},
	{0x000116c2, 0x0000, 0x0001},
	{0x00010000, 0x0000, 0x0001}, // subnormal bfloat16
	{0x00008000, 0x0000, 0x0000},
	{0x0000803b, 0x0000, 0x0001},
	{0x00000001, 0x0000, 0x0000},
	{0x3f808000, 0x3c04, 0x3f80},
	{0x3f818000, 0x3c0c, 0x3f82},
	{0x3f801000, 0x3c00, 0x3f80},
	{0x3f803000, 0x3c02, 0x3f80}, // ties
	{0x45001000, 0x6800, 0x4500},
	{0x45003000, 0x6802, 0x4500},
	{0x43808000, 0x5c04, 0x4380},
	{0x43818000, 0x5c0c, 0x4382},
	{0x40490fdb, 0x4248, 0x4049},
}

func castBytes(t require, raw []byte, from, to tensor.DType) []byte {
	t.Helper()
	v := tensor.View{DType: from, Shape: tensor.Shape{len(raw) / from.Size()}, Data: tensor.Memory(raw)}
	cast, err := transform.Cast(v, to)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return read(t, cast)
}

func TestCastRoundsAsTorchDoes(t *testing.T) {
	t.Parallel()
	var f32, f16, bf16 []byte
	for _, v := range torchRounds {
		f32 = binary.LittleEndian.AppendUint32(f32, v.f32)
		f16 = binary.LittleEndian.AppendUint16(f16, v.f16)
		bf16 = binary.LittleEndian.AppendUint16(bf16, v.bf16)
	}
	f64 := castBytes(t, f32, tensor.F32, tensor.F64)
	for _, c := range []struct {
		name     string
		got, raw []byte
		want     []byte
	}{
		{"f32 to f16", castBytes(t, f32, tensor.F32, tensor.F16), f32, f16},
		{"f32 to bf16", castBytes(t, f32, tensor.F32, tensor.BF16), f32, bf16},
		{"f64 to f16", castBytes(t, f64, tensor.F64, tensor.F16), f64, f16},
		{"f64 to bf16", castBytes(t, f64, tensor.F64, tensor.BF16), f64, bf16},
		{"f64 to f32", castBytes(t, f64, tensor.F64, tensor.F32), f64, f32},
	} {
		for i := range torchRounds {
			width := len(c.want) / len(torchRounds)
			if got, want := c.got[i*width:(i+1)*width], c.want[i*width:(i+1)*width]; !bytes.Equal(got, want) {
				t.Errorf("%s: %08x becomes % x, in torch % x", c.name, torchRounds[i].f32, got, want)
			}
		}
	}
}

// every16 is every pattern of two bytes.
func every16() []byte {
	var all []byte
	for bits := range 1 << 16 {
		all = binary.LittleEndian.AppendUint16(all, uint16(bits))
	}
	return all
}

func TestEveryShortFloatSurvivesWidening(t *testing.T) {
	t.Parallel()
	for _, short := range []tensor.DType{tensor.F16, tensor.BF16} {
		for _, wide := range []tensor.DType{tensor.F32, tensor.F64} {
			all := every16()
			back := castBytes(t, castBytes(t, all, short, wide), wide, short)
			for bits := range 1 << 16 {
				got, want := binary.LittleEndian.Uint16(back[2*bits:]), uint16(bits)
				if isNaN16(want, short) {
					want |= quiet[short]
				}
				if got != want {
					t.Errorf("%s %04x through %s is %04x, want %04x", short, bits, wide, got, want)
				}
			}
		}
	}
}

var (
	infinity = map[tensor.DType]uint16{tensor.F16: 0x7c00, tensor.BF16: 0x7f80}
	quiet    = map[tensor.DType]uint16{tensor.F16: 0x0200, tensor.BF16: 0x0040}
)

func isNaN16(bits uint16, dtype tensor.DType) bool { return bits&0x7fff > infinity[dtype] }

// The point halfway between two neighbours is rounded to the even one; the float64 next to it on each side is rounded to that side.
func TestRoundingAtEveryBoundary(t *testing.T) {
	t.Parallel()
	for _, short := range []tensor.DType{tensor.F16, tensor.BF16} {
		values, err := tensor.Float64s(tensor.View{DType: short, Shape: tensor.Shape{1 << 16}, Data: tensor.Memory(every16())})
		if err != nil {
			t.Fatal(err)
		}
		var raw []byte
		var want []uint16
		add := func(f float64, bits uint16) {
			for sign := range uint16(2) {
				raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(f)|uint64(sign)<<63)
				want = append(want, bits|sign<<15)
			}
		}
		for bits := range infinity[short] {
			low, high := values[bits], values[bits+1]
			if math.IsInf(high, 1) {
				high = 2 * math.Ldexp(1, math.Ilogb(low))
			}
			middle := low + (high-low)/2
			add(middle, bits+bits&1)
			add(math.Nextafter(middle, 0), bits)
			add(math.Nextafter(middle, math.Inf(1)), bits+1)
		}
		got := castBytes(t, raw, tensor.F64, short)
		for i, bits := range want {
			if g := binary.LittleEndian.Uint16(got[2*i:]); g != bits {
				t.Fatalf("%s: %x rounds to %04x, want %04x", short, binary.LittleEndian.Uint64(raw[8*i:]), g, bits)
			}
		}
	}
}

func TestNaNStaysNaN(t *testing.T) {
	t.Parallel()
	for _, bits := range []uint32{0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff, 0x7f80ffff} {
		raw := binary.LittleEndian.AppendUint32(nil, bits)
		for _, to := range []tensor.DType{tensor.F16, tensor.BF16} {
			got := binary.LittleEndian.Uint16(castBytes(t, raw, tensor.F32, to))
			if !isNaN16(got, to) || got>>15 != uint16(bits>>31) || got&quiet[to] == 0 {
				t.Errorf("%08x as %s is %04x, want a quiet NaN of the same sign", bits, to, got)
			}
		}
	}
}

func TestCastStreamsAnyPieces(t *testing.T) {
	t.Parallel()
	raw := castBytes(t, every16(), tensor.BF16, tensor.F32)
	for _, size := range []int{1, 3, 4, 7, 1000, len(raw)} {
		v := tensor.View{DType: tensor.F32, Shape: tensor.Shape{len(raw) / 4}, Data: pieces{raw, size}}
		cast, err := transform.Cast(v, tensor.F16)
		if err != nil {
			t.Fatal(err)
		}
		read(t, cast)
	}
	cut := tensor.View{DType: tensor.F32, Shape: tensor.Shape{2}, Data: pieces{raw[:7], 3}}
	cast, _ := transform.Cast(cut, tensor.F16)
	if _, err := cast.Data.WriteTo(io.Discard); err == nil {
		t.Error("half an element at the end is not an error")
	}
}

// pieces writes raw in pieces of that many bytes.
type pieces struct {
	raw  []byte
	size int
}

func (p pieces) Bytes() ([]byte, error) { return p.raw, nil }

func (p pieces) WriteTo(w io.Writer) (int64, error) {
	for at := 0; at < len(p.raw); at += p.size {
		if _, err := w.Write(p.raw[at:min(at+p.size, len(p.raw))]); err != nil {
			return 0, err
		}
	}
	return int64(len(p.raw)), nil
}

func TestCastRowsOfATranspose(t *testing.T) {
	t.Parallel()
	v := counted(4, 6, 9)
	turned, _ := transform.Transpose(v)
	cast, err := transform.Cast(turned, tensor.BF16)
	if err != nil {
		t.Fatal(err)
	}
	some, err := transform.Rows(cast, 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	if want := read(t, cast)[2*6*2 : 5*6*2]; !bytes.Equal(read(t, some), want) {
		t.Error("rows of a cast transpose are wrong")
	}
}

func TestCastRefusesIntegers(t *testing.T) {
	t.Parallel()
	for _, p := range [][2]tensor.DType{{tensor.I64, tensor.F32}, {tensor.F32, tensor.I32}, {tensor.C64, tensor.F32}} {
		if _, err := transform.Cast(tensor.View{DType: p[0], Shape: tensor.Shape{0}, Data: tensor.Memory{}}, p[1]); err == nil {
			t.Errorf("%s to %s was accepted", p[0], p[1])
		}
	}
}

func TestWidens(t *testing.T) {
	t.Parallel()
	floats := []tensor.DType{tensor.F16, tensor.BF16, tensor.F32, tensor.F64}
	want := map[[2]tensor.DType]bool{
		{tensor.F16, tensor.F32}: true, {tensor.F16, tensor.F64}: true, {tensor.BF16, tensor.F32}: true, {tensor.BF16, tensor.F64}: true,
		{tensor.F32, tensor.F64}: true,
	}
	for _, from := range floats {
		for _, to := range floats {
			if got := transform.Widens(from, to); got != (from == to || want[[2]tensor.DType{from, to}]) {
				t.Errorf("Widens(%s, %s) = %v", from, to, got)
			}
		}
	}
}

func BenchmarkCast(b *testing.B) {
	v := counted(4, 1024, 1024)
	raw := v.Data.(tensor.Memory)
	for i := 3; i < len(raw); i += 4 {
		raw[i] = 0x3c | raw[i]&0x80 // values near 0.01, as weights have
	}
	for _, to := range []tensor.DType{tensor.BF16, tensor.F16, tensor.F64} {
		b.Run(fmt.Sprint(to), func(b *testing.B) {
			cast, _ := transform.Cast(v, to)
			b.SetBytes(4 << 20)
			for b.Loop() {
				cast.Data.WriteTo(io.Discard)
			}
		})
	}
}
