package dataset_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/vocabulary"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

// The ground truth of the first images of ImageNet's validation set, as each of its publishers writes it.
const (
	kitTruth    = "490\n361\n171\n822\n297\n482\n13\n704\n599\n164\n"
	logitTruth  = "65\n970\n230\n809\n516\n57\n334\n415\n674\n332\n"
	caffeTruth  = "ILSVRC2012_val_00000001.JPEG 65\nILSVRC2012_val_00000002.JPEG 970\nILSVRC2012_val_00000003.JPEG 230\n"
	kaggleTruth = "ImageId,PredictionString\nILSVRC2012_val_00000003,n02105855 1 2 3 4 n02105855 5 6 7 8 \nILSVRC2012_val_00000001,n01751748 85 1 499 272 \nILSVRC2012_val_00000002,n09193705 0 0 1 1\n"
)

// validation returns a folder with the first three images of ImageNet's validation set, or what is called so.
func validation(t *testing.T) string {
	t.Helper()
	return plant(t, "ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG", "more/ILSVRC2012_val_00000003.jpeg", "README !")
}

func openTruth(t *testing.T, folder, truth string, model dataset.Model, o dataset.Matching) (dataset.Set, error) {
	t.Helper()
	found, err := dataset.Open(t.Context(), []string{folder}, dataset.Options{Truth: truth})
	if err != nil {
		return nil, err
	}
	return found.Match(t.Context(), model, o)
}

