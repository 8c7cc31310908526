package dataset_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/vocabulary"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

// folders returns a folder with an image in each of these class folders.
func folders(t *testing.T, names ...string) string {
	t.Helper()
	var lines []string
	for _, name := range names {
		if strings.HasSuffix(name, "/") {
			lines = append(lines, name) // an empty one
		} else {
			lines = append(lines, name+"/1.png")
		}
	}
	return plant(t, lines...)
}

// numbered returns the numbers from one to before another.
func numbered(from, end int) []string {
	var names []string
	for i := from; i < end; i++ {
		names = append(names, strconv.Itoa(i))
	}
	return names
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func classMap(t *testing.T, name, content string) *dataset.ClassMap {
	t.Helper()
	m, err := dataset.ReadClassMap(write(t, name, content))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The ten classes of Imagenette with their logits: fastai/imagenette, README.md, and the places of the ids in imagenet_synsets.txt of timm.
var imagenette = map[string]int{
	"n01440764": 0, "n02102040": 217, "n02979186": 482, "n03000684": 491, "n03028079": 497, "n03394916": 566, "n03417042": 569, "n03425413": 571, "n03445777": 574,
	"n03888257": 701,
}

func TestMatch_Ways(t *testing.T) {
	t.Parallel()
	ids := []string{"n01440764", "n02102040", "n02979186", "n03000684", "n03028079", "n03394916", "n03417042", "n03425413", "n03445777", "n03888257"}
	torch, err := os.ReadFile("../../beit/vocabulary/testdata/torchvision.txt")
	if err != nil {
		t.Fatal(err)
	}
	spelt := dataset.Model{Classes: 1000, Labels: strings.Split(strings.TrimSpace(string(torch)), "\n")}
	large := dataset.Model{Classes: 21841, Labels: vocabulary.ByName(vocabulary.ImageNet22k).Labels()}
	for _, c := range []struct {
		name   string
		names  []string
		model  dataset.Model
		o      dataset.Matching
		way    dataset.Way
		logits map[string]int
	}{
		{"ids", ids, imageNet(), dataset.Matching{}, dataset.ByWordNet, imagenette},
		{"ids of a model with torchvision's names", ids, spelt, dataset.Matching{}, dataset.ByWordNet, imagenette},
		{"ids of a larger set", ids[:1], large, dataset.Matching{}, dataset.ByWordNet, map[string]int{"n01440764": 359}},
		{"ids as labels", []string{"n2", "n00000002"}, dataset.Model{Classes: 3, Labels: []string{"x", "n00000002", "n2"}}, dataset.Matching{}, dataset.ByLabel, map[string]int{"n2": 2, "n00000002": 1}},
		{"names", []string{"Tinca_tinca", "GOLDFISH", "great white shark"}, imageNet(), dataset.Matching{}, dataset.ByLabel, map[string]int{"Tinca_tinca": 0, "GOLDFISH": 1, "great white shark": 2}},
		{"names that torchvision tells apart", []string{"crane", "crane bird"}, spelt, dataset.Matching{}, dataset.ByLabel, map[string]int{"crane": 517, "crane bird": 134}},
		{"numbers", []string{"10", "9", "007"}, imageNet(), dataset.Matching{}, dataset.ByNumber, map[string]int{"10": 10, "9": 9, "007": 7}},
		{"numbers as labels", []string{"0", "1"}, dataset.Model{Classes: 2, Labels: []string{"1", "0"}}, dataset.Matching{}, dataset.ByLabel, map[string]int{"0": 1, "1": 0}},
		{"numbers by request", []string{"0", "1"}, dataset.Model{Classes: 2, Labels: []string{"1", "0"}}, dataset.Matching{Way: dataset.ByNumber}, dataset.ByNumber, map[string]int{"0": 0, "1": 1}},
		{"order", []string{"b", "a", "c"}, dataset.Model{Classes: 3}, dataset.Matching{}, dataset.ByOrder, map[string]int{"a": 0, "b": 1, "c": 2}},
		{"order of a model with placeholders", []string{"b", "a"}, dataset.Model{Classes: 2, Labels: []string{"LABEL_0", "LABEL_1"}}, dataset.Matching{}, dataset.ByOrder, map[string]int{"a": 0, "b": 1}},
		{"order with an empty one", []string{"x", "y", "a/"}, dataset.Model{Classes: 3}, dataset.Matching{Way: dataset.ByOrder}, dataset.ByOrder, map[string]int{"x": 1, "y": 2}},
		{"order without an empty one", []string{"x", "y", "a/"}, dataset.Model{Classes: 2}, dataset.Matching{}, dataset.ByOrder, map[string]int{"x": 0, "y": 1}},
		{"an empty one of another name", []string{"ant", "cat", "scripts/"}, animals, dataset.Matching{}, dataset.ByLabel, map[string]int{"ant": 0, "cat": 2}},
		{"order by request", []string{"x", "y", "z"}, animals, dataset.Matching{Way: dataset.ByOrder}, dataset.ByOrder, map[string]int{"x": 0, "y": 1, "z": 2}},
		{"map", []string{"x", "y"}, animals, dataset.Matching{Map: classMap(t, "map.csv", "x,cat\ny,1\n")}, dataset.ByMap, map[string]int{"x": 2, "y": 1}},
		{"map of several", []string{"x", "y"}, animals, dataset.Matching{Map: classMap(t, "map.json", `{"x": 0, "y": 0}`)}, dataset.ByMap, map[string]int{"x": 0, "y": 0}},
		{"map that leaves out", []string{"x", "y"}, animals, dataset.Matching{Map: classMap(t, "map.txt", "x 2\ny -\n")}, dataset.ByMap, map[string]int{"x": 2}},
	} {
		set, err := open(t, folders(t, c.names...), c.model, c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := set.Classes()
		logits := map[string]int{}
		for i, name := range got.Names {
			logits[name] = got.Logits[i]
		}
		if diff := cmp.Diff(c.logits, logits); diff != "" || got.Way != c.way || !slices.IsSorted(got.Logits) {
			t.Errorf("%s: %s %s", c.name, got.Way, diff)
		}
		for e, err := range set.Examples(t.Context()) {
			if folder, _, _ := strings.Cut(e.Name, "/"); err != nil || e.Class != c.logits[folder] {
				t.Errorf("%s: %s is of class %d, %v", c.name, e.Name, e.Class, err)
			}
		}
	}
}

// Folders that do not fit the model stop before the first image, with all of them and what was probably meant.
func TestMatch_Mismatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		names    []string
		model    dataset.Model
		o        dataset.Matching
		messages []string
		hint     string
	}{
		{"misspelt", []string{"ant", "bea"}, animals, dataset.Matching{}, []string{"1 of its 2 classes are none of the 3", `"bea" is no class of the model; did you mean "bee"?`}, "class map"},
		{"a name of two classes", []string{"crane", "tench"}, imageNet(), dataset.Matching{}, []string{`"crane" is the name of classes 134, 517`}, "class map"},
		{"an id of another set", []string{"n01440764", "n00004475"}, imageNet(), dataset.Matching{}, []string{`"n00004475" is no class of ImageNet-1k`}, "class map"},
		{"the teddy", []string{"n04399382", "n01440764"}, dataset.Model{Classes: 21841, Labels: vocabulary.ByName(vocabulary.ImageNet22k).Labels()}, dataset.Matching{}, []string{`"n04399382"`}, "class map"},
		{"numbers from 1", []string{"1", "2", "3"}, dataset.Model{Classes: 3, Labels: animals.Labels}, dataset.Matching{}, []string{`"3" is not between 0 and 2`}, "class map"},
		{"too few without names", []string{"a", "b", "c"}, ten, dataset.Matching{}, []string{"3 of its 3 classes", "nobody states the names of the model's classes"}, "state them"},
		{"too many without names", []string{"a", "b", "c", "d"}, dataset.Model{Classes: 3}, dataset.Matching{}, []string{"4 of its 4 classes are none of the 3"}, "state them"},
		{"ids without names", []string{"n01440764", "n02102040"}, dataset.Model{Classes: 1000}, dataset.Matching{}, []string{"nobody states the names"}, "if the model has the classes of ImageNet-1k"},
		{"as many with other names", []string{"x", "y", "z"}, animals, dataset.Matching{}, []string{"3 of its 3 classes"}, "class map"},
		{"numbers from 1 without names", numbered(1, 11), ten, dataset.Matching{}, []string{`"10" is not between 0 and 9`, "as many as the classes of the model, but as numbers they are not those"}, "the order of their bytes"},
		{"numbers from 7", numbered(7, 17), ten, dataset.Matching{}, []string{"as numbers they are not those"}, "the order of their bytes"},
		{"names with numbers", []string{"c9", "c10"}, dataset.Model{Classes: 2}, dataset.Matching{}, []string{`by their bytes "c10" comes before "c9"`}, "the order of their bytes"},
		{"as many with empty ones", []string{"a", "b", "c/"}, dataset.Model{Classes: 3}, dataset.Matching{}, []string{"2 of its 2 classes", "only together with the folders that have no images"}, "the order of their bytes"},
		{"one class twice", []string{"7", "07"}, ten, dataset.Matching{}, []string{`"7" is class 7, as "07" is`}, ""},
		{"order of another number", []string{"x", "y"}, animals, dataset.Matching{Way: dataset.ByOrder}, []string{"the numbers of classes differ"}, ""},
		{"not in the map", []string{"x", "y"}, animals, dataset.Matching{Map: classMap(t, "m.csv", "x,0\nz,1\n")}, []string{`"y" is not in the class map`}, "class map"},
		{"a map to nothing", []string{"x"}, animals, dataset.Matching{Map: classMap(t, "m.csv", "x,dog\n")}, []string{`"x" is "dog" by the class map, which is no class of the model`}, "class map"},
		{"among others", []string{"ant"}, animals, dataset.Matching{Among: []string{"bee", "2"}}, []string{`"ant" is not among the classes that are asked for`}, "class map"},
		{"among what is none", []string{"ant"}, animals, dataset.Matching{Among: []string{"dog"}}, []string{`"dog" is no class of the model`}, "class map"},
	} {
		_, err := open(t, folders(t, c.names...), c.model, c.o)
		wrong := (*dataset.MismatchError)(nil)
		if !errors.As(err, &wrong) || !errors.Is(err, errdef.ErrUsage) || !strings.Contains(wrong.Hint(), c.hint) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if strings.Contains(err.Error(), `mean "crane"`) {
			t.Errorf("%s: %v: what does not fit is no advice", c.name, err)
		}
		for _, message := range c.messages {
			if !strings.Contains(err.Error(), message) {
				t.Errorf("%s: %v; want %s", c.name, err, message)
			}
		}
	}
}

// Answers are sought among all classes unless the caller wants those of the data, or some; which it is is said. The places of the classes of ImageNet-A are
// those in timm's imagenet_a_indices.txt.
func TestMatch_Candidates(t *testing.T) {
	t.Parallel()
	folder := folders(t, "n01498041", "n01531178", "n01534433")
	for _, c := range []struct {
		o    dataset.Matching
		want []int
		note string
	}{
		{dataset.Matching{}, nil, "the data has 3 classes of the model's 1000 classes; answers are sought among all"},
		{dataset.Matching{OwnClasses: true}, []int{6, 11, 13}, "answers are sought among 3 of them"},
		{dataset.Matching{Among: []string{"13", "n01498041", "n01531178", "goldfish", "6"}}, []int{1, 6, 11, 13}, "answers are sought among 4 of them"},
	} {
		set := mustOpen(t, folder, imageNet(), c.o)
		if diff := cmp.Diff(c.want, set.Classes().Candidates); diff != "" || !strings.Contains(strings.Join(set.Notes(), "\n"), c.note) {
			t.Errorf("%+v: %s %q", c.o, diff, set.Notes())
		}
	}
	if got := mustOpen(t, folders(t, "ant", "bee", "cat"), animals, dataset.Matching{OwnClasses: true}); got.Classes().Candidates != nil || got.Classes().Subset() || len(got.Notes()) != 0 {
		t.Errorf("all classes are some of them: %q", got.Notes())
	}
	if got := mustOpen(t, folders(t, "ant", "bee/", "cat", "scripts/"), animals, dataset.Matching{OwnClasses: true}); !slices.Equal(got.Classes().Candidates, []int{0, 2}) {
		t.Errorf("among classes without images: %v", got.Classes().Candidates)
	}
	for names, c := range map[string]struct {
		model dataset.Model
		o     dataset.Matching
		note  string
	}{
		"a b c":    {dataset.Model{Classes: 3}, dataset.Matching{}, `nobody states the names of the model's classes: the classes of the data are taken in the order of their bytes`},
		"9 10 11":  {dataset.Model{Classes: 3}, dataset.Matching{Way: dataset.ByOrder}, `as asked, the classes of the data are taken in the order of their bytes, as torchvision does: "10" is class 0, "11" is class 1, "9" is class 2`},
		"c9 c10 x": {animals, dataset.Matching{Way: dataset.ByOrder}, `as asked, the classes of the data are taken in the order of their bytes, as torchvision does: "c10" is class 0`},
	} {
		if got := mustOpen(t, folders(t, strings.Fields(names)...), c.model, c.o).Notes(); !strings.Contains(strings.Join(got, "\n"), c.note) {
			t.Errorf("%s: %q", names, got)
		}
	}
	if got := mustOpen(t, folders(t, "1", "2"), ten, dataset.Matching{}); !strings.Contains(strings.Join(got.Notes(), "\n"), "numbers are taken to count from 0") {
		t.Errorf("%q", got.Notes())
	}
}

func TestReadClassMap(t *testing.T) {
	t.Parallel()
	folder := folders(t, "big ant", "bee", "cat")
	for name, content := range map[string]string{
		"timm.txt": "big ant\nbee\ncat\n", "torchvision.json": `{"big ant": 0, "bee": 1, "cat": 2}`, "list.json": `["big ant", "bee", "cat"]`,
		"columns.csv": "big ant,0\nbee,bee\ncat,2\n", "columns.tsv": "big ant\tant\nbee\t1\ncat\t2\n", "columns.txt": "big ant 0\nbee 1\r\ncat 2", "header.csv": "name,class\nbig ant,0\nbee,1\ncat,2\n",
	} {
		set := mustOpen(t, folder, animals, dataset.Matching{Map: classMap(t, name, content)})
		if diff := cmp.Diff([]string{"bee/1.png 1", "big ant/1.png 0", "cat/1.png 2"}, list(t, set)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, content := range map[string]string{
		"empty": "", "no JSON": "{", "a list of numbers": "[1]", "an object of lists": `{"a": [1]}`, "a name twice": `{"a": 1, "b": 0, "a": 0}`, "twice": "a,1\na,2\n", "three columns": "a,b,c\n", "columns missing": "a,1\nb\n", "a blank line": "a\n\nb\n", "a pickle": "\x80\x04\x95\x10",
	} {
		_, err := dataset.ReadClassMap(write(t, "map", content))
		if wrong := (*dataset.ListError)(nil); !errors.As(err, &wrong) || wrong.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
