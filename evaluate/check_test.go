package evaluate_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

// object is a line of a file of predictions.
type object = map[string]any

// readLines returns the lines of a file.
func readLines(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
}

// writeEdited writes lines, of which the one with that number, from 1, is changed.
func writeEdited(t *testing.T, path string, lines []string, number int, edit func(object)) {
	t.Helper()
	changed := slices.Clone(lines)
	if edit != nil {
		var line object
		if err := json.Unmarshal([]byte(lines[number-1]), &line); err != nil {
			t.Fatal(err)
		}
		edit(line)
		raw, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		changed[number-1] = string(raw)
	}
	if err := os.WriteFile(path, []byte(strings.Join(changed, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func answer(line object, i int) object { return line["top"].([]any)[i].(object) }

// consistent makes the second answer the right one, so that the line agrees with itself.
func consistent(line object) {
	second := answer(line, 1)
	line["class"], line["rank"], line["loss"] = second["class"], 2, -math.Log(second["probability"].(float64))
}

// TestReadPredictions_Contradictions: a line whose fields cannot all follow from the same logits is named.
func TestReadPredictions_Contradictions(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "p.jsonl")
	if _, err := evaluateTo(t, digits(t), some(t), path, evaluate.Shard{Index: 1, Of: 4}); err != nil {
		t.Fatal(err)
	}
	lines := readLines(t, path)
	for _, c := range []struct {
		name string
		edit func(object)
		want string
	}{
		{"another class", func(l object) { l["class"] = 5 }, "the rank 1 is not that of class 5 among the answers"},
		{"no class", func(l object) { delete(l, "class") }, "it has no index, or no class"},
		{"no index", func(l object) { delete(l, "index") }, "it has no index, or no class"},
		{"another rank", func(l object) { l["rank"] = 2 }, "the rank 2 is not that of class 1"},
		{"a rank behind the answers", func(l object) { l["rank"] = 7 }, "the rank 7 is not that of class 1"},
		{"no rank", func(l object) { delete(l, "rank") }, "the rank 0 is not that of class 1"},
		{"another answer", func(l object) { answer(l, 0)["class"] = 1.0 + answer(l, 0)["class"].(float64) }, ""},
		{"an answer twice", func(l object) { answer(l, 2)["class"] = answer(l, 1)["class"] }, "the answers name class"},
		{"too few answers", func(l object) { l["top"] = l["top"].([]any)[:2] }, "2 answers and the rank 1"},
		{"answers in ascending order", func(l object) { slices.Reverse(l["top"].([]any)) }, "not in the order of their probabilities"},
		{"too much probability", func(l object) { answer(l, 1)["probability"] = answer(l, 0)["probability"] }, "the probabilities of the answers add up to"},
		{"another loss", func(l object) { l["loss"] = 0.5 }, "the loss 0.5 is not that of the right class"},
		{"another probability", func(l object) { answer(l, 0)["probability"] = 0.5 }, "is not that of the right class by the probabilities"},
		{"an orientation that there is not", func(l object) { l["unturned"] = 9 }, "the orientation is 9"},
		{"a class that the answers leave no probability for", func(l object) {
			for _, g := range l["top"].([]any) {
				if g.(object)["class"] = 4 + g.(object)["class"].(float64); g.(object)["class"].(float64) > 9 {
					g.(object)["class"] = g.(object)["class"].(float64) - 10
				}
			}
			answer(l, 0)["class"] = 1.0
			l["class"], l["rank"], l["loss"] = notAmong(l), 6, 0.1
		}, "is not that of the right class by the probabilities"},
	} {
		writeEdited(t, path, lines, 3, c.edit)
		_, err := evaluate.ReadPredictions(path)
		if file := (*evaluate.FileError)(nil); !errors.As(err, &file) || file.Line != 3 || !strings.Contains(err.Error(), c.want) || !errors.Is(err, errdef.ErrInput) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	writeEdited(t, path, lines, 3, consistent)
	if _, err := evaluate.ReadPredictions(path); err != nil {
		t.Errorf("a line that agrees with itself: %v", err)
	}
}

// notAmong returns a class that no answer of a line names.
func notAmong(line object) int {
	for class := range 10 {
		if !slices.ContainsFunc(line["top"].([]any), func(g any) bool { return g.(object)["class"].(float64) == float64(class) }) {
			return class
		}
	}
	return -1
}

// TestOpenLog_OtherImages: a line about another image, or of another class, than the data has is named before anything runs, and a finished file with one is
// refused whatever it is read for.
func TestOpenLog_OtherImages(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	classifier, data := digits(t), some(t)
	for part := range 2 {
		if _, err := evaluateTo(t, classifier, data, in(fmt.Sprint(part)), evaluate.Shard{Index: part + 1, Of: 2}); err != nil {
			t.Fatal(err)
		}
	}
	lines := readLines(t, in("0"))
	for name, edit := range map[string]func(object){
		"another name":        func(l object) { l["image"] = "x.png" },
		"another class":       consistent,
		"labels not asked":    func(l object) { l["real"] = []int{3} },
		"a name of a picture": func(l object) { l["image"] = "failed before" },
	} {
		writeEdited(t, in("edited"), lines, 4, edit)
		header := evaluate.HeaderFor(classifier, data, evaluate.Shard{Index: 1, Of: 2})
		log, err := evaluate.OpenLog(in("edited"), header)
		if err != nil {
			t.Fatal(err)
		}
		_, err = evaluate.Classification(t.Context(), classifier, data, evaluate.Options{Header: header, Log: log})
		log.Close()
		if file := (*evaluate.FileError)(nil); !errors.As(err, &file) || file.Line != 4 || !errors.As(err, new(*evaluate.ChangedError)) || errdef.Hint(err) == "" {
			t.Errorf("%s, resumed: %v", name, err)
		}
		if _, err := evaluate.Merge(in("edited"), in("1")); !errors.As(err, new(*evaluate.PartsError)) || !strings.Contains(err.Error(), "are not those of the data") {
			t.Errorf("%s, merged: %v", name, err)
		}
	}
	// A finished file about the whole, of which a line is about another class.
	if _, err := evaluateTo(t, classifier, data, in("whole"), whole); err != nil {
		t.Fatal(err)
	}
	writeEdited(t, in("whole"), readLines(t, in("whole")), 9, consistent)
	if _, err := evaluate.ReadPredictions(in("whole")); !errors.As(err, new(*evaluate.FileError)) || !strings.Contains(err.Error(), "line 38: the records before have other names") {
		t.Errorf("finished: %v", err)
	}
	if _, err := evaluateTo(t, classifier, data, in("whole"), whole); !errors.As(err, new(*evaluate.ChangedError)) || !strings.Contains(err.Error(), "line 9: image 7 is ") {
		t.Errorf("finished, resumed: %v", err)
	}
	// A part that is another one with other numbers.
	renumbered := slices.Clone(lines)
	for i, line := range lines {
		renumbered[i] = strings.Replace(line, `"shard":{"index":1`, `"shard":{"index":2`, 1)
		var record struct{ Index int }
		if err := json.Unmarshal([]byte(line), &record); err == nil && strings.HasPrefix(line, `{"index"`) {
			renumbered[i] = strings.Replace(line, fmt.Sprintf(`"index":%d`, record.Index), fmt.Sprintf(`"index":%d`, record.Index+1), 1)
		}
	}
	writeEdited(t, in("renumbered"), renumbered, 0, nil)
	if _, err := evaluate.Merge(in("0"), in("renumbered")); !errors.As(err, new(*evaluate.PartsError)) || !strings.Contains(err.Error(), "are not those of the data") {
		t.Errorf("renumbered: %v", err)
	}
	if _, err := evaluate.Merge(in("0"), in("1")); err != nil {
		t.Errorf("as they are: %v", err)
	}
}

// packDigits writes a tar file with some digits.
func packDigits(t *testing.T, path string, examples []dataset.Example, edit func(i int, name, class, content *string)) {
	t.Helper()
	var raw bytes.Buffer
	w := tar.NewWriter(&raw)
	for i, e := range examples {
		file, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		var content bytes.Buffer
		if _, err := content.ReadFrom(file); err != nil {
			t.Fatal(err)
		}
		file.Close()
		name, class, picture := fmt.Sprintf("%04d", i), fmt.Sprint(e.Class), content.String()
		edit(i, &name, &class, &picture)
		for _, member := range []struct{ name, content string }{{name + ".png", picture}, {name + ".cls", class}} {
			if err := w.WriteHeader(&tar.Header{Name: member.name, Mode: 0o600, Size: int64(len(member.content))}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(member.content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOpenLog_OtherTar: the digest of tar files is that of their names and sizes, so what is in them is compared with the records while it is read past.
func TestOpenLog_OtherTar(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, predictions := filepath.Join(folder, "a.tar"), filepath.Join(folder, "p.jsonl")
	var examples []dataset.Example // two of each class
	for i, e := range digitExamples(t) {
		if i%18 == 0 {
			examples = append(examples, e)
		}
	}
	classifier := digits(t)
	run := func() (*evaluate.Summary, error) {
		found, err := dataset.Open(t.Context(), []string{path}, dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		data, err := found.Match(t.Context(), dataset.Model{Classes: 10}, dataset.Matching{Way: dataset.ByNumber})
		if err != nil {
			t.Fatal(err)
		}
		return evaluateTo(t, classifier, data, predictions, whole)
	}
	packDigits(t, path, examples, func(int, *string, *string, *string) {})
	if _, err := run(); err != nil {
		t.Fatal(err)
	}
	lines := readLines(t, predictions)
	for name, c := range map[string]struct {
		edit func(i int, name, class, content *string)
		want string
	}{
		"another class": {func(i int, _, class, _ *string) {
			if i == 3 {
				*class = "7"
			}
		}, `line 5: image 3 of "a.tar" is "0003.png" of class 1`},
		"another name": {func(i int, name, _, _ *string) {
			if i == 3 {
				*name = "000x"
			}
		}, `line 5: image 3 of "a.tar" is "0003.png" of class 1`},
		"another picture of the same size": {func(i int, _, _, content *string) {
			if i == 3 {
				*content = (*content)[:len(*content)-1] + "x"
			}
		}, "CRC-32C"},
		"no picture": {func(i int, name, _, _ *string) {
			if i == 19 {
				*name = ".hidden"
			}
		}, `line 21: the data has no image 19 of "a.tar" any more, "0019.png"`},
	} {
		packDigits(t, path, examples, c.edit)
		for _, cut := range []int{len(lines), len(lines) - 1} {
			writeEdited(t, predictions, lines[:cut], 0, nil)
			_, err := run()
			if file := (*evaluate.FileError)(nil); !errors.As(err, &file) || !strings.Contains(err.Error(), c.want) || errors.As(err, new(*classify.UnreadError)) {
				t.Errorf("%s, %d lines: %v", name, cut, err)
			}
		}
	}
}

// TestRecord_NamesThatAreNotText: names of bytes that are no UTF-8 stay apart, and are found again when an evaluation goes on.
func TestRecord_NamesThatAreNotText(t *testing.T) {
	t.Parallel()
	classifier := digits(t)
	examples := digitExamples(t)[:4]
	want := []string{`a\xff.png`, `a\xfe.png`, `a\x5cxff.png`, "a\uFFFD.png"}
	for i, name := range []string{"a\xff.png", "a\xfe.png", `a\xff.png`, "a\uFFFD.png"} {
		examples[i].Name = name
	}
	data := dataset.NewList("\xff", examples, dataset.Mapping{Way: dataset.ByNumber, Names: []string{"\xff", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, Logits: tenClasses().Logits})
	path := filepath.Join(t.TempDir(), "p.jsonl")
	for range 2 { // the second time, all are compared
		if _, err := evaluateTo(t, classifier, data, path, whole); err != nil {
			t.Fatal(err)
		}
	}
	p, err := evaluate.ReadPredictions(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r, err := range p.Records() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Image)
	}
	if !slices.Equal(got, want) || p.Header.Data.Names[0] != `\xff` || p.Header.Data.Source != `\xff` {
		t.Errorf("%q, %q", got, p.Header.Data.Names)
	}
}
