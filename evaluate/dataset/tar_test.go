package dataset_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

const tars = "testdata/tars/"

var ten = dataset.Model{Classes: 10}

// openTars opens tar files and matches them.
func openTars(t *testing.T, sources []string, o dataset.Options, model dataset.Model, m dataset.Matching) (dataset.Set, error) {
	t.Helper()
	found, err := dataset.Open(t.Context(), sources, o)
	if err != nil {
		return nil, err
	}
	if found.Kind() != dataset.Tars {
		t.Errorf("%q is %s", sources, found.Kind())
	}
	return found.Match(t.Context(), model, m)
}

// TestTars_OfWebDataset compares keys, classes and bytes with what WebDataset's own reader makes of the files; testdata/tars/make.py recorded it.
func TestTars_OfWebDataset(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(tars + "webdataset.json")
	if err != nil {
		t.Fatal(err)
	}
	type sample struct {
		Key   string `json:"key"`
		Class int    `json:"class"`
		Sum   string `json:"sha256"`
	}
	var recorded map[string][]sample
	if err := json.Unmarshal(raw, &recorded); err != nil {
		t.Fatal(err)
	}
	recorded["one.tar.zst"] = recorded["val-000.tar"]
	for source, files := range map[string][]string{
		"val-{000..002}.tar": {"val-000.tar", "val-001.tar", "val-002.tar"}, "val-*.tar": {"val-000.tar", "val-001.tar", "val-002.tar"},
		"json.tar.gz": {"json.tar.gz"}, "one.tar.zst": {"one.tar.zst"},
	} {
		set, err := openTars(t, []string{tars + source}, dataset.Options{}, ten, dataset.Matching{})
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		got := map[string][]sample{}
		for e, err := range set.Examples(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			file, err := e.Open()
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(file)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(content)
			key := strings.TrimSuffix(e.Name, ".png")
			if e.Index != len(got[e.Tar]) {
				t.Errorf("%s: index %d", e.Name, e.Index)
			}
			got[e.Tar] = append(got[e.Tar], sample{key, e.Class, hex.EncodeToString(sum[:])})
		}
		want := map[string][]sample{}
		for _, file := range files {
			want[file] = recorded[file]
		}
		if diff := cmp.Diff(want, got); diff != "" || set.Len() != -1 {
			t.Errorf("%s: %s", source, diff)
		}
	}
}

