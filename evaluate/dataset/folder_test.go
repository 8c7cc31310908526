package dataset_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/vocabulary"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

const png = "\x89PNG\r\n\x1a\n"

// plant makes files and folders from lines as in testdata/folders/tree.txt, and returns their folder.
func plant(t *testing.T, lines ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, line := range lines {
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		name, target, link := strings.Cut(line, " -> ")
		path, foreign := strings.CutSuffix(filepath.Join(root, name), " !")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		content := png
		if foreign {
			content = "words"
		}
		var err error
		switch {
		case link:
			err = os.Symlink(target, path)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o700)
		default:
			err = os.WriteFile(path, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// list returns the examples of a set as texts such as "ant/1.png 0".
func list(t *testing.T, set dataset.Set) []string {
	t.Helper()
	var all []string
	for e, err := range set.Examples(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %d", e.Name, e.Class))
	}
	return all
}

// open opens a source and matches it.
func open(t *testing.T, source string, model dataset.Model, o dataset.Matching) (dataset.Set, error) {
	t.Helper()
	found, err := dataset.Open(t.Context(), []string{source}, dataset.Options{})
	if err != nil {
		return nil, err
	}
	return found.Match(t.Context(), model, o)
}

// mustOpen is open for what has to work.
func mustOpen(t *testing.T, source string, model dataset.Model, o dataset.Matching) dataset.Set {
	t.Helper()
	set, err := open(t, source, model, o)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// animals is a model of three classes.
var animals = dataset.Model{Classes: 3, Labels: []string{"ant", "bee", "cat"}}

// imageNet returns a model with the classes of ImageNet-1k.
func imageNet() dataset.Model {
	return dataset.Model{Classes: 1000, Labels: vocabulary.ByName(vocabulary.ImageNet1k).Labels()}
}

// TestFolders_OfFrameworks compares images and classes with what torchvision and timm make of the same folders; testdata/folders/make.py recorded it.
func TestFolders_OfFrameworks(t *testing.T) {
	t.Parallel()
	tree, err := os.ReadFile("testdata/folders/tree.txt")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("testdata/folders/frameworks.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded map[string]map[string][][2]any
	if err := json.Unmarshal(raw, &recorded); err != nil {
		t.Fatal(err)
	}
	root := plant(t, strings.Split(string(tree), "\n")...)
	for _, c := range []struct {
		folder, framework string
		model             dataset.Model
		matching          dataset.Matching
	}{
		{"plain", "torchvision", dataset.Model{Classes: 3}, dataset.Matching{}},
		{"plain", "torchvision", animals, dataset.Matching{}},
		{"linked", "torchvision", dataset.Model{Classes: 3}, dataset.Matching{}},
		{"linked", "timm", animals, dataset.Matching{}},
		{"numbers", "timm", dataset.Model{Classes: 12}, dataset.Matching{}},
		{"numbers", "timm", imageNet(), dataset.Matching{}}, // as ImageNet-V2
		{"numbers", "torchvision", dataset.Model{Classes: 12}, dataset.Matching{Way: dataset.ByOrder}},
		{"subset", "timm", imageNet(), dataset.Matching{}},
		{"subset", "torchvision", dataset.Model{Classes: 3}, dataset.Matching{}},
	} {
		got := list(t, mustOpen(t, filepath.Join(root, c.folder), c.model, c.matching))
		var want []string
		for _, sample := range recorded[c.folder][c.framework] {
			want = append(want, fmt.Sprintf("%s %v", sample[0], sample[1]))
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, %s: %s", c.folder, c.framework, diff)
		}
	}
}

// Whatever is not an image of a class is counted and said, and changes no class.
func TestFolders_Notes(t *testing.T) {
	t.Parallel()
	root := plant(
		t, "ant/1.png", "ant/2", "ant/README.txt !", "ant/words !", "ant/.DS_Store !", "bee/", "cat/3.png", "cat/loop -> ../cat", "cat/also -> ../ant",
		"cat/again -> also", ".ipynb_checkpoints/4.png", "5.png", "labels.txt !", "z.tar !", "gone -> nowhere", "cat/gone.png -> nowhere", "cat/gone.txt -> nowhere",
	)
	set := mustOpen(t, root, animals, dataset.Matching{})
	want := []string{"ant/1.png 0", "ant/2 0", "cat/3.png 2", "cat/again/1.png 2", "cat/again/2 2", "cat/gone.png 2"}
	if diff := cmp.Diff(want, list(t, set)); diff != "" {
		t.Error(diff)
	}
	notes := []string{
		"7 files that are no images are left out: such as ant/README.txt, ant/words, cat/again/README.txt",
		"3 hidden files or folders are left out: .ipynb_checkpoints, ant/.DS_Store, cat/again/.DS_Store",
		"1 image beside the class folders is left out: 5.png",
		"1 link leads to nothing, where a class folder may have been meant: gone",
		"2 folders are reached twice by links, and read once: cat/also, cat/loop",
		"1 class folder has no images: bee",
		"the data has 2 classes of the model's 3 classes; answers are sought among all",
	}
	if diff := cmp.Diff(notes, set.Notes()); diff != "" {
		t.Error(diff)
	}
	for e, err := range set.Examples(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		file, err := e.Open()
		if (err != nil) != (e.Name == "cat/gone.png") {
			t.Errorf("%s: %v", e.Name, err)
		}
		if err == nil {
			if raw, err := io.ReadAll(file); string(raw) != png || err != nil {
				t.Errorf("%s: %q, %v", e.Name, raw, err)
			}
			file.Close()
		}
	}
}

// Folders that lead to one another in all ways do not multiply.
func TestFolders_ManyLinks(t *testing.T) {
	t.Parallel()
	lines := []string{}
	for i := range 12 {
		lines = append(lines, fmt.Sprintf("ant/%d/%d.png", i, i))
		for j := range 12 {
			lines = append(lines, fmt.Sprintf("ant/%d/to%d -> ../%d", i, j, j))
		}
	}
	if got := list(t, mustOpen(t, plant(t, lines...), animals, dataset.Matching{})); len(got) != 12 {
		t.Errorf("%d images", len(got))
	}
}

// Names that are no UTF-8 are read. Some systems do not have them.
func TestFolders_OddNames(t *testing.T) {
	t.Parallel()
	root := plant(t, "ant/1.png")
	odd := filepath.Join(root, "ant", "2\xff\n.png")
	if err := os.WriteFile(odd, []byte(png), 0o600); err != nil {
		return
	}
	set := mustOpen(t, root, animals, dataset.Matching{})
	if got := list(t, set); len(got) != 2 || got[1] != "ant/2\xff\n.png 0" {
		t.Errorf("%q", got)
	}
	for e := range set.Examples(t.Context()) {
		if file, err := e.Open(); err != nil {
			t.Errorf("%q: %v", e.Name, err)
		} else {
			file.Close()
		}
	}
}

func TestFolders_Errors(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	flat := plant(t, "val/1.png", "val/2.png", "LOC_val_solution.csv !")
	for _, c := range []struct {
		name, source, message, hint string
		kind                        error
	}{
		{"an empty folder", empty, "has no class folders with images", "FOLDER/CLASS/IMAGE", errdef.ErrUsage},
		{"empty class folders", plant(t, "a/", "b/x.txt !"), "has 2 class folders, but no images in them", "FOLDER/CLASS/IMAGE", errdef.ErrUsage},
		{"images without folders", filepath.Join(flat, "val"), "has 2 images, but no class folders", "LOC_val_solution.csv", errdef.ErrUsage},
		{"missing", filepath.Join(empty, "nothing"), "nothing: no such file or directory", "", errdef.ErrInput},
	} {
		_, err := dataset.Open(t.Context(), []string{c.source}, dataset.Options{})
		if err == nil || !strings.Contains(err.Error(), c.message) || !strings.Contains(errdef.Hint(err), c.hint) || !errors.Is(errdef.Kind(err), c.kind) {
			t.Errorf("%s: %v, %s", c.name, err, errdef.Hint(err))
		}
	}
	none := (*dataset.NoImagesError)(nil)
	if _, err := dataset.Open(t.Context(), []string{filepath.Join(flat, "val")}, dataset.Options{}); !errors.As(err, &none) || none.Truth != filepath.Join(flat, "LOC_val_solution.csv") {
		t.Errorf("the file of classes beside the folder is not named: %+v", none)
	}
	if _, err := dataset.Open(t.Context(), []string{filepath.Join(empty, "nothing")}, dataset.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := dataset.Open(ended, []string{plant(t, "a/1.png")}, dataset.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ended: %v", err)
	}
}
