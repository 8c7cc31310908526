package transform

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/beitzoo/beitzoo/tensor"
)

// Losses counts the elements of a tensor that a cast does more to than rounding.
type Losses struct {
	// Infinite were finite and became infinite, Zero were not zero and became zero, and NaN were numbers and became NaN.
	Infinite int64 `json:"infinite,omitempty"`
	Zero     int64 `json:"zero,omitempty"`
	NaN      int64 `json:"nan,omitempty"`
	// Faint became subnormal: they are held with fewer digits than others.
	Faint int64 `json:"faint,omitempty"`
}

// Lost returns the number of elements whose value is gone: all but the faint ones.
func (l Losses) Lost() int64 { return l.Infinite + l.Zero + l.NaN }

// CountLosses casts all elements of v, as [Cast] does, and counts what is lost. It reads nothing if the cast only widens. The error is that of Cast or of
// reading, or the cause for which ctx has ended.
func CountLosses(ctx context.Context, v tensor.View, to tensor.DType) (Losses, error) {
	if Widens(v.DType, to) {
		return Losses{}, nil
	}
	convert, ok := conversions[pair{v.DType, to}]
	if !ok {
		return Losses{}, fmt.Errorf("cannot cast %s to %s: only float types can be cast", v.DType, to)
	}
	w := &lossWriter{ctx: ctx, convert: convert, from: v.DType, to: to, buffer: make([]byte, lossPiece*to.Size())}
	if _, err := v.Data.WriteTo(w); err != nil {
		return Losses{}, err
	}
	if len(w.rest) > 0 {
		return Losses{}, io.ErrUnexpectedEOF
	}
	return w.losses, nil
}

// lossPiece is how many elements are cast at a time.
const lossPiece = 16 << 10

// lossWriter casts what is written to it. Pieces need not end at an element.
type lossWriter struct {
	ctx      context.Context //nolint:containedctx // a writer for one call
	convert  conversion
	from, to tensor.DType
	rest     []byte
	buffer   []byte
	losses   Losses
}

func (w *lossWriter) Write(p []byte) (int, error) {
	raw := p
	if len(w.rest) > 0 {
		raw = append(w.rest, p...)
	}
	size := w.from.Size()
	for len(raw) >= size {
		if w.ctx.Err() != nil {
			return 0, context.Cause(w.ctx)
		}
		count := min(len(raw)/size, lossPiece)
		cast := w.buffer[:count*w.to.Size()]
		w.convert(cast, raw)
		w.count(cast, raw)
		raw = raw[count*size:]
	}
	w.rest = bytes.Clone(raw)
	return len(p), nil
}

// limits are the bits without sign of the smallest normal value and of infinity.
var limits = map[tensor.DType]struct{ normal, infinity uint32 }{
	tensor.F32: {0x00800000, 0x7f800000}, tensor.BF16: {0x0080, 0x7f80}, tensor.F16: {0x0400, 0x7c00},
}

// count looks at every element of cast, and at those of raw that became special.
func (w *lossWriter) count(cast, raw []byte) {
	limit := limits[w.to]
	if w.to == tensor.F32 {
		for i := 0; len(cast) >= 4; i, cast = i+1, cast[4:] {
			if magnitude := binary.LittleEndian.Uint32(cast) &^ (1 << 31); magnitude-limit.normal >= limit.infinity-limit.normal {
				w.note(magnitude, limit.infinity, raw, i)
			}
		}
		return
	}
	for i := 0; len(cast) >= 2; i, cast = i+1, cast[2:] {
		if magnitude := uint32(binary.LittleEndian.Uint16(cast)) &^ (1 << 15); magnitude-limit.normal >= limit.infinity-limit.normal {
			w.note(magnitude, limit.infinity, raw, i)
		}
	}
}

// note counts element i, which became zero, subnormal, infinite or NaN.
func (w *lossWriter) note(magnitude, infinity uint32, raw []byte, i int) {
	var one [1]float64
	size := w.from.Size()
	if tensor.Decode(one[:], w.from, raw[i*size:(i+1)*size]) != nil {
		return // only float types get here, which can all be decoded
	}
	switch before := one[0]; {
	case magnitude > infinity && !math.IsNaN(before):
		w.losses.NaN++
	case magnitude == infinity && !math.IsInf(before, 0):
		w.losses.Infinite++
	case magnitude == 0 && before != 0:
		w.losses.Zero++
	case magnitude > 0 && magnitude < infinity:
		w.losses.Faint++
	}
}
