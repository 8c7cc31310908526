package statedict_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/statedict"
)

// small are limits under which fuzzing is quick.
var small = pickle.Limits{Metadata: 1 << 20, Opcodes: 10_000, MarkDepth: 100, Memo: 10_000, Memory: 4 << 20}

// FuzzChoose checks that whatever is loaded and selected is what it claims to be: an error of the right type, or tensors with exactly the
// bytes of their shape.
func FuzzChoose(f *testing.F) {
	for _, content := range picklegen.Seeds() {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if _, err := pickle.Scan(context.Background(), content, 0, small); err != nil {
			return
		}
		document, err := pickle.Load(context.Background(), content, 0, pickle.Options{Persistent: pickle.Reference})
		if err != nil {
			checkError(t, err)
			return
		}
		found, err := statedict.Choose(document.Root, statedict.Options{FileSize: int64(len(content))})
		if err != nil {
			checkError(t, err)
			return
		}
		names := map[string]bool{}
		for _, one := range found.Tensors {
			if names[one.Name] || one.Name == "" {
				t.Fatalf("name %q occurs twice", one.Name)
			}
			names[one.Name] = true
			checkTensor(t, one)
		}
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	var problem *checkpoint.Error
	if !errors.As(err, &problem) || problem.Kind == nil {
		t.Fatalf("an error without a kind: %v", err)
	}
	if len(err.Error()) > 4096 {
		t.Fatalf("an error of %d bytes", len(err.Error()))
	}
}

func checkTensor(t *testing.T, one statedict.Tensor) {
	t.Helper()
	array, ok := one.Value.(*pickle.Array)
	if !ok {
		if _, ok := one.Value.(*pickle.TorchTensor); !ok {
			t.Fatal("a tensor of another type")
		}
		return
	}
	size, err := array.Size()
	if err != nil {
		t.Fatal(err)
	}
	if size > 16<<20 {
		t.Fatalf("a tensor of %d bytes", size)
	}
	raw, err := array.Data.Bytes()
	if err != nil {
		checkError(t, err)
		return
	}
	if int64(len(raw)) != size {
		t.Fatalf("%d bytes of %d", len(raw), size)
	}
	var written bytes.Buffer
	if n, err := array.Data.WriteTo(&written); err != nil || n != size || !bytes.Equal(written.Bytes(), raw) {
		t.Fatalf("WriteTo writes %d bytes, which differ from those of Bytes, %v", n, err)
	}
}
