package dataset

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/beit/vocabulary"
	"github.com/beitzoo/beitzoo/internal/text"
)

// truth says the right classes of the images of a flat folder.
type truth struct {
	file   string
	digest string
	// byName has the class for the name of a file without folder and without extension. It is nil if the file has only classes, in order.
	byName  map[string]string
	ordered []string
	// numbered says that the images are those of ImageNet's validation set, whose names have the number of their line.
	numbered bool
}

// readTruth reads a file of right classes: a list with names and classes, such as Kaggle's LOC_val_solution.csv or Caffe's val.txt, or a class a line, in the
// order of the images, such as the ground truth of ImageNet's development kit. Errors are a *[fs.PathError] or a *[ListError].
func readTruth(file string) (*truth, error) {
	opened, err := openRegular(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	hash := sha256.New()
	rows, err := readTable(io.TeeReader(opened, hash), file)
	if err != nil {
		return nil, err
	}
	t := &truth{file: file, digest: digestText(hash.Sum(nil))}
	single := 0
	for _, r := range rows {
		if r.class == "" {
			single++
		}
	}
	switch {
	case single == len(rows):
		for _, r := range rows {
			t.ordered = append(t.ordered, r.name)
		}
		return t, nil
	case single > 0:
		at := slices.IndexFunc(rows, func(r row) bool { return r.class == "" })
		return nil, &ListError{File: file, Line: rows[at].line, Reason: "there is no class"}
	}
	t.byName = make(map[string]string, len(rows))
	for _, r := range rows {
		key := stem(r.name)
		if before, twice := t.byName[key]; twice && before != r.class {
			return nil, &ListError{File: file, Line: r.line, Reason: fmt.Sprintf("the image %s has the classes %s and %s", text.Quote(key), text.Quote(before), text.Quote(r.class))}
		}
		t.byName[key] = r.class
	}
	return t, nil
}

// stem returns the name of a file without folder and without the extension of images.
func stem(name string) string {
	name = path.Base(strings.ReplaceAll(name, "\\", "/"))
	if preprocess.HasEnding(name) {
		name = strings.TrimSuffix(name, path.Ext(name))
	}
	return name
}

// validation matches the names of the images of ImageNet's validation set, and their numbers from 1.
var validation = regexp.MustCompile(`^ILSVRC2012_val_(\d{8})$`)

// numberOf returns the number from 1 of an image of ImageNet's validation set, or 0 if the name is not that of one.
func numberOf(name string) int {
	found := validation.FindStringSubmatch(stem(name))
	if found == nil {
		return 0
	}
	number, _ := strconv.Atoi(found[1])
	return number
}

// apply gives each image its class. The error is a *[ListError] that names the first image without one.
func (t *truth) apply(items []item) error {
	t.numbered = t.byName == nil && len(items) > 0 && !slices.ContainsFunc(items, func(it item) bool { return numberOf(it.name) == 0 })
	if err := t.prepare(); err != nil {
		return err
	}
	if t.byName == nil && !t.numbered && len(items) != len(t.ordered) {
		return &ListError{File: t.file, Reason: fmt.Sprintf("%s for %s", text.Count(len(t.ordered), "class", "classes"), text.Count(len(items), "image", "images"))}
	}
	for i := range items {
		class, err := t.of(items[i].name, i)
		if err != nil {
			return err
		}
		items[i].class = class
	}
	return nil
}

// of returns the class of an image, which is number i from 0 in the order of the names.
func (t *truth) of(name string, i int) (string, error) {
	if t.byName != nil {
		if class, known := t.byName[stem(name)]; known {
			return class, nil
		}
		return "", &ListError{File: t.file, Reason: fmt.Sprintf("it has no class for the image %s", text.Quote(name))}
	}
	if t.numbered {
		i = numberOf(name) - 1
	}
	if i < 0 || i >= len(t.ordered) {
		return "", &ListError{File: t.file, Reason: fmt.Sprintf("%s, and none for the image %s", text.Count(len(t.ordered), "class", "classes"), text.Quote(name))}
	}
	return t.ordered[i], nil
}

// firstLogits are the classes of the first images of ImageNet's validation set, as numbers of logits (BVLC/caffe, data/ilsvrc12, val.txt).
var firstLogits = []int{65, 970, 230, 809, 516, 57, 334, 415, 674, 332}

// prepare decides what numbers mean in a file that has only classes. Those about ImageNet's validation set may be the numbers of its development kit, whose order
// is not that of the logits, or those of the logits, from 0 or from 1. What is known of the first images tells; numbers that are none of these are refused.
func (t *truth) prepare() error {
	numbers := make([]int, len(t.ordered))
	for i, word := range t.ordered {
		number, err := strconv.Atoi(word)
		if err != nil {
			return nil // names
		}
		numbers[i] = number
	}
	switch {
	case t.byName != nil:
		return nil
	case !t.numbered && strings.Contains(path.Base(t.file), "ILSVRC2012_validation_ground_truth"):
		return &ListError{
			File: t.file, Reason: "these numbers belong to images that are called ILSVRC2012_val_00000001.JPEG and so on, and the images here are not",
			Advice: "give the images their names back, or give a list of names and classes",
		}
	case !t.numbered:
		return nil
	}
	ids := vocabulary.ByName(vocabulary.ImageNet1k).IDs()
	logitOf := logitsOf(numbers)
	if logitOf == nil {
		return &ListError{
			File: t.file, Reason: "the numbers are not the classes of ImageNet's validation set, neither by its development kit nor by the logits: the first images have others",
			Advice: "give the file of the kit, whose first lines are 490, 361 and 171, Kaggle's LOC_val_solution.csv, or a list of names and classes",
		}
	}
	for i, number := range numbers {
		logit := logitOf(number)
		if logit < 0 || logit >= len(ids) {
			return &ListError{File: t.file, Line: i + 1, Reason: fmt.Sprintf("%d is no class of ImageNet-1k", number)}
		}
		t.ordered[i] = ids[logit]
	}
	return nil
}

// logitsOf returns what turns the classes of ImageNet's validation set, given as numbers in the order of the images, into places among the logits; -1 for no
// class. It is nil if the numbers are none that are known.
func logitsOf(numbers []int) func(number int) int {
	kit := vocabulary.ByName(vocabulary.ImageNet1k).Numbers()
	if len(numbers) < len(firstLogits) {
		return nil
	}
	agree := func(numberOf func(logit int) int) bool {
		for i, logit := range firstLogits {
			if numbers[i] != numberOf(logit) {
				return false
			}
		}
		return true
	}
	switch {
	case agree(func(logit int) int { return kit[logit] }):
		return func(number int) int { return slices.Index(kit, number) }
	case agree(func(logit int) int { return logit }):
		return func(number int) int { return number }
	case agree(func(logit int) int { return logit + 1 }):
		return func(number int) int { return number - 1 }
	}
	return nil
}

// nearTruth returns the path of a file of right classes that lies in a folder of images or beside it, or an empty text.
func nearTruth(folder string) string {
	for _, name := range []string{"LOC_val_solution.csv", "ILSVRC2012_validation_ground_truth.txt", "val.txt", "metadata.jsonl", "metadata.csv"} {
		for _, near := range []string{folder, filepath.Dir(filepath.Clean(folder))} {
			if candidate := filepath.Join(near, name); isFile(candidate) {
				return candidate
			}
		}
	}
	return ""
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}
