package dataset_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

func TestCollection_Names(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"b/1.png", "a c/1.png", "10/1.png", "9/1.png"} {
		if err := os.MkdirAll(filepath.Join(folder, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "none"), 0o700); err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string][2][]string{
		folder:                                   {{"10", "9", "a c", "b"}, {"none"}},
		pack(t, "z/1.png", "y/1.png", "z/2.png"): {{"y", "z"}, nil},
	} {
		found, err := dataset.Open(t.Context(), []string{source}, dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		names, empty, err := found.Names(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, [2][]string{names, empty}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", source, diff)
		}
	}
}
