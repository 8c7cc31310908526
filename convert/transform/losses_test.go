package transform_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

// The values that torch makes of the float32 values in torchRounds say how many of them become infinite, zero or subnormal.
func TestCountLosses_AsTorchRounds(t *testing.T) {
	t.Parallel()
	var f32, f64 []byte
	want := map[tensor.DType]transform.Losses{}
	for _, v := range torchRounds {
		f32 = binary.LittleEndian.AppendUint32(f32, v.f32)
		value := math.Float32frombits(v.f32)
		f64 = binary.LittleEndian.AppendUint64(f64, math.Float64bits(float64(value)))
		for to, magnitude := range map[tensor.DType][3]uint16{tensor.F16: {v.f16 & 0x7fff, 0x0400, 0x7c00}, tensor.BF16: {v.bf16 & 0x7fff, 0x0080, 0x7f80}} {
			losses := want[to]
			switch {
			case magnitude[0] == magnitude[2] && !math.IsInf(float64(value), 0):
				losses.Infinite++
			case magnitude[0] == 0 && value != 0:
				losses.Zero++
			case magnitude[0] > 0 && magnitude[0] < magnitude[1]:
				losses.Faint++
			}
			want[to] = losses
		}
	}
	for from, raw := range map[tensor.DType][]byte{tensor.F32: f32, tensor.F64: f64} {
		v := tensor.View{DType: from, Shape: tensor.Shape{len(torchRounds)}, Data: tensor.Memory(raw)}
		for to, losses := range want {
			if losses.Infinite == 0 || losses.Zero == 0 || losses.Faint == 0 {
				t.Errorf("the values have nothing to lose: %+v", losses)
			}
			got, err := transform.CountLosses(t.Context(), v, to)
			if err != nil || got != losses {
				t.Errorf("%s to %s: %+v, %v, want %+v", from, to, got, err, losses)
			}
		}
	}
}

func TestCountLosses_EveryPair(t *testing.T) {
	t.Parallel()
	f64 := func(values ...float64) []byte {
		var raw []byte
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
		}
		return raw
	}
	f32 := func(values ...float64) []byte {
		var raw []byte
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
		}
		return raw
	}
	bits := func(values ...uint16) []byte {
		var raw []byte
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint16(raw, v)
		}
		return raw
	}
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		from, to tensor.DType
		raw      []byte
		want     transform.Losses
	}{
		{tensor.F64, tensor.F32, f64(1, 0, math.Copysign(0, -1), inf, nan, 1e39, -1e300, 1e-46, -1e-300, 1e-40), transform.Losses{Infinite: 2, Zero: 2, Faint: 1}},
		{tensor.F64, tensor.BF16, f64(1, 0, inf, nan, 3.4e38, 1e39, 1e-41, 1e-39), transform.Losses{Infinite: 2, Zero: 1, Faint: 1}},
		{tensor.F64, tensor.F16, f64(1, 0, -inf, nan, 65504, 65519.999, 65520, 1e-8, 1e-7), transform.Losses{Infinite: 1, Zero: 1, Faint: 1}},
		{tensor.F32, tensor.BF16, f32(1, 0, inf, nan, 3.4e38, -3.4e38, 1e-41), transform.Losses{Infinite: 2, Zero: 1}},
		{tensor.F32, tensor.F16, f32(1, 0, inf, nan, 7e4, -7e4, 1e-9, 2e-8), transform.Losses{Infinite: 2, Zero: 2}},
		{tensor.BF16, tensor.F16, bits(0x3f80, 0, 0x8000, 0x7f80, 0x7fc0, 0x7f00, 0x0080), transform.Losses{Infinite: 1, Zero: 1}},
		{tensor.F16, tensor.BF16, bits(0x3c00, 0, 0x7c00, 0x7e00, 0x7bff, 0x0001), transform.Losses{}},
		{tensor.F16, tensor.F32, bits(0x0001, 0x7bff), transform.Losses{}},
		{tensor.F32, tensor.F32, f32(inf, 1e-45), transform.Losses{}},
	} {
		v := tensor.View{DType: c.from, Shape: tensor.Shape{len(c.raw) / c.from.Size()}, Data: tensor.Memory(c.raw)}
		if got, err := transform.CountLosses(t.Context(), v, c.to); err != nil || got != c.want {
			t.Errorf("%s to %s: %+v, %v, want %+v", c.from, c.to, got, err, c.want)
		}
		// Pieces that end within an element, and more than one buffer of them.
		var many tensor.Joined
		for range 5000 {
			many = append(many, tensor.Memory(c.raw[:1]), tensor.Memory(c.raw[1:]))
		}
		got, err := transform.CountLosses(t.Context(), tensor.View{DType: c.from, Shape: tensor.Shape{5000 * v.Shape[0]}, Data: many}, c.to)
		want := transform.Losses{Infinite: 5000 * c.want.Infinite, Zero: 5000 * c.want.Zero, Faint: 5000 * c.want.Faint}
		if err != nil || got != want {
			t.Errorf("%s to %s in pieces: %+v, %v, want %+v", c.from, c.to, got, err, want)
		}
	}
}

func TestCountLosses_Errors(t *testing.T) {
	t.Parallel()
	short := tensor.View{DType: tensor.F32, Shape: tensor.Shape{1}, Data: tensor.Memory(make([]byte, 3))}
	if _, err := transform.CountLosses(t.Context(), short, tensor.F16); err == nil {
		t.Error("a tensor that ends within an element was counted")
	}
	if _, err := transform.CountLosses(t.Context(), tensor.View{DType: tensor.I64, Shape: tensor.Shape{1}, Data: tensor.Memory(make([]byte, 8))}, tensor.F16); err == nil {
		t.Error("integers were counted")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	whole := tensor.View{DType: tensor.F32, Shape: tensor.Shape{1}, Data: tensor.Memory(make([]byte, 4))}
	if _, err := transform.CountLosses(ctx, whole, tensor.F16); !errors.Is(err, why) {
		t.Errorf("after the end of the context: %v", err)
	}
}
