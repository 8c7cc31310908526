package paddle_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
	"github.com/beitzoo/beitzoo/tensor"
)

// large makes a file of 415 tensors, as many as beit_large_p16_512 has with its index buffers. With width 1024 it has 1.4 GB. The elements
// are zeros that are never read.
func large(tb testing.TB, width int) []byte {
	var tensors []tensor.Named
	add := func(dtype tensor.DType, shape ...int) {
		tensors = append(tensors, tensor.Named{Name: fmt.Sprintf("backbone.parameter_%d", len(tensors)), View: tensor.View{DType: dtype, Shape: shape}})
	}
	for range 24 {
		add(tensor.F32, width, 3*width)
		add(tensor.F32, width, width)
		add(tensor.F32, width, 4*width)
		add(tensor.F32, 4*width, width)
		add(tensor.F32, 3972, 16)
		for range 11 {
			add(tensor.F32, width)
		}
		add(tensor.I64, width+1, width+1)
	}
	for range 7 {
		add(tensor.F32, 1000, width)
	}
	parts, err := paddle.Layout(tensors)
	if err != nil {
		tb.Fatal(err)
	}
	size := int64(0)
	for _, part := range parts {
		size += part.Size
	}
	content, at := make([]byte, size), int64(0)
	for _, part := range parts {
		if part.Fill != nil {
			copy(content[at:], part.Fill(nil))
		}
		at += part.Size
	}
	return content
}

func BenchmarkOpen(b *testing.B) {
	content := large(b, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := read(content, checkpoint.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(content)), "file-bytes")
}

func TestOpenTakesLittleMemory(t *testing.T) {
	content := large(t, 64)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	opened, err := read(content, checkpoint.Options{})
	runtime.ReadMemStats(&after)
	if err != nil || len(opened.Tensors) != 415 {
		t.Fatal(err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("opening 415 tensors in %d bytes allocates %d bytes", len(content), used)
	}
}
