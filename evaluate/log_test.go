package evaluate_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/disk"
)

// evaluateTo evaluates a part of a data set with a file of predictions.
func evaluateTo(t *testing.T, classifier *classify.Classifier, data dataset.Set, path string, part evaluate.Shard) (*evaluate.Summary, error) {
	t.Helper()
	header := evaluate.HeaderFor(classifier, data, part)
	log, err := evaluate.OpenLog(path, header)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	return evaluate.Classification(t.Context(), classifier, data, evaluate.Options{Header: header, Log: log})
}

var whole = evaluate.Shard{Index: 1, Of: 1}

// some are every tenth of the digits, of each of which a test does not need all.
func some(t *testing.T) *dataset.List {
	t.Helper()
	var few []dataset.Example
	for i, e := range digitExamples(t) {
		if i%10 == 0 {
			few = append(few, e)
		}
	}
	return dataset.NewList("digits", few, tenClasses())
}

// TestOpenLog_CutAnywhere cuts a file of predictions at drawn bytes, as a killed process leaves it, and resumes: the file becomes the same to the byte.
func TestOpenLog_CutAnywhere(t *testing.T) {
	t.Parallel()
	classifier, data := digits(t), some(t)
	path := filepath.Join(t.TempDir(), "p.jsonl")
	want, err := evaluateTo(t, classifier, data, path, whole)
	if err != nil {
		t.Fatal(err)
	}
	full, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(full, []byte("\n")); lines != 38 {
		t.Fatalf("%d lines, want a header, 36 records and an end", lines)
	}
	header := bytes.IndexByte(full, '\n')
	drawn := rand.New(rand.NewPCG(13, 0))
	cuts := []int{0, 1, header - 1, header, header + 1, len(full) - 1, len(full)}
	for range 25 {
		cuts = append(cuts, drawn.IntN(len(full)))
	}
	for _, cut := range cuts {
		if err := os.WriteFile(path, full[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := evaluateTo(t, classifier, data, path, whole)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cut at %d: %s", cut, diff)
		}
		if resumed, err := os.ReadFile(path); err != nil || !bytes.Equal(resumed, full) {
			t.Errorf("cut at %d: the file has %d bytes in place of %d, %v", cut, len(resumed), len(full), err)
		}
	}
}

// TestOpenLog_LinksExchanged: tar files of the same size and names, in which hard links lead to other images, are other data.
func TestOpenLog_LinksExchanged(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, predictions := filepath.Join(folder, "l.tar"), filepath.Join(folder, "p.jsonl")
	open := func(first, second string) dataset.Set {
		var packed bytes.Buffer
		w := tar.NewWriter(&packed)
		for i, name := range []string{"0/a.png", "1/b.png"} {
			file, err := digitExamples(t)[40*i].Open()
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(file)
			if err = errors.Join(err, file.Close(), w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(raw))})); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(raw); err != nil {
				t.Fatal(err)
			}
		}
		err := errors.Join(
			w.WriteHeader(&tar.Header{Name: "0/l.png", Typeflag: tar.TypeLink, Linkname: first}), w.WriteHeader(&tar.Header{Name: "1/m.png", Typeflag: tar.TypeLink, Linkname: second}),
			w.Close(), os.WriteFile(path, packed.Bytes(), 0o600),
		)
		if err != nil {
			t.Fatal(err)
		}
		found, err := dataset.Open(t.Context(), []string{path}, dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		set, err := found.Match(t.Context(), dataset.Model{Classes: 10}, dataset.Matching{})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	classifier := digits(t)
	if _, err := evaluateTo(t, classifier, open("0/a.png", "1/b.png"), predictions, whole); err != nil {
		t.Fatal(err)
	}
	changed := &evaluate.ChangedError{}
	if _, err := evaluateTo(t, classifier, open("1/b.png", "0/a.png"), predictions, whole); !errors.As(err, &changed) || changed.Record.Image != "0/l.png" {
		t.Errorf("%v", err)
	}
}

