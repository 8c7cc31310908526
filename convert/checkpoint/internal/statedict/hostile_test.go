package statedict_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/statedict"
)

// open is what a reader does with a pickle.
func open(content []byte) (*statedict.Dict, error) {
	document, err := pickle.Load(context.Background(), content, 0, pickle.Options{})
	if err != nil {
		return nil, err
	}
	return statedict.Choose(document.Root, statedict.Options{FileSize: int64(len(content))})
}

// mostAllocated bounds the bytes that loading one pickle may allocate in total, freed ones included.
const mostAllocated = 120 << 20

func TestChoose_RefusesHostileFiles(t *testing.T) {
	for _, c := range append(picklegen.Hostile(), picklegen.Bombs()...) {
		t.Run(c.Name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := open(c.Content)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, c.Kind) {
				t.Fatalf("kind of error: got %v, want %v", err, c.Kind)
			}
			var problem *checkpoint.Error
			if !errors.As(err, &problem) || !strings.Contains(problem.Reason, c.Says) {
				t.Errorf("error %q does not say %q", err, c.Says)
			}
			if len(err.Error()) > 600 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > mostAllocated {
				t.Errorf("%d bytes were allocated for a file of %d", used, len(c.Content))
			}
		})
	}
}
