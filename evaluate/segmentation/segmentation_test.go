package segmentation_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/segmentation"
)

const golden = "../../testdata/segmentation/"

// recorded is what mmsegmentation made of a data set and of the maps of a model: dev/interop/pixels.py wrote it.
type recorded struct {
	Model    string `json:"model"`
	Taps     string `json:"taps"`
	Reduce   bool   `json:"reduce_zero_label"`
	Pictures []struct {
		Image  string   `json:"image"`
		Labels string   `json:"labels"`
		Pairs  [][3]int `json:"pairs"`
	} `json:"pictures"`
	Intersection []int64            `json:"intersection"`
	Predicted    []int64            `json:"predicted"`
	Labelled     []int64            `json:"labelled"`
	IoU          []*float64         `json:"IoU"`
	Acc          []*float64         `json:"Acc"`
	AAcc         []float64          `json:"aAcc"`
	Printed      map[string]float64 `json:"printed"`
}

func read(t *testing.T, name string) recorded {
	t.Helper()
	raw, err := os.ReadFile(golden + "figures/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var r recorded
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// load loads one of the small models.
func load(t *testing.T, r recorded) *beitzoo.Segmenter {
	t.Helper()
	var taps [arch.Levels]arch.Tap
	for i, word := range strings.Split(r.Taps, ",") {
		var err error
		if taps[i], err = arch.ParseTap(word); err != nil {
			t.Fatal(err)
		}
	}
	options := beitzoo.Options{Checkpoint: convert.OpenOptions{Taps: &taps}, Digest: true}
	s, err := beitzoo.LoadSegmenter(t.Context(), beitzoo.Weights{Path: golden + r.Model}, "", segment.Options{}, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func open(t *testing.T, source string, o segmentation.Options) *segmentation.Data {
	t.Helper()
	data, err := segmentation.Open(t.Context(), source, o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// evaluateTo evaluates a part with a file of predictions.
func evaluateTo(t *testing.T, s *beitzoo.Segmenter, data *segmentation.Data, path string, part evaluate.Shard) (*segmentation.Summary, error) {
	t.Helper()
	header := segmentation.HeaderFor(s.Segmenter, data, data.Labelling(), part)
	header.Model.Digest = s.Digest
	log, err := segmentation.OpenLog(path, header)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	return segmentation.Evaluate(t.Context(), s.Segmenter, data, segmentation.RunOptions{Header: header, Log: log})
}

// equalShares takes shares of nothing for equal.
var equalShares = cmp.Comparer(func(a, b segmentation.Share) bool { return a == b || !a.Known() && !b.Known() })

var whole = evaluate.Shard{Index: 1, Of: 1}

func close32(got segmentation.Share, want *float64) bool {
	if want == nil {
		return !got.Known()
	}
	return math.Abs(float64(got)-*want) <= 1e-6**want
}

// TestEvaluate_Recorded compares with mmsegmentation: areas, pairs of classes of each picture, and figures, which it computes in float32.
func TestEvaluate_Recorded(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ade20k", "cityscapes"} {
		r := read(t, name)
		s, data := load(t, r), open(t, golden+"figures/"+name, segmentation.Options{})
		if data.Labelling().ReduceZeroLabel != r.Reduce {
			t.Errorf("%s: labels are reduced: %t", name, !r.Reduce)
		}
		path := filepath.Join(t.TempDir(), "p.jsonl")
		summary, err := evaluateTo(t, s, data, path, whole)
		if err != nil {
			t.Fatal(err)
		}
		for class, c := range summary.Classes {
			want := segmentation.Area{Labelled: r.Labelled[class], Predicted: r.Predicted[class], Intersection: r.Intersection[class]}
			if c.Area != want || !close32(c.IoU, r.IoU[class]) || !close32(c.Accuracy, r.Acc[class]) {
				t.Errorf("%s, class %d: %+v", name, class, c)
			}
		}
		for key, got := range map[string]segmentation.Share{"mIoU": summary.MeanIoU, "mAcc": summary.MeanAccuracy, "aAcc": summary.Accuracy} {
			if !(math.Abs(100*float64(got)-r.Printed[key]) <= 0.0051) || r.Printed[key] == 0 {
				t.Errorf("%s: %s is %g, not %g", name, key, 100*float64(got), r.Printed[key])
			}
		}
		predictions, err := segmentation.ReadPredictions(path)
		if err != nil || !predictions.Finished {
			t.Fatal(err)
		}
		if diff := cmp.Diff(summary, predictions.Summary(), equalShares); diff != "" {
			t.Errorf("%s: from the file: %s", name, diff)
		}
		pairs := map[string][][3]int{}
		for _, p := range r.Pictures {
			pairs[p.Image+" "+p.Labels] = p.Pairs
		}
		count := 0
		for record, err := range predictions.Records() {
			if want, there := pairs[record.Image+" "+record.Labels]; err != nil || !there || !slices.Equal(record.Pairs, want) {
				t.Errorf("%s, %s: pairs %v, not %v; %v", name, record.Image, record.Pairs, want, err)
			}
			count++
		}
		if count != len(r.Pictures) {
			t.Errorf("%s: %d records", name, count)
		}
	}
}

// TestMerge: parts add up to the figures of the whole, in any order; parts of something else do not, and a part is not the whole.
func TestMerge(t *testing.T) {
	t.Parallel()
	r, folder := read(t, "ade20k"), t.TempDir()
	s, data := load(t, r), open(t, golden+"figures/ade20k", segmentation.Options{})
	want, err := evaluateTo(t, s, data, filepath.Join(folder, "whole.jsonl"), whole)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, index := range []int{3, 1, 4, 2} {
		path := filepath.Join(folder, fmt.Sprintf("%d.jsonl", index))
		summary, err := evaluateTo(t, s, data, path, evaluate.Shard{Index: index, Of: 4})
		if err != nil || summary.Partial != fmt.Sprintf("part %d/4 of the data set", index) {
			t.Fatalf("%q, %v", summary.Partial, err)
		}
		parts = append(parts, path)
	}
	merged, err := segmentation.Merge(parts...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, merged.Summary(), equalShares); diff != "" {
		t.Error(diff)
	}
	for name, paths := range map[string][]string{"one missing": parts[1:], "one twice": append(slices.Clone(parts), parts[0]), "none": nil} {
		if _, err := segmentation.Merge(paths...); !errors.As(err, new(*evaluate.PartsError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other, err := os.ReadFile(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{"weights": {s.Digest[:20], "sha256:0123456789abc"}, "labels": {`"reduce_zero_label":true`, `"reduce_zero_label":false`}, "engine": {`"engine":""`, `"engine":"torch"`}} {
		changed := filepath.Join(folder, "changed.jsonl")
		if !bytes.Contains(other, []byte(change[0])) {
			t.Fatalf("%s: nothing to change", name)
		}
		if err := os.WriteFile(changed, bytes.Replace(other, []byte(change[0]), []byte(change[1]), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := segmentation.Merge(append([]string{changed}, parts[1:]...)...); !errors.As(err, new(*evaluate.MismatchError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	renamed := bytes.Replace(other, []byte(`"image":"p02.jpg"`), []byte(`"image":"p92.jpg"`), 1)
	if err := os.WriteFile(parts[0], renamed, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := segmentation.Merge(parts...); !errors.As(err, new(*evaluate.PartsError)) {
		t.Errorf("another picture: %v", err)
	}
}

// TestOpenLog_CutAnywhere cuts a file of predictions at drawn bytes, as a killed process leaves it, and resumes: the file becomes the same to the byte.
func TestOpenLog_CutAnywhere(t *testing.T) {
	t.Parallel()
	r, path := read(t, "ade20k"), filepath.Join(t.TempDir(), "p.jsonl")
	s, data := load(t, r), open(t, golden+"figures/ade20k", segmentation.Options{})
	want, err := evaluateTo(t, s, data, path, whole)
	if err != nil {
		t.Fatal(err)
	}
	full, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	header, drawn := bytes.IndexByte(full, '\n'), rand.New(rand.NewPCG(13, 0))
	cuts := []int{0, 1, header - 1, header, header + 1, len(full) - 1, len(full)}
	for range 12 {
		cuts = append(cuts, drawn.IntN(len(full)))
	}
	for _, cut := range cuts {
		if err := os.WriteFile(path, full[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := evaluateTo(t, s, data, path, whole)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if diff := cmp.Diff(want, got, equalShares); diff != "" {
			t.Errorf("cut at %d: %s", cut, diff)
		}
		if resumed, err := os.ReadFile(path); err != nil || !bytes.Equal(resumed, full) {
			t.Errorf("cut at %d: the file has %d bytes in place of %d, %v", cut, len(resumed), len(full), err)
		}
	}
}

// plant writes pictures of 40 x 30 pixels, and labels with these values, by their names; nil labels are left out.
func plant(t *testing.T, images []string, labels map[string]image.Image) (imagesFolder, labelsFolder string) {
	t.Helper()
	root := t.TempDir()
	write := func(path string, drawn image.Image) {
		var file bytes.Buffer
		err := errors.Join(png.Encode(&file, drawn), os.MkdirAll(filepath.Dir(path), 0o700))
		if err == nil {
			err = os.WriteFile(path, file.Bytes(), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range images {
		write(filepath.Join(root, "i", name), image.NewNRGBA(image.Rect(0, 0, 40, 30)))
	}
	for name, drawn := range labels {
		write(filepath.Join(root, "l", name), drawn)
	}
	return filepath.Join(root, "i"), filepath.Join(root, "l")
}

func grey(width, height int, value uint8) image.Image {
	drawn := image.NewGray(image.Rect(0, 0, width, height))
	for i := range drawn.Pix {
		drawn.Pix[i] = value
	}
	return drawn
}

// TestData_Check: what does not fit is found before anything is computed, all of one kind together.
func TestData_Check(t *testing.T) {
	t.Parallel()
	images, labels := plant(t, []string{"a.png", "b.png", "c.png", "d.png", "e.png", "sub/f.png"}, map[string]image.Image{
		"a.png": grey(40, 30, 4), "b.png": grey(40, 30, 5), "c.png": grey(30, 40, 0), "d.png": image.NewGray16(image.Rect(0, 0, 40, 30)), "e.png": image.NewNRGBA(image.Rect(0, 0, 40, 30)),
		"sub/f.png": grey(40, 30, 255),
	})
	data := open(t, images, segmentation.Options{LabelsFolder: labels})
	calls := 0
	_, err := data.Check(t.Context(), whole, 5, data.Labelling(), true, func(done int) { calls = done })
	wrong := (*segmentation.DataError)(nil)
	if !errors.As(err, &wrong) || !errors.Is(err, errdef.ErrInput) || calls != 6 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	want := []segmentation.Problem{
		{Kind: segmentation.NotIndices, Files: []string{
			"d.png (decode PNG: PNG with grey of 16 bits, not numbers of classes, is not supported)", "e.png (decode PNG: PNG with colours, not numbers of classes, is not supported)",
		}},
		{Kind: segmentation.OtherSize, Files: []string{"c.png (30 x 40, and the picture has 40 x 30 pixels)"}},
		{Kind: segmentation.Beyond, Files: []string{"b.png (the number 5, and there are 5 classes)"}},
	}
	if diff := cmp.Diff(want, wrong.Problems); diff != "" {
		t.Error(diff)
	}
	// With the reduction 5 is the last class, and 0 does not count.
	_, err = data.Check(t.Context(), whole, 5, segmentation.Labelling{ReduceZeroLabel: true, IgnoreIndex: 255}, true, nil)
	if !errors.As(err, &wrong) || wrong.Has(segmentation.Beyond) || !wrong.Has(segmentation.OtherSize) {
		t.Error(err)
	}
	// A part is about its own pictures.
	contents, err := data.Check(t.Context(), evaluate.Shard{Index: 1, Of: 6}, 5, data.Labelling(), true, nil)
	if err != nil || len(contents) != 1 {
		t.Errorf("%v, %v", contents, err)
	}
}

// TestOpen_Unpaired: what has no partner is an error, or left out and said.
func TestOpen_Unpaired(t *testing.T) {
	t.Parallel()
	images, labels := plant(t, []string{"a.png", "b.png", "c.png"}, map[string]image.Image{"b.png": grey(40, 30, 0), "x/a.png": grey(40, 30, 0)})
	_, err := segmentation.Open(t.Context(), images, segmentation.Options{LabelsFolder: labels})
	wrong := (*segmentation.DataError)(nil)
	if !errors.As(err, &wrong) || len(wrong.Problems) != 2 || !slices.Equal(wrong.Problems[0].Files, []string{"a.png", "c.png"}) || !slices.Equal(wrong.Problems[1].Files, []string{"x/a.png"}) {
		t.Fatal(err)
	}
	data := open(t, images, segmentation.Options{LabelsFolder: labels, Unpaired: true})
	if want := []string{"2 pictures without labels: a.png, c.png; left out", "1 file of labels without a picture: x/a.png; left out"}; data.Len() != 1 || !slices.Equal(data.Notes(), want) {
		t.Errorf("%d, %q", data.Len(), data.Notes())
	}
	if err := os.Link(filepath.Join(images, "b.png"), filepath.Join(images, "b.bmp")); err != nil {
		t.Fatal(err)
	}
	if _, err := segmentation.Open(t.Context(), images, segmentation.Options{LabelsFolder: labels, Unpaired: true}); !errors.As(err, &wrong) || !wrong.Has(segmentation.SameLabels) {
		t.Errorf("the same labels twice: %v", err)
	}
	if _, err := segmentation.Open(t.Context(), images, segmentation.Options{LabelsFolder: filepath.Join(labels, "x"), Unpaired: true}); err != nil {
		t.Error(err)
	}
}

// TestOpen_SeveralLabels: of several files of labels for one picture none is chosen.
func TestOpen_SeveralLabels(t *testing.T) {
	t.Parallel()
	images, labels := plant(t, []string{"a.png"}, map[string]image.Image{"a.png": grey(40, 30, 0), "a.PNG": grey(40, 30, 1)})
	if entries, err := os.ReadDir(labels); err != nil || len(entries) < 2 {
		t.Skipf("a file system without case: %v", err)
	}
	for _, unpaired := range []bool{false, true} {
		_, err := segmentation.Open(t.Context(), images, segmentation.Options{LabelsFolder: labels, Unpaired: unpaired})
		if wrong := (*segmentation.DataError)(nil); !errors.As(err, &wrong) || !wrong.Has(segmentation.SeveralLabels) || !strings.Contains(wrong.Hint(), ".PNG") {
			t.Errorf("%v", err)
		}
	}
}

// TestOpen_Layouts: the layout, its split and the folders of both are found.
func TestOpen_Layouts(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, folder := range []string{"ade/images/training", "ade/images/validation", "ade/annotations/training", "ade/annotations/validation", "ade/images/test"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	copyFS := func(to string) {
		if err := os.CopyFS(filepath.Join(root, to), os.DirFS(golden+"figures/ade20k")); err != nil {
			t.Fatal(err)
		}
	}
	copyFS("ade")
	ade := filepath.Join(root, "ade")
	for _, source := range []string{ade, filepath.Join(ade, "images", "validation")} {
		data := open(t, source, segmentation.Options{})
		if data.Layout() != segmentation.ADE20K || data.Split() != "validation" || data.Len() != 6 || !data.Labelling().ReduceZeroLabel || !segmentation.Recognise(source) {
			t.Errorf("%s: %s, split %s, %d pictures", source, data.Layout(), data.Split(), data.Len())
		}
	}
	city := open(t, golden+"figures/cityscapes/leftImg8bit/val", segmentation.Options{})
	if city.Layout() != segmentation.Cityscapes || city.Len() != 6 || city.Labelling().ReduceZeroLabel || city.Digest() != open(t, golden+"figures/cityscapes", segmentation.Options{}).Digest() {
		t.Errorf("%s, %d pictures", city.Layout(), city.Len())
	}
	for name, c := range map[string]struct {
		source string
		o      segmentation.Options
	}{
		"no layout":          {root, segmentation.Options{}},
		"a split without":    {ade, segmentation.Options{Split: "test"}},
		"a split above":      {ade, segmentation.Options{Split: "../.."}},
		"two splits":         {filepath.Join(ade, "images", "validation"), segmentation.Options{Split: "training"}},
		"split and labels":   {ade, segmentation.Options{Split: "training", LabelsFolder: root}},
		"labels without any": {filepath.Join(ade, "images", "validation"), segmentation.Options{LabelsFolder: filepath.Join(ade, "images", "validation")}},
		"a file":             {golden + "figures/ade20k.json", segmentation.Options{}},
	} {
		if _, err := segmentation.Open(t.Context(), c.source, c.o); !errors.As(err, new(*segmentation.LayoutError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEvaluate_Unread: a picture and labels that cannot be read are said, and tried again by the next evaluation with the same file.
func TestEvaluate_Unread(t *testing.T) {
	t.Parallel()
	s, path := load(t, read(t, "ade20k")), filepath.Join(t.TempDir(), "p.jsonl")
	images, labels := plant(t, []string{"a.png", "b.png", "c.png"}, map[string]image.Image{"a.png": grey(40, 30, 3), "b.png": grey(40, 30, 3), "c.png": grey(40, 30, 1)})
	picture, err := os.ReadFile(filepath.Join(images, "a.png"))
	label, err2 := os.ReadFile(filepath.Join(labels, "b.png"))
	if err := errors.Join(err, err2, os.Truncate(filepath.Join(images, "a.png"), 50), os.Truncate(filepath.Join(labels, "b.png"), 50)); err != nil {
		t.Fatal(err)
	}
	data := open(t, images, segmentation.Options{LabelsFolder: labels})
	summary, err := evaluateTo(t, s, data, path, whole)
	unread := (*classify.UnreadError)(nil)
	if !errors.As(err, &unread) || len(unread.Failures) != 2 || unread.Failures[1].Path != "b.png" || summary.Images != 1 || len(summary.Unread) != 2 || summary.Pixels != 1200 ||
		strings.Contains(unread.Failures[0].Error(), "labels") || !strings.Contains(unread.Failures[1].Error(), "its labels b.png: ") {
		t.Fatalf("%+v, %v", summary, err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(images, "a.png"), picture, 0o600), os.WriteFile(filepath.Join(labels, "b.png"), label, 0o600)); err != nil {
		t.Fatal(err)
	}
	if summary, err = evaluateTo(t, s, data, path, whole); err != nil || summary.Images != 3 || summary.Pixels != 3600 || len(summary.Unread) != 0 {
		t.Fatalf("%+v, %v", summary, err)
	}
	// Other labels of the same name are another data set.
	changed := &bytes.Buffer{}
	err = png.Encode(changed, grey(40, 30, 2))
	if err := errors.Join(err, os.WriteFile(filepath.Join(labels, "c.png"), changed.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err = evaluateTo(t, s, data, path, whole); !errors.As(err, new(*evaluate.ChangedError)) {
		t.Error(err)
	}
}

// TestReadPredictions_Hostile changes lines of a file, one by one.
func TestReadPredictions_Hostile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "p.jsonl")
	if _, err := evaluateTo(t, load(t, read(t, "ade20k")), open(t, golden+"figures/ade20k", segmentation.Options{}), path, whole); err != nil {
		t.Fatal(err)
	}
	full, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`{"format"`, `{"Format"`},
		{`"kind":"upernet"`, `"kind":"beit"`},
		{`"images":6`, `"images":-1`},
		{`"epsilon":0.000001}`, `"epsilon":0.000001},"palette":[[1,2,3]]`},
		{`"of":1`, `"of":0`},
		{`{"index":1,"im`, `{"index":6,"im`},
		{`{"index":1,"im`, `{"index":0,"im`},
		{`{"index":1,"im`, `{"im`},
		{`{"index":1,"im`, `{"index":1,"Index":1,"im`},
		{`"width":75`, `"width":76`},
		{`"width":75,"height":50`, `"width":75000000,"height":50000000`},
		{`[0,0,17]`, `[0,0,18]`},
		{`[0,0,17]`, `[0,5,17]`},
		{`[0,0,17]`, `[0,0,17],[0,0,0]`},
		{`[0,0,17]`, `[4,4,17]`},
		{`"windows":2`, `"windows":-1`},
		{`"width":75`, `"error":"x","width":75`},
		{`"image":"p01.jpg"`, `"image":"p91.jpg"`},
		{`{"end":{"images":6}}`, `{"end":{"images":5}}`},
	} {
		if !bytes.Contains(full, []byte(change[0])) {
			t.Fatalf("there is no %s to change", change[0])
		}
		if err := os.WriteFile(path, bytes.Replace(full, []byte(change[0]), []byte(change[1]), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := segmentation.ReadPredictions(path); !errors.As(err, new(*evaluate.FileError)) {
			t.Errorf("%s for %s: %v", change[1], change[0], err)
		}
	}
}

// TestRecord_Prediction has maps that are none.
func TestRecord_Prediction(t *testing.T) {
	t.Parallel()
	encode := func(drawn image.Image) []byte {
		var file bytes.Buffer
		if err := png.Encode(&file, drawn); err != nil {
			t.Fatal(err)
		}
		return file.Bytes()
	}
	for name, raw := range map[string][]byte{
		"none": {1}, "large": encode(grey(161, 1, 0)), "colours": encode(image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.White})), "beyond": encode(grey(2, 2, 5)),
	} {
		if _, err := (&segmentation.Record{Map: raw}).Prediction(5); err == nil {
			t.Errorf("%s is a map", name)
		}
	}
	got, err := (&segmentation.Record{Map: encode(grey(2, 1, 4))}).Prediction(5)
	if diff := cmp.Diff(&segmentation.Small{Width: 2, Height: 1, Classes: []int{4, 4}}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}
