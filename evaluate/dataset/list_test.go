package dataset_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

func TestLists(t *testing.T) {
	t.Parallel()
	root := plant(t, "a b.png", "sub/2.png", "ant/3.png", "cat/4.png")
	for _, c := range []struct{ name, content string }{
		{"csv", "a b.png,ant\nsub/2.png,cat\n"},
		{"csv with a header", "id,Class,FILE\n1,ant,a b.png\n2,cat,sub/2.png\n"},
		{"semicolons", "a b.png;0\nsub/2.png;2\n"},
		{"tabs", "a b.png\t0\r\nsub/2.png\t2\r\n"},
		{"spaces, as Caffe has them", "a b.png 0\n\nsub/2.png 2\n"},
		{"JSON lines", "{\"file_name\": \"a b.png\", \"label\": 0}\n{\"image\": \"sub/2.png\", \"class\": \"cat\"}\n"},
		{"a mark of byte order", "\xef\xbb\xbfa b.png,ant\nsub/2.png,cat\n"},
	} {
		list1 := filepath.Join(root, "list")
		if err := os.WriteFile(list1, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := dataset.Open(t.Context(), []string{list1}, dataset.Options{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		set, err := found.Match(t.Context(), animals, dataset.Matching{Way: map[bool]dataset.Way{true: dataset.ByNumber}[strings.Contains(c.content, "0")]})
		if strings.HasPrefix(c.name, "JSON") {
			set, err = found.Match(t.Context(), animals, dataset.Matching{Map: classMap(t, "m", "0,0\ncat,2\n")})
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff([]string{"a b.png 0", "sub/2.png 2"}, list(t, set)); diff != "" || found.Kind() != dataset.ListFile {
			t.Errorf("%s: %s", c.name, diff)
		}
		for e := range set.Examples(t.Context()) {
			file, err := e.Open()
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			file.Close()
		}
	}
	// As `find` prints them.
	found, err := dataset.Open(t.Context(), []string{"-"}, dataset.Options{Stdin: strings.NewReader("ant/3.png\ncat/4.png\ncat/4.png\n"), Root: root})
	if err != nil {
		t.Fatal(err)
	}
	set, err := found.Match(t.Context(), animals, dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ant/3.png 0", "cat/4.png 2", "cat/4.png 2"}, list(t, set)); diff != "" || set.Source() != "-" || set.Len() != 3 {
		t.Error(diff)
	}
	if notes := strings.Join(set.Notes(), "\n"); !strings.Contains(notes, "the class of an image is the folder that it is in") || !strings.Contains(notes, "1 image is named more than once: cat/4.png") {
		t.Error(notes)
	}
}

func TestLists_Errors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ content, message string }{
		{"", "it is empty"},
		{"\n \n", "it is empty"},
		{"a.png\x00", "it is not a text file"},
		{"[{}]", "it is one JSON array"},
		{"{\"image\": \"a.png\"}\n", "line 1: there is no class"},
		{"{\"image\": \"a.png\", \"class\": 1.5}\n", "class is 1.5, not a text or a whole number"},
		{"{\"image\": \"a.png\", \"class\": [1]}\n", "class is not a text or a whole number"},
		{"{\"image\": \"a.png\", \"class\": 1, \"label\": 2}\n", "class and label say different things"},
		{"{\"image\": \"a.png\", \"class\": 1}\n{\n", "line 2"},
		{"{\"image\": \"a.png\", \"Label\": 1}\n", `line 1: there is no key "Label": did you mean label?`},
		{"{\"image\": \"a.png\", \"label\": 1, \"LABEL\": 2}\n", `line 1: there is no key "LABEL": did you mean label?`},
		{"{\"Image\": \"a.png\", \"class\": 1}\n", `line 1: there is no key "Image": did you mean image?`},
		{"{\"image\": \"a.png\", \"lable\": 1}\n", `line 1: there is no class, label or target; did you mean label by the key "lable"?`},
		{"{\"imgae\": \"a.png\", \"class\": 1}\n", `line 1: there is no image, image_path or imageid; did you mean image by the key "imgae"?`},
		{"{\"image\": \"a.png\", \"class\": 1, \"class\": 2}\n", `line 1: the key "class" stands twice in one object`},
		{"image,label,wnid\na.png,1,1\nb.png,3,5\n", "line 3: label and wnid say different things"},
		{"image,class,class\na.png,1,2\n", "line 2: class and class say different things"},
		{"path,label,image\na.png,1,b.png\n", "line 2: path and image say different things"},
		{"image,class\na.png,\nb.png,\n", "line 2: there is no class"},
		{"{\"image\": \"a.png\", \"class\": \"\"}\n", "line 1: there is no class"},
		{"a,b,c\n", "3 columns, and no line that says which"},
		{"image,x,class\na.png,1\n", "line 2: 2 columns"},
		{"a.png,1\n,2\n", "line 2: there is no image"},
		{"a.png,1\n\"b.png,2\nc.png,3\n", "line 2"},
		{"a.png 1\nb.png\n", "line 2: there is no class"},
		{"a.png,1\n", "the first images are not there, such as"},
		{"x " + strings.Repeat("y", 1<<21), "the line has more than"},
	} {
		_, err := dataset.Open(t.Context(), []string{write(t, "list", c.content)}, dataset.Options{})
		if wrong := (*dataset.ListError)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.message) || wrong.Hint() == "" || !errors.Is(err, errdef.ErrInput) {
			t.Errorf("%.40q: %v", c.content, err)
		}
	}
	for _, sources := range [][]string{nil, {"testdata", "testdata"}, {"testdata/tars/{9..1}.tar"}, {"testdata/tars/x-{0..99999999}.tar"}, {"testdata/tars/{0..9999}{0..9999}.tar"}} {
		if _, err := dataset.Open(t.Context(), sources, dataset.Options{}); !errors.As(err, new(*dataset.SourceError)) || !errors.Is(err, errdef.ErrUsage) || errdef.Hint(err) == "" {
			t.Errorf("%q: %v", sources, err)
		}
	}
}

// FuzzList reads lists of any kind.
func FuzzList(f *testing.F) {
	for _, seed := range []string{"a.png,ant\n", "a.png ant\n", "{\"image\": \"a.png\", \"label\": 0}\n", "image\tclass\na\tb\n", "ImageId,PredictionString\nx,n01440764 1 2 3 4\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		found, err := dataset.Open(t.Context(), []string{"-"}, dataset.Options{Stdin: strings.NewReader(content)})
		if err != nil {
			return
		}
		if set, err := found.Match(t.Context(), ten, dataset.Matching{}); err == nil && len(list(t, set)) != set.Len() {
			t.Error("the list has another length")
		}
	})
}
