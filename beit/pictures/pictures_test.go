package pictures_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/pictures"
	"github.com/beitzoo/beitzoo/errdef"
)

// TestNatural_Orders sorts names that are in order, from the other end.
func TestNatural_Orders(t *testing.T) {
	t.Parallel()
	want := []string{"", "0", "00", "01", "1", "2", "9.jpg", "10.jpg", "99999999999999999999998", "99999999999999999999999", "a", "a1b2", "a1b10", "a02", "a2b", "b"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, pictures.Natural)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

const png = "\x89PNG\r\n\x1a\n"

// tree makes files with these contents, and folders for names that end in a slash, and returns their folder. A content "-> x" is a link to x.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(content, "-> "); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFind_Folder(t *testing.T) {
	t.Parallel()
	elsewhere := tree(t, map[string]string{"deep/11.png": png, "up": "-> ."})
	root := tree(t, map[string]string{
		"10.jpg": "not read yet", "9.JPG": "", "b/no ending": png + "rest", "README.txt": "words", "Thumbs.db": "\x00", ".DS_Store": "\x00", ".hidden/1.jpg": "",
		"linked": "-> " + elsewhere, "z.png": "-> missing", "broken": "-> missing",
	})
	found, err := pictures.Find(t.Context(), root, filepath.Join(root, "README.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, path := range found.Paths {
		relative, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, filepath.ToSlash(relative))
	}
	want := []string{"9.JPG", "10.jpg", "b/no ending", "linked/deep/11.png", "z.png", "README.txt"}
	if diff := cmp.Diff(want, got); diff != "" || found.Foreign != 3 || found.Hidden != 2 || len(found.Examples) != 3 {
		t.Errorf("%s; %+v", diff, found)
	}
	if notes := found.Notes(); len(notes) != 2 || !strings.Contains(notes[0], "3 files") || !strings.Contains(notes[0], "README.txt") || !strings.Contains(notes[1], "2 ") {
		t.Errorf("notes %q", notes)
	}
}

func TestFind_Patterns(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"10.jpg": "", "9.jpg": "", "notes.txt": "", "sub/1.png": "", "[x].jpg": "", "empty/a.txt": "words"})
	for pattern, want := range map[string][]string{
		"*.jpg": {"9.jpg", "10.jpg", "[x].jpg"}, "[x].jpg": {"[x].jpg"}, "?.*": {"9.jpg"}, "s*": {"sub/1.png"}, "*t*": {"notes.txt"}, "missing.jpg": {"missing.jpg"},
	} {
		found, err := pictures.Find(t.Context(), filepath.Join(root, pattern))
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		var got []string
		for _, path := range found.Paths {
			relative, _ := filepath.Rel(root, path)
			got = append(got, filepath.ToSlash(relative))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", pattern, diff)
		}
	}
	for _, name := range []string{"empty", "*.gif", "[x"} {
		_, err := pictures.Find(t.Context(), filepath.Join(root, name))
		if none := (*pictures.NoneError)(nil); !errors.As(err, &none) || !errors.Is(err, errdef.ErrUsage) || none.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := pictures.Find(ended, root); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ended: %v", err)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	read := func(list string) (lines []string, err error) {
		for line, failed := range pictures.Lines(strings.NewReader(list), "list") {
			if failed != nil {
				return lines, failed
			}
			lines = append(lines, line)
		}
		return lines, nil
	}
	got, err := read("a.jpg\r\n\n b c.jpg\nlast")
	if diff := cmp.Diff([]string{"a.jpg", " b c.jpg", "last"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	got, err = read("\xef\xbb\xbfa.jpg\n\xef\xbb\xbfb.jpg\n")
	if diff := cmp.Diff([]string{"a.jpg", "\xef\xbb\xbfb.jpg"}, got); diff != "" || err != nil {
		t.Errorf("a mark of byte order: %s %v", diff, err)
	}
	for _, bad := range []string{"ok\n" + strings.Repeat("x", 1<<17), "ok\nPK\x00\x01\n"} {
		got, err := read(bad)
		if wrong := (*pictures.LineError)(nil); !errors.As(err, &wrong) || wrong.Line != 2 || len(got) != 1 || !errors.Is(err, errdef.ErrInput) {
			t.Errorf("%v, %v", got, err)
		}
	}
	for range pictures.Lines(strings.NewReader("a\nb"), "list") {
		break
	}
}
