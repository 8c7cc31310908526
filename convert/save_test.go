package convert_test

import (
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// TestSave_Announces wants the size of the index of each of two blocks, 5 x 5 whole numbers of 8 bytes, where the names have one.
func TestSave_Announces(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	for scheme, want := range map[string]int64{naming.Unilm: 2 * 5 * 5 * 8, naming.Timm: 0} {
		size, beside := int64(-1), int64(-1)
		saved, err := convert.Save(t.Context(), filepath.Join(t.TempDir(), "x.pth"), config, synth.Weights(config, 0), convert.SaveOptions{
			To: scheme, Announce: func(all, indices int64) { size, beside = all, indices },
		})
		if err != nil {
			t.Fatal(err)
		}
		if beside != want || size != saved.Bytes {
			t.Errorf("%s: %d bytes of %d, want %d of %d", scheme, beside, size, want, saved.Bytes)
		}
	}
}
