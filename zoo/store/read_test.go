package store_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/memstore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// TestRead reads at its limit, below and above it, with and without a known size.
func TestRead(t *testing.T) {
	t.Parallel()
	content := storetest.Random(1000, 1)
	from := memstore.New(content)
	blob := storetest.Describe(content, 0)
	unsized := blob
	unsized.Size = store.UnknownSize
	for _, wanted := range []store.Blob{blob, unsized} {
		for limit, ok := range map[int64]bool{999: false, 1000: true, 1001: true} {
			got, err := store.Read(t.Context(), from, wanted, limit)
			var large *store.SizeError
			if ok && (err != nil || !bytes.Equal(got, content)) || !ok && !errors.As(err, &large) {
				t.Errorf("size %d, limit %d: %d bytes, error %v", wanted.Size, limit, len(got), err)
			}
		}
	}
}
