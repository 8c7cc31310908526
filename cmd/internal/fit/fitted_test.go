package fit

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFitted(t *testing.T) {
	t.Parallel()
	folder := unpack(t)
	root, work := filepath.Join(folder, "module"), filepath.Join(folder, "go.work")
	unfitted := func(when, path string) {
		t.Helper()
		if report, err := Fitted(path); !errors.Is(err, ErrUnfitted) {
			t.Errorf("%s: %+v, %v", when, report, err)
		}
	}
	unfitted("no workspace", "")
	unfitted("no file", work)
	if err := os.WriteFile(work, []byte("go 1.26.0\n\nuse ./module\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	unfitted("another workspace", work)
	gotch := filepath.Join(folder, "fitted")
	if err := UseCopy(work, root, gotch); err != nil {
		t.Fatal(err)
	}
	unfitted("the copy is gone", work)
	if err := os.Mkdir(gotch, 0o755); err != nil {
		t.Fatal(err)
	}
	want := Report{Gotch: "v0.9.1", Stubbed: []string{"atg_one"}}
	if err := want.write(gotch); err != nil {
		t.Fatal(err)
	}
	want.Folder = gotch
	got, err := Fitted(work)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := os.WriteFile(work, []byte("used badly"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Fitted(work); err == nil || errors.Is(err, ErrUnfitted) {
		t.Errorf("a damaged workspace: %v", err)
	}
}
