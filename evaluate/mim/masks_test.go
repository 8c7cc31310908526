package mim_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/beitzoo/beitzoo/evaluate/mim"
)

// FuzzReadMasks reads hostile lines of masks: what is accepted of them are whole masks, of 0 and 1.
func FuzzReadMasks(f *testing.F) {
	f.Add([]byte("{\"mask\": [1, 0, 0, 0]}\n[0, 1, 0, 0]\n\n"))
	f.Add([]byte("[1e400]"))
	f.Add([]byte("[1, 0, 0, 0]\n[1]"))
	f.Fuzz(func(t *testing.T, content []byte) {
		values, err := mim.ReadMasks(bytes.NewReader(content))
		if err != nil {
			return
		}
		masks, err := mim.Masks(values, 4)
		if wrong := (*mim.MasksError)(nil); err != nil && !errors.As(err, &wrong) {
			t.Fatalf("an error of another kind: %v", err)
		} else if err != nil {
			return
		}
		patches := 0
		for mask := range masks {
			patches += len(mask)
		}
		if patches != len(values) {
			t.Fatalf("%d patches of %d values", patches, len(values))
		}
	})
}