func TestTruth_OfImageNet(t *testing.T) {
	t.Parallel()
	folder := validation(t)
	want := []string{"ILSVRC2012_val_00000001.JPEG 65", "ILSVRC2012_val_00000002.JPEG 970", "more/ILSVRC2012_val_00000003.jpeg 230"}
	for name, content := range map[string]string{
		"ILSVRC2012_validation_ground_truth.txt": kitTruth, "logits.txt": logitTruth, "from1.txt": "66\n971\n231\n810\n517\n58\n335\n416\n675\n333\n", "val.txt": caffeTruth,
		"LOC_val_solution.csv": kaggleTruth, "ids.txt": "n01751748\nn09193705\nn02105855\n",
	} {
		set, err := openTruth(t, folder, write(t, name, content), imageNet(), dataset.Matching{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, list(t, set)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		said := strings.Contains(strings.Join(set.Notes(), "\n"), name+" has the classes of 10 images, of which 3 are here")
		if said != (strings.Count(content, "\n") == 10) {
			t.Errorf("%s: %q", name, set.Notes())
		}
	}
}

// A flat folder of other images.
func TestTruth_OfOthers(t *testing.T) {
	t.Parallel()
	folder := plant(t, "x/1.png", "x/2.png", "10.png")
	for name, content := range map[string]string{"list.csv": "1.png,ant\n2.png,cat\n10.png,bee\n", "order.txt": "bee\nant\ncat\n", "numbers.txt": "1\n0\n2\n"} {
		set, err := openTruth(t, folder, write(t, name, content), animals, dataset.Matching{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff([]string{"10.png 1", "x/1.png 0", "x/2.png 2"}, list(t, set)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Images of one name in several folders are told apart by their folders.
func TestTruth_Folders(t *testing.T) {
	t.Parallel()
	folder := plant(t, "a/x.png", "b/x.png", "b/x.jpg", "y.png")
	want := []string{"a/x.png 0", "b/x.jpg 2", "b/x.png 1", "y.png 2"}
	for _, content := range []string{
		"a/x.png,ant\nb/x.png,bee\nb/x.jpg,cat\ny.png,cat\n", "val/a/x.png,ant\nval/b/x.png,bee\nval/b/x.jpg,cat\nval/y.JPEG,cat\n",
		"./a/x,ant\nb/x.png,bee\nb\\x.jpg,cat\nelsewhere/y,cat\n",
		"a/x.png,ant\nb/x.png,bee\nb/x.jpg,cat\ny.png,cat\nx.jpeg,cat\n",
	} {
		set, err := openTruth(t, folder, write(t, "truth.csv", content), animals, dataset.Matching{})
		if err != nil {
			t.Errorf("%q: %v", content, err)
			continue
		}
		if diff := cmp.Diff(want, list(t, set)); diff != "" {
			t.Errorf("%q: %s", content, diff)
		}
	}
}

// What the lines of a file without names were taken for is said.
func TestTruth_Notes(t *testing.T) {
	t.Parallel()
	images := validation(t)
	for _, c := range []struct{ folder, content, note string }{
		{images, kitTruth, "are those of ImageNet's development kit, which are translated by WordNet id"},
		{images, logitTruth, "are those of the logits, from 0"},
		{images, "66\n971\n231\n810\n517\n58\n335\n416\n675\n333\n", "are those of the logits, counted from 1"},
		{plant(t, "1.png", "2.png", "3.png"), "n01751748\nn09193705\nn02105855\n", "in the order of their names, from 1.png to 3.png"},
		{
			plant(t, "a/1.png", "b/2.png", "c/3.png"), "zz/1.png,n01751748\nval/b/2,n09193705\ny/3.png,n02105855\n",
			`2 lines are in another folder than the image that was found by the name alone: the first is line 1, "zz/1.png", for the image "a/1.png"`,
		},
	} {
		set, err := openTruth(t, c.folder, write(t, "truth.txt", c.content), imageNet(), dataset.Matching{})
		if err != nil {
			t.Error(err)
			continue
		}
		if notes := strings.Join(set.Notes(), "\n"); !strings.Contains(notes, c.note) {
			t.Errorf("%q: %s", c.content, notes)
		}
	}
}

// In tar files, too, a line is about one image, and what has no names belongs to no image but those of ImageNet's validation set.
func TestTruth_OfTars(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tar, content, message, note string
		model                       dataset.Model
	}{
		{tars + "flat.tar", kitTruth, "", "are those of ImageNet's development kit", imageNet()},
		{tars + "flat.tar", "1\n2\n3\n", "the numbers are not the classes of ImageNet's validation set", "", imageNet()},
		{pack(t, "a.png="+png), "1\n", `it has no names, and nothing says which line is about the image "a.png"`, "", ten},
		{pack(t, "a/x.png="+png, "b/x.png="+png), "x.png,1\n", `both "made.tar: a/x.png" and "made.tar: b/x.png" are called so`, "", ten},
		{pack(t, "a/x.png="+png, "b/x.png="+png), "a/x.png,1\nb/x.png,1\n", "", "", ten},
		{pack(t, "a/x.png="+png, "b/x.png="+png), "a/x.png,1\nx,2\n", `line 2: "x" may be the image "made.tar: b/x.png" and the image`, "", ten},
		{pack(t, "a/x.png="+png), "zz/x.png,1\n", "", `the first is line 1, "zz/x.png", for the image "made.tar: a/x.png"`, ten},
	} {
		set, err := openTars(t, []string{c.tar}, dataset.Options{Truth: write(t, "truth.txt", c.content)}, c.model, dataset.Matching{})
		if c.message != "" {
			if wrong := (*dataset.ListError)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.message) {
				t.Errorf("%q: %v", c.content, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.content, err)
			continue
		}
		if notes := strings.Join(set.Notes(), "\n"); !strings.Contains(notes, c.note) {
			t.Errorf("%q: %s", c.content, notes)
		}
		if first, again := list(t, set), list(t, set); !cmp.Equal(first, again) {
			t.Errorf("%q, then %q", first, again)
		}
	}
}

func TestTruth_Errors(t *testing.T) {
	t.Parallel()
	images, other := validation(t), plant(t, "1.png", "2.png")
	for _, c := range []struct{ name, folder, file, content, message string }{
		{"numbers of nothing that is known", images, "truth.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "the numbers are not the classes of ImageNet's validation set"},
		{"too few numbers to tell", images, "truth.txt", "490\n361\n171\n", "the numbers are not the classes of ImageNet's validation set"},
		{"a number that is no class", images, "truth.txt", kitTruth + "1001\n", "line 11: 1001 is no class of ImageNet-1k"},
		{"the kit's file about other images", other, "ILSVRC2012_validation_ground_truth.txt", "1\n2\n", "belong to images that are called"},
		{"another number of images", other, "truth.txt", "ant\n", "1 class for 2 images"},
		{"an image without a class", other, "truth.csv", "1.png,ant\n", `it has no class for the image "2.png"`},
		{"an image with two classes", other, "truth.csv", "1.png,ant\n1.png,bee\n2.png,bee\n", `line 2: the image "1.png" has the classes "ant" and "bee"`},
		{"lines that differ in what the image does not have", other, "truth.csv", "a/1.png,ant\nb/1.png,bee\n2.png,bee\n", `line 2: "b/1.png" and "a/1.png" of line 1 may both be the image "1.png"`},
		{"a line about two images", plant(t, "a/x.png", "b/x.png"), "truth.csv", "x.png,ant\n", `line 1: "x.png" is one image, and both "a/x.png" and "b/x.png" are called so`},
		{"a line about two images of one folder", plant(t, "a/x.png", "a/x.jpg"), "truth.csv", "a/x.png,ant\n", `line 1: "a/x.png" is one image, and both "a/x.jpg" and "a/x.png" are called so`},
		{
			"a line about what another line leaves", plant(t, "a/x.png", "b/x.png"), "truth.csv", "a/x.png,n01751748\nx,n09193705\n",
			`line 2: "x" may be the image "b/x.png" and the image "a/x.png", for which there is another line, of another class`,
		},
		{"the same with the folders exchanged", plant(t, "a/x.png", "b/x.png"), "truth.csv", "x,n09193705\nb/x.png,n01751748\n", `line 1: "x" may be the image "a/x.png" and`},
		{"other folders", plant(t, "a/x.png"), "truth.csv", "b/x.png,ant\nc/x.png,bee\n", `it has no class for the image "a/x.png"`},
		{"an order in doubt", plant(t, "9.png", "10.png"), "truth.txt", "ant\nbee\n", `"10.png" comes before "9.png" by its bytes, and after it by its numbers`},
		{"an image beyond the end", images, "truth.txt", "n01751748\nn09193705\n", "2 classes, and none for the image"},
	} {
		_, err := openTruth(t, c.folder, write(t, c.file, c.content), imageNet(), dataset.Matching{})
		if wrong := (*dataset.ListError)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.message) || wrong.Hint() == "" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := dataset.Open(t.Context(), []string{images}, dataset.Options{Truth: filepath.Join(images, "none")}); err == nil {
		t.Error("a file that is not there")
	}
	// The numbers of the kit need to be translated by WordNet ids, which nobody states of this model.
	if _, err := openTruth(t, images, write(t, "truth.txt", kitTruth), dataset.Model{Classes: 1000}, dataset.Matching{}); !errors.As(err, new(*dataset.MismatchError)) {
		t.Errorf("classes that nobody states: %v", err)
	}
}

func TestRealLabels(t *testing.T) {
	t.Parallel()
	folder, truth := validation(t), write(t, "val.txt", caffeTruth)
	real, err := dataset.ReadRealLabels(write(t, "real.json", "[[65], [795, 970], []]"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := openTruth(t, folder, truth, imageNet(), dataset.Matching{Real: real})
	if err != nil {
		t.Fatal(err)
	}
	var got [][]int
	for e := range set.Examples(t.Context()) {
		got = append(got, e.Real)
	}
	if diff := cmp.Diff([][]int{{65}, {795, 970}, {}}, got); diff != "" {
		t.Error(diff)
	}
	short, err := dataset.ReadRealLabels(write(t, "real.json", "[[65]]"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		model dataset.Model
		real  *dataset.RealLabels
		want  string
	}{
		"another model":              {animals, real, "which are not those of the model"},
		"another set":                {dataset.Model{Classes: 21841, Labels: vocabulary.ByName(vocabulary.ImageNet22k).Labels()}, real, "which are not those of the model"},
		"a model of unstated names":  {dataset.Model{Classes: 1000}, real, "nobody states that the model has those"},
		"fewer labels than pictures": {imageNet(), short, `it has no labels for the image "ILSVRC2012_val_00000002.JPEG"`},
	} {
		_, err := openTruth(t, folder, truth, c.model, dataset.Matching{Real: c.real})
		if wrong := (*dataset.RealError)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.want) || wrong.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, content := range []string{"", "{}", "[1]", "[[1000]]", "[[-1]]", "[[1.5]]"} {
		if _, err := dataset.ReadRealLabels(write(t, "real.json", content)); !errors.As(err, new(*dataset.RealError)) || !errors.Is(err, errdef.ErrInput) {
			t.Errorf("%q: %v", content, err)
		}
	}
}
