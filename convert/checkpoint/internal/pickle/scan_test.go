package pickle_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
)

func scan(t *testing.T, content []byte, offset int64) *pickle.Stream {
	t.Helper()
	stream, err := pickle.Scan(context.Background(), content, offset, pickle.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestScanLeavesPayloadsInTheFile(t *testing.T) {
	long := bytes.Repeat([]byte("abcd"), 64)
	w := picklegen.New(5).Op('(').Bytes(long[:255]).Bytes(long).Bytes8(long).ByteArray(long).Text(string(long)).String(long).Raw("\x8d").U64(256).Raw(string(long)).Op('t')
	content := w.Stop()
	stream := scan(t, content, 0)
	var kinds []pickle.Kind
	for _, blob := range stream.Blobs() {
		kinds = append(kinds, blob.Kind)
		if got := content[blob.Offset : blob.Offset+blob.Length]; !bytes.Equal(got, long) {
			t.Errorf("blob at %d is %q", blob.Offset, got)
		}
	}
	want := []pickle.Kind{pickle.KindBytes, pickle.KindBytes, pickle.KindByteArray, pickle.KindText, pickle.KindString, pickle.KindText}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	if len(stream.Code) > 310 {
		t.Errorf("the stream has %d bytes of %d", len(stream.Code), len(content))
	}
	if stream.End != int64(len(content)) || stream.Protocol != 5 || stream.Opcodes != 11 {
		t.Errorf("end %d, protocol %d, %d opcodes", stream.End, stream.Protocol, stream.Opcodes)
	}
}

func TestScanStopsAtStop(t *testing.T) {
	first := picklegen.New(2).Int(7).Stop()
	second := picklegen.New(4).Text("x").Stop()
	content := append(append(bytes.Clone(first), second...), "rest"...)
	if end := scan(t, content, 0).End; end != int64(len(first)) {
		t.Errorf("the first pickle ends at %d, want %d", end, len(first))
	}
	stream := scan(t, content, int64(len(first)))
	if want := int64(len(first) + len(second)); stream.End != want || stream.Protocol != 4 {
		t.Errorf("the second pickle ends at %d with protocol %d, want %d with 4", stream.End, stream.Protocol, want)
	}
}

func TestScanRefusesImpossibleOffsets(t *testing.T) {
	for _, offset := range []int64{-1, 3, 1 << 40} {
		if _, err := pickle.Scan(context.Background(), []byte("N."), offset, pickle.DefaultLimits); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("offset %d: %v", offset, err)
		}
	}
}

func TestScanLimits(t *testing.T) {
	marks := picklegen.New(2).Op('N').Repeat(1000, '(').Repeat(1000, '1').Stop()
	scan(t, marks, 0)
	tests := []struct {
		name    string
		content []byte
		change  func(*pickle.Limits)
	}{
		{"mark depth", marks, func(l *pickle.Limits) { l.MarkDepth = 999 }},
		{"opcodes", marks, func(l *pickle.Limits) { l.Opcodes = 2001 }},
		{"metadata", marks, func(l *pickle.Limits) { l.Metadata = 2000 }},
		{"memory", marks, func(l *pickle.Limits) { l.Memory = 1000 * 256 }},
		{"memo", picklegen.New(4).Op('N', 0x94, 0x94, 0x94).Stop(), func(l *pickle.Limits) { l.Memo = 2 }},
		{"memo index", picklegen.New(4).Op('N', 'q', 3).Stop(), func(l *pickle.Limits) { l.Memo = 2 }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			limits := pickle.DefaultLimits
			test.change(&limits)
			if _, err := pickle.Scan(context.Background(), test.content, 0, limits); !errors.Is(err, checkpoint.ErrUnsafe) {
				t.Errorf("got %v, want it to be unsafe", err)
			}
		})
	}
}

func TestScanEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := pickle.Scan(ctx, []byte("N."), 0, pickle.DefaultLimits); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestTruncationIsAlwaysNoticed cuts a file of about 1 KB at every offset.
func TestTruncationIsAlwaysNoticed(t *testing.T) {
	for protocol := 2; protocol <= 5; protocol++ {
		content := sample(protocol)
		if _, err := pickle.Load(context.Background(), content, 0, pickle.Options{}); err != nil {
			t.Fatalf("protocol %d: %v", protocol, err)
		}
		for n := range content {
			if _, err := pickle.Load(context.Background(), content[:n], 0, pickle.Options{}); !errors.Is(err, checkpoint.ErrMalformed) {
				t.Fatalf("protocol %d, first %d bytes: %v", protocol, n, err)
			}
		}
	}
}

// sample is a small state dict.
func sample(protocol int) []byte {
	return picklegen.New(protocol).Dict(func(w *picklegen.Writer) {
		w.Text("weight").Array(picklegen.Array{Code: "f4", Shape: []int{12, 12}, Data: bytes.Repeat([]byte{0, 0x80, 0x3f, 0xc0}, 144), Buffer: protocol == 5})
		w.Text("bias").Array(picklegen.Array{Code: "f4", Shape: []int{12}, Data: bytes.Repeat([]byte{1, 2, 3, 0xff}, 12)})
		w.Text("epoch").Int(300)
	}).Stop()
}
