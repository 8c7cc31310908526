package fit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUseCopy(t *testing.T) {
	t.Parallel()
	folder := unpack(t)
	root := filepath.Join(folder, "module")
	for _, c := range []struct {
		name, path, before string
		want               []string
	}{
		{"no file yet", filepath.Join(root, "go.work"), "", []string{"go 1.26.0", "use .", "replace github.com/sugarme/gotch => /copy"}},
		{"elsewhere", filepath.Join(folder, "new", "go.work"), "", []string{"use " + root, "replace github.com/sugarme/gotch => /copy"}},
		{
			"the user's own", filepath.Join(root, "go.work"), "go 1.26.1\n\nuse ../other\n\nreplace github.com/sugarme/gotch => /old\n",
			[]string{"go 1.26.1", "../other", "\t.\n", "replace github.com/sugarme/gotch => /copy"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			os.Remove(c.path)
			if c.before != "" {
				if err := os.WriteFile(c.path, []byte(c.before), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if err := UseCopy(c.path, root, "/copy"); err != nil {
					t.Fatal(err)
				}
			}
			text := read(t, c.path)
			for _, want := range c.want {
				if strings.Count(text, want) != 1 {
					t.Errorf("%q is not there once:\n%s", want, text)
				}
			}
			if strings.Contains(text, "/old") {
				t.Errorf("the old copy is still used:\n%s", text)
			}
		})
	}
}

func TestReportOf(t *testing.T) {
	t.Parallel()
	folder := unpack(t)
	root, work := filepath.Join(folder, "module"), filepath.Join(folder, "go.work")
	unfitted := func(when, path string) {
		t.Helper()
		if report, err := ReportOf(path); !errors.Is(err, ErrUnfitted) {
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
	got, err := ReportOf(work)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := os.WriteFile(work, []byte("used badly"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReportOf(work); err == nil || errors.Is(err, ErrUnfitted) {
		t.Errorf("a damaged workspace: %v", err)
	}
}
