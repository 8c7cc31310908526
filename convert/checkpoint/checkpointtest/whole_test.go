package checkpointtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/checkpointtest"
	"github.com/beitzoo/beitzoo/tensor"
)

// odd is Data whose Bytes and WriteTo deliver different bytes.
type odd struct{ bytes, written string }

func (o odd) Bytes() ([]byte, error) { return []byte(o.bytes), nil }

func (o odd) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, o.written)
	return int64(n), err
}

// failing is Data whose Bytes, WriteTo or both fail.
type failing struct{ read, write error }

func (f failing) Bytes() ([]byte, error) { return []byte("1234"), f.read }

func (f failing) WriteTo(w io.Writer) (int64, error) {
	n, _ := io.WriteString(w, "1234")
	return int64(n), f.write
}

// TestWholeNoticesBrokenReaders makes sure that Whole finds the mistakes that it looks for.
func TestWholeNoticesBrokenReaders(t *testing.T) {
	t.Parallel()
	damaged := checkpoint.Malformed("damaged")
	of := func(data ...tensor.Data) func() (*checkpoint.Checkpoint, error) {
		opened := &checkpoint.Checkpoint{}
		for i, d := range data {
			opened.Tensors = append(opened.Tensors, tensor.Named{
				Name: fmt.Sprint(i), View: tensor.View{DType: tensor.U8, Shape: tensor.Shape{4}, Data: d},
			})
		}
		return func() (*checkpoint.Checkpoint, error) { return opened, nil }
	}
	refusing := func(err error) func() (*checkpoint.Checkpoint, error) {
		return func() (*checkpoint.Checkpoint, error) { return nil, err }
	}
	named := func(names ...string) func() (*checkpoint.Checkpoint, error) {
		opened, _ := of(make([]tensor.Data, len(names))...)()
		for i := range names {
			opened.Tensors[i].Name, opened.Tensors[i].Data = names[i], tensor.Memory("1234")
		}
		return func() (*checkpoint.Checkpoint, error) { return opened, nil }
	}
	tests := map[string]struct {
		read func() (*checkpoint.Checkpoint, error)
		says string // empty if the reader is sound
	}{
		"sound":               {of(tensor.Memory("1234"), tensor.Memory("5678")), ""},
		"refuses":             {refusing(damaged), ""},
		"refuses a tensor":    {of(failing{damaged, damaged}), ""},
		"short":               {of(tensor.Memory("123")), "3 bytes"},
		"long":                {of(tensor.Memory("12345")), "5 bytes"},
		"writes less":         {of(odd{"1234", "123"}), "3 of them written"},
		"writes other bytes":  {of(odd{"1234", "1243"}), "the same: false"},
		"fails in one way":    {of(failing{damaged, nil}), "at once"},
		"fails in the other":  {of(failing{nil, damaged}), "in pieces"},
		"fails improperly":    {of(failing{io.EOF, io.EOF}), "not a checkpoint.Error"},
		"an error of another": {refusing(io.EOF), "not a checkpoint.Error"},
		"an unknown kind":     {refusing(checkpoint.Errorf(io.EOF, "x")), "unknown kind"},
		"an escape in a text": {refusing(checkpoint.Unsafe("\x1b[2J")), "cannot be printed"},
		"an escape in a hint": {refusing(checkpoint.Unsafe("x").WithHint("\a")), "cannot be printed"},
		"an endless text":     {refusing(checkpoint.Unsafe("%s", strings.Repeat("x", 10_000))), "cannot be printed"},
		"both":                {func() (*checkpoint.Checkpoint, error) { return &checkpoint.Checkpoint{}, damaged }, "both"},
		"panics":              {func() (*checkpoint.Checkpoint, error) { panic("oh") }, "panic: oh"},
		"the same name":       {named("a", "a"), "comes twice"},
		"a name not UTF-8":    {named("\xff"), "not UTF-8"},
	}
	for name, test := range tests {
		format := checkpoint.Format{Read: func(context.Context, []byte, checkpoint.Options) (*checkpoint.Checkpoint, error) { return test.read() }}
		_, err := checkpointtest.Whole(format, nil)
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %q", name, err, test.says)
		}
	}
	impossible := checkpoint.Format{Read: func(context.Context, []byte, checkpoint.Options) (*checkpoint.Checkpoint, error) {
		return &checkpoint.Checkpoint{Tensors: []tensor.Named{{Name: "w", View: tensor.View{DType: tensor.U8, Shape: tensor.Shape{-1}}}}}, nil
	}}
	if _, err := checkpointtest.Whole(impossible, nil); !errors.Is(err, tensor.ErrShape) {
		t.Errorf("an impossible shape: %v", err)
	}
}