// TestOpenLog_TriesUnreadAgain: images that could not be read are read by the next evaluation with the same file, and counted once.
func TestOpenLog_TriesUnreadAgain(t *testing.T) {
	t.Parallel()
	classifier := digits(t)
	examples := digitExamples(t)[:30]
	broken := append([]dataset.Example(nil), examples...)
	broken[7].Open = embeddedImage("gone").Open
	path := filepath.Join(t.TempDir(), "p.jsonl")
	summary, err := evaluateTo(t, classifier, dataset.NewList("", broken, tenClasses()), path, whole)
	if !errors.As(err, new(*classify.UnreadError)) || !errors.Is(err, fs.ErrNotExist) || summary.Images != 29 || len(summary.Unread) != 1 {
		t.Fatalf("%+v, %v", summary, err)
	}
	summary, err = evaluateTo(t, classifier, dataset.NewList("", examples, tenClasses()), path, whole)
	if err != nil || summary.Images != 30 || len(summary.Unread) != 0 || summary.All != 30 {
		t.Errorf("%+v, %v", summary, err)
	}
	read, err := evaluate.ReadPredictions(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(summary, read.Summary()); diff != "" || !read.Finished {
		t.Errorf("read again: %s", diff)
	}
	seen := map[int]string{}
	for record, err := range read.Records() {
		if _, twice := seen[record.Index]; err != nil || twice {
			t.Errorf("%+v, %v", record, err)
		}
		seen[record.Index] = record.Error
	}
	if len(seen) != 30 || seen[7] != "" {
		t.Errorf("%d records, %q", len(seen), seen[7])
	}
}

func TestOpenLog_OtherEvaluation(t *testing.T) {
	t.Parallel()
	classifier, data := digits(t), some(t)
	header := evaluate.HeaderFor(classifier, data, whole)
	path := filepath.Join(t.TempDir(), "p.jsonl")
	log, err := evaluate.OpenLog(path, header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evaluate.OpenLog(path, header); disk.LocksAreLocal(t.TempDir()) && !errors.As(err, new(*disk.InUseError)) {
		t.Errorf("open twice: %v", err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(h *evaluate.Header){
		"digest of the weights":                  func(h *evaluate.Header) { h.Model.Digest = "sha256:1" },
		"architecture":                           func(h *evaluate.Header) { h.Model.Config.Epsilon = 1e-12 },
		"problem type":                           func(h *evaluate.Header) { h.Model.Problem = card.Regression },
		"function of the logits":                 func(h *evaluate.Header) { h.Model.Function = classify.SigmoidFunction },
		"recipe":                                 func(h *evaluate.Header) { h.Recipe.Mean[1] = 0.1 },
		"engine":                                 func(h *evaluate.Header) { h.Run.Engine = "torch" },
		"dtype":                                  func(h *evaluate.Header) { h.Run.DType = "BF16" },
		"digest of the data":                     func(h *evaluate.Header) { h.Data.Digest = "sha256:2" },
		"number of images":                       func(h *evaluate.Header) { h.Data.Images-- },
		"classes of the data":                    func(h *evaluate.Header) { h.Data.Logits = []int{1, 0, 2, 3, 4, 5, 6, 7, 8, 9} },
		"classes among which answers are sought": func(h *evaluate.Header) { h.Data.Candidates = []int{3, 4} },
		"names of the classes":                   func(h *evaluate.Header) { h.Model.Labels = []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} },
		"names of the data's classes":            func(h *evaluate.Header) { h.Data.Names = []string{"1", "0", "2", "3", "4", "5", "6", "7", "8", "9"} },
		"what classes are matched by":            func(h *evaluate.Header) { h.Data.Way = dataset.ByOrder },
		"digest of the file of right classes":    func(h *evaluate.Header) { h.Data.Truth = "sha256:3" },
		"digest of the class map":                func(h *evaluate.Header) { h.Data.Map = "sha256:4" },
		"digest of the real labels":              func(h *evaluate.Header) { h.Data.Real = "sha256:5" },
		"part":                                   func(h *evaluate.Header) { h.Data.Shard = evaluate.Shard{Index: 2, Of: 3} },
		"":                                       func(h *evaluate.Header) { h.Version, h.Run.Device, h.Model.Name, h.Data.Source = "2", "cuda", "x", "y" },
	} {
		changed := header
		change(&changed)
		log, err := evaluate.OpenLog(path, changed)
		var mismatch *evaluate.MismatchError
		switch {
		case what == "" && err != nil:
			t.Errorf("another machine: %v", err)
		case what == "":
			log.Close()
		case !errors.As(err, &mismatch) || len(mismatch.Differences) != 1 || mismatch.Differences[0].What != what || !errors.Is(err, errdef.ErrUsage):
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestReadPredictions_Damaged: every line that an evaluation would not write is named.
func TestReadPredictions_Damaged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "p.jsonl")
	if _, err := evaluateTo(t, digits(t), some(t), path, evaluate.Shard{Index: 1, Of: 4}); err != nil {
		t.Fatal(err)
	}
	full, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(full), "\n"), "\n")
	if len(lines) != 11 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, c := range []struct {
		name string
		line int
		old  string
		new  string
		want string
	}{
		{"no JSON", 3, `{"index"`, `"index"`, "line 3: not a record"},
		{"another format", 1, "beitzoo.predictions.v1", "beitzoo.predictions.v9", "line 1: not a file of predictions"},
		{"an image that is not there", 3, `"index":4,`, `"index":400,`, "there is no image 400"},
		{"an image before the first", 3, `"index":4,`, `"index":-4,`, "there is no image -4"},
		{"an image of another part", 3, `"index":4,`, `"index":5,`, "image 5 is not one of part 1/4"},
		{"an image of a tar", 3, `"index":4,`, `"index":4,"tar":"a.tar",`, `image 4 of "a.tar" is not one of part 1/4`},
		{"an image twice", 3, `"index":4,`, `"index":0,`, "was counted before"},
		{"a class that is not there", 3, `"class":1,"top"`, `"class":10,"top"`, "a right class is not one of 10"},
		{"an answer that is not there", 3, `"top":[{"class":1`, `"top":[{"class":10`, "an answer is not a class with a probability"},
		{"a probability above 1", 3, `"probability":0.`, `"probability":3.`, "an answer is not a class with a probability"},
		{"a rank beyond all classes", 3, `"rank":1`, `"rank":11`, "5 answers and the rank 11"},
		{"a negative loss", 3, `"loss":`, `"loss":-`, "the loss is -"},
		{"an answer for what could not be read", 3, `"rank":1`, `"error":"gone"`, "an image that could not be read has an answer"},
		{"a field in capitals", 3, `"rank":1`, `"rank":1,"Class":2`, `there is no key "Class": did you mean class?`},
		{"a field twice", 3, `"rank":1`, `"rank":1,"class":2`, `the key "class" stands twice`},
		{"no answer", 3, `"top"`, `"bottom"`, "0 answers and the rank 1"},
		{"another end", 11, `"images":9`, `"images":8`, "the end says 8 images, there are 9"},
		{"too few names", 1, `"names":["0",`, `"names":[`, "the header has 9 names and 10 logits"},
		{"too few labels", 1, `"function"`, `"labels":["cat"],"function"`, "the header has 1 class names for 10 classes"},
		{"a part that is not there", 1, `"of":4`, `"of":0`, "the header says part 1/0"},
		{"a logit that is not there", 1, `"logits":[0`, `"logits":[10`, "the header names a class that is not one of 10"},
		{"no architecture", 1, `"depth":3`, `"depth":0`, "the header's model"},
	} {
		changed := append([]string(nil), lines...)
		changed[c.line-1] = strings.Replace(changed[c.line-1], c.old, c.new, 1)
		if changed[c.line-1] == lines[c.line-1] {
			t.Fatalf("%s: nothing to replace in %s", c.name, lines[c.line-1])
		}
		if err := os.WriteFile(path, []byte(strings.Join(changed, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := evaluate.ReadPredictions(path)
		file := (*evaluate.FileError)(nil)
		if !errors.As(err, &file) || file.Line != c.line || !strings.Contains(err.Error(), c.want) || !errors.Is(err, errdef.ErrInput) || errdef.Hint(err) == "" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := evaluate.ReadPredictions(t.TempDir()); !errors.As(err, new(*disk.NotRegularError)) {
		t.Errorf("a folder: %v", err)
	}
}

// TestReadPredictions_LongLine: a line of 1 GB is refused before it is in memory.
func TestReadPredictions_LongLine(t *testing.T) {
	for start, limit := range map[string]uint64{"": 1 << 20, `{"format":"beitzoo.predictions.v1","version":"`: 512 << 20} {
		path := filepath.Join(t.TempDir(), "p.jsonl")
		if err := os.WriteFile(path, []byte(start), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 1<<30); err != nil { // of which nothing is on the disk
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := evaluate.ReadPredictions(path)
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; !errors.As(err, new(*evaluate.FileError)) || taken > limit {
			t.Errorf("%q: %d bytes, %v", start, taken, err)
		}
	}
}

// FuzzReadPredictions: whatever a file holds, reading it ends with an error or with figures.
func FuzzReadPredictions(f *testing.F) {
	f.Add([]byte(`{"format":"beitzoo.predictions.v1","model":{"config":{"image_height":64,"image_width":64,"patch_size":16,"embed_dim":48,"hidden_dim":192,"depth":3,` +
		`"heads":3,"classes":10,"pooling":"mean","relative_position_bias":"block","epsilon":1e-6},"function":"softmax"},"data":{"images":-1,"shard":{"index":1,"of":1}}}` + "\n" +
		`{"index":1,"tar":"a","class":3,"top":[{"class":3,"probability":0.5},{"class":1,"probability":0.25},{"class":2,"probability":0.125},{"class":0,"probability":0.0625},{"class":4,"probability":0}],` +
		`"rank":1,"loss":0.6931471805599453}` + "\n" + `{"index":1000000000000,"tar":"a","class":3,"error":"x","real":[]}` + "\n" + `{"end":{"images":2}}` + "\n" + "{"))
	path := filepath.Join(f.TempDir(), "p.jsonl")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := evaluate.ReadPredictions(path)
		if err != nil {
			return
		}
		s := p.Summary()
		records := 0
		for _, err := range p.Records() {
			if err != nil {
				t.Fatal(err)
			}
			records++
		}
		if records != s.All || s.Images+len(s.Unread) != s.All || s.Top1 > s.Top5 || s.Top5 > s.Images {
			t.Errorf("%d records, %+v", records, s.Accuracy)
		}
	})
}