// Every n-th tar file is a part, and the digest is that of the whole; it was computed by sha256sum, of lines such as: "val-000.tar" 10240
func TestTars_Shards(t *testing.T) {
	t.Parallel()
	set, err := openTars(t, []string{tars + "val-000.tar", tars + "val-001.tar", tars + "val-002.tar"}, dataset.Options{}, ten, dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Digest(); got != "sha256:ab64f2056b951c33730d3ffc4e8ad707dd1f49463d47e6a72975fe299c8a6c76" {
		t.Error(got)
	}
	for n := 1; n <= 5; n++ {
		var all []string
		for i := range n {
			part := set.Shard(i, n)
			all = append(all, list(t, part)...)
			if part.Digest() != set.Digest() {
				t.Error("a part has another digest")
			}
		}
		slices.Sort(all)
		if diff := cmp.Diff(list(t, set), all); diff != "" {
			t.Errorf("%d parts: %s", n, diff)
		}
	}
}

// Class folders in a tar, a folder of tars, and a tar of images whose classes are in a file.
func TestTars_OtherLayouts(t *testing.T) {
	t.Parallel()
	set, err := openTars(t, []string{tars + "folders.tar"}, dataset.Options{}, ten, dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"./3/036.png 3", "./1/006.png 1", "./4/023.png 4"}, list(t, set)); diff != "" {
		t.Error(diff)
	}
	folder := t.TempDir()
	for _, name := range []string{"val-000.tar", "val-001.tar"} {
		if err := os.Link(tars+name, filepath.Join(folder, name)); err != nil {
			copyFile(t, tars+name, filepath.Join(folder, name))
		}
	}
	if set, err = openTars(t, []string{folder}, dataset.Options{}, ten, dataset.Matching{}); err != nil || len(list(t, set)) != 4 {
		t.Errorf("a folder of tar files: %v", err)
	}
	kit := filepath.Join(t.TempDir(), "truth.txt")
	if err := os.WriteFile(kit, []byte("490\n361\n171\n822\n297\n482\n13\n704\n599\n164\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err = openTars(t, []string{tars + "flat.tar"}, dataset.Options{Truth: kit}, imageNet(), dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ILSVRC2012_val_00000003.JPEG 230"}, list(t, set)); diff != "" {
		t.Error(diff)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// pack returns a tar file with these members, each "NAME=CONTENT".
func pack(t *testing.T, members ...string) string {
	t.Helper()
	var raw bytes.Buffer
	w := tar.NewWriter(&raw)
	for _, m := range members {
		name, content, _ := strings.Cut(m, "=")
		header := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}
		if target, link := strings.CutPrefix(content, "-> "); link {
			header.Typeflag, header.Linkname, header.Size, content = tar.TypeSymlink, target, 0, ""
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "made.tar")
	if err := os.WriteFile(path, raw.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Names in tar files are words, whatever they say: nothing is written, and nothing outside is read.
func TestTars_HostileNames(t *testing.T) {
	t.Parallel()
	path := pack(t, "../../etc/3/x.png="+png, "/etc/1/passwd.png="+png, "4/link.png=-> /etc/passwd", "4/.hidden.png="+png, "5/\x1b[31m.png="+png, "6/no ending="+png, "6/README=words")
	set, err := openTars(t, []string{path}, dataset.Options{}, ten, dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"../../etc/3/x.png 3", "/etc/1/passwd.png 1", "4/link.png 4", "5/\x1b[31m.png 5", "6/no ending 6"}
	if diff := cmp.Diff(want, list(t, set)); diff != "" {
		t.Error(diff)
	}
	for e := range set.Examples(t.Context()) {
		file, err := e.Open()
		if (err != nil) != (e.Name == "4/link.png") {
			t.Fatal(err)
		}
		if err != nil {
			continue
		}
		if raw, _ := io.ReadAll(file); string(raw) != png {
			t.Errorf("%s holds %q", e.Name, raw)
		}
	}
}

func TestTars_Errors(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(tars + "val-000.tar")
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.tar")
	if err := os.WriteFile(cut, whole[:1100], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, message string
		want                any
	}{
		{"cut off", cut, "unexpected EOF", new(*dataset.TarError)},
		{"no class", pack(t, "1.png="+png), "nothing says the class", new(*dataset.TarError)},
		{"two images", pack(t, "1.png="+png, "1.jpg="+png, "1.cls=1"), "has two images", new(*dataset.TarError)},
		{"two classes", pack(t, "1.png="+png, "1.cls=1", "1.json={\"label\": 2}"), `the classes "1" and "2"`, new(*dataset.TarError)},
		{"an odd class", pack(t, "1.png="+png, "1.cls=1\n2"), "does not hold one class", new(*dataset.TarError)},
		{"no JSON", pack(t, "1.png="+png, "1.json=[1]"), "1.json", new(*dataset.TarError)},
		{"a key in capitals", pack(t, "7/1.png="+png, `7/1.json={"Label": 2}`), `there is no key "Label": did you mean label?`, new(*dataset.TarError)},
		{"a misspelt key", pack(t, "1.png="+png, `1.json={"lable": 2}`), `nothing says the class of the image; did you mean label by the key "lable"?`, new(*dataset.TarError)},
		{"a key twice", pack(t, "1.png="+png, `1.json={"label": 2, "label": 1}`), `the key "label" stands twice`, new(*dataset.TarError)},
		{"a tar in a tar", pack(t, "n01440764.tar=x"), "a tar file in a tar file", new(*dataset.TarError)},
		{"no images", pack(t, "1.txt=x"), "has no class folders with images", new(*dataset.NoImagesError)},
		{"another class", pack(t, "10/1.png="+png), `"10" is not between 0 and 9|"10" is no number of a class`, new(*dataset.MismatchError)},
		{"some are missing", tars + "val-{001..004}.tar", "2 of 4 tar files are not there: " + tars + "val-003.tar", new(*dataset.SourceError)},
		{"no file", tars + "none-*.tar", "no file has such a name", new(*dataset.SourceError)},
	} {
		_, err := openTars(t, []string{c.path}, dataset.Options{}, ten, dataset.Matching{})
		said := err != nil && slices.ContainsFunc(strings.Split(c.message, "|"), func(m string) bool { return strings.Contains(err.Error(), m) })
		if !said || !errors.As(err, c.want) || errdef.Hint(err) == "" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A class that only a later tar has is found when it comes, and ends the run.
func TestTars_LateMismatch(t *testing.T) {
	t.Parallel()
	late := pack(t, "2.png="+png, "2.cls=11")
	set, err := openTars(t, []string{tars + "val-000.tar", late}, dataset.Options{}, ten, dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	count, last := 0, error(nil)
	for _, err := range set.Examples(t.Context()) {
		count, last = count+1, err
	}
	if wrong := (*dataset.MismatchError)(nil); count != 3 || !errors.As(last, &wrong) || wrong.Mismatches[0].Name != "11" {
		t.Errorf("%d, %v", count, last)
	}
	if _, err := openTars(t, []string{tars + "val-000.tar", late}, dataset.Options{}, ten, dataset.Matching{OwnClasses: true}); !errors.As(err, new(*dataset.MismatchError)) {
		t.Errorf("all tar files are read for their classes: %v", err)
	}
	own, err := openTars(t, []string{tars + "val-{000..002}.tar"}, dataset.Options{}, ten, dataset.Matching{OwnClasses: true})
	if err != nil || !slices.Equal(own.Classes().Candidates, []int{1, 3, 4, 5}) {
		t.Errorf("%v", err)
	}
}

// FuzzTar reads tar files that are damaged in any way.
func FuzzTar(f *testing.F) {
	for _, name := range []string{"json.tar.gz", "one.tar.zst"} {
		raw, err := os.ReadFile(tars + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(folder, fmt.Sprintf("%x.tar", sha256.Sum256(raw)))
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(path)
		set, err := openTars(t, []string{path}, dataset.Options{}, ten, dataset.Matching{})
		if err != nil {
			return
		}
		for e, err := range set.Examples(t.Context()) {
			if err == nil && (e.Class < 0 || e.Class > 9) {
				t.Errorf("class %d", e.Class)
			}
		}
	})
}

// What is no image in a tar is counted, once however often the tar is read, and an image under another ending is one by its first bytes, as in folders.
func TestTars_LeftOut(t *testing.T) {
	t.Parallel()
	made := pack(t, "1.jpg="+png, "1.txt=a caption", "1.cls=1", "2.dat="+png, "2.cls=2", "3.raw=no image", ".DS_Store=x")
	set, err := openTars(t, []string{made}, dataset.Options{}, ten, dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var names []string
		for e, err := range set.Examples(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, fmt.Sprint(e.Name, " ", e.Class))
		}
		if want := []string{"1.jpg 1", "2.dat 2"}; !slices.Equal(names, want) {
			t.Errorf("%q are read", names)
		}
	}
	want := []string{
		"2 files in tars that are no images are left out: made.tar/1.txt, made.tar/3.raw",
		"1 hidden file in a tar is left out: made.tar/.DS_Store",
	}
	if notes := set.LeftOut(); !slices.Equal(notes, want) {
		t.Errorf("%q", notes)
	}
}
