package fit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
