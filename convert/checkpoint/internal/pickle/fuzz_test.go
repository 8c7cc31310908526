package pickle

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
)

// small are limits under which fuzzing is quick.
var small = Limits{Metadata: 1 << 20, Opcodes: 10_000, MarkDepth: 100, Memo: 10_000, Memory: 4 << 20}

// FuzzScan checks what must hold of every accepted stream: it ends with a STOP, means the same without what follows, keeps within
// bounds, and, where it is nothing but data, loads to the same value as by gopickle directly.
func FuzzScan(f *testing.F) {
	for _, content := range picklegen.Seeds() {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		stream, err := Scan(context.Background(), content, 0, small)
		if err != nil {
			var problem *checkpoint.Error
			if !errors.As(err, &problem) || problem.Offset < 0 || problem.Offset > int64(len(content)) {
				t.Fatalf("error without a place in the file: %v", err)
			}
			return
		}
		if stream.End > int64(len(content)) || content[stream.End-1] != opcode.Stop {
			t.Fatalf("the byte before the end %d of %d is not STOP", stream.End, len(content))
		}
		again, err := Scan(context.Background(), content[:stream.End], 0, small)
		if err != nil || !bytes.Equal(again.Code, stream.Code) {
			t.Fatalf("what follows STOP changes the result: %v", err)
		}
		if int64(len(stream.Code)) > 16*stream.End {
			t.Fatalf("%d bytes became %d", stream.End, len(stream.Code))
		}
		last := int64(0)
		for _, blob := range stream.Blobs() {
			if blob.Offset < last || blob.Length < threshold || blob.Offset+blob.Length >= stream.End {
				t.Fatalf("blob at %d of %d bytes behind %d", blob.Offset, blob.Length, last)
			}
			last = blob.Offset + blob.Length
		}
		compareWithMachine(t, content[:stream.End], stream)
	})
}

// dataOnly reports whether a stream calls nothing and left nothing in the file.
func dataOnly(stream *Stream) bool {
	for _, placeholder := range stream.placeholders {
		if _, ok := placeholder.(rawString); !ok {
			return false
		}
	}
	return true
}

// compareWithMachine loads data without the scanner. Sets, frames and escapes in texts differ on purpose. If the machine fails, or
// returns anything but lists, dicts and scalars, nothing is compared.
func compareWithMachine(t *testing.T, content []byte, stream *Stream) {
	if !dataOnly(stream) {
		return
	}
	l := &loader{content: content, stream: stream}
	ours, err := l.run()
	if err != nil {
		return
	}
	theirs, err := direct(content)
	if err != nil {
		return
	}
	c := comparer{budget: 100_000, seen: map[[2]any]bool{}}
	if !c.same(ours, theirs) && !c.incomparable {
		t.Fatalf("the scanned stream loads to another value")
	}
}

func direct(content []byte) (value any, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("gopickle panicked")
		}
	}()
	machine := pickle.NewUnpickler(bytes.NewReader(content))
	return machine.Load()
}

// comparer compares what two machines made.
type comparer struct {
	budget       int
	seen         map[[2]any]bool
	incomparable bool
}

func (c *comparer) same(ours, theirs any) bool {
	if c.budget--; c.budget < 0 {
		c.incomparable = true
		return false
	}
	switch a := ours.(type) {
	case rawString:
		b, ok := theirs.(string)
		return ok && string(a) == b
	case float64:
		b, ok := theirs.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(b)
	case *big.Int:
		b, ok := theirs.(*big.Int)
		return ok && a.Cmp(b) == 0
	case []byte:
		b, ok := theirs.([]byte)
		return ok && bytes.Equal(a, b)
	case *types.ByteArray:
		b, ok := theirs.(*types.ByteArray)
		return ok && bytes.Equal(*a, *b)
	case *types.Tuple:
		b, ok := theirs.(*types.Tuple)
		return ok && c.items(a, b, *a, *b)
	case *types.Dict:
		b, ok := theirs.(*types.Dict)
		return ok && c.entries(a, b)
	case *types.List:
		switch b := theirs.(type) {
		case *types.List:
			return c.items(a, b, *a, *b)
		case *types.Set, *types.FrozenSet:
			c.incomparable = true
		}
		return false
	}
	return ours == theirs
}

func (c *comparer) first(a, b any) bool {
	known := c.seen[[2]any{a, b}]
	c.seen[[2]any{a, b}] = true
	return !known
}

func (c *comparer) items(a, b any, left, right []any) bool {
	if !c.first(a, b) {
		return true
	}
	if len(left) != len(right) {
		return false
	}
	for i := range left {
		if !c.same(left[i], right[i]) {
			return false
		}
	}
	return true
}

func (c *comparer) entries(a, b *types.Dict) bool {
	if !c.first(a, b) {
		return true
	}
	if len(*a) != len(*b) {
		return false
	}
	for i := range *a {
		if !c.same((*a)[i].Key, (*b)[i].Key) || !c.same((*a)[i].Value, (*b)[i].Value) {
			return false
		}
	}
	return true
}
