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

	"github.com/beitzoo/beitzoo/beit/pictures"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/beit/vocabulary"
	"github.com/beitzoo/beitzoo/internal/text"
)

// truth says the right classes of the images of a flat folder.
type truth struct {
	file, digest string
	// named has the lines with names; it is nil if the file has only classes, in order.
	named   *namedTruth
	ordered []string
	// numbered says that the images are those of ImageNet's validation set, whose names have the number of their line.
	numbered bool
	// unusable is why the numbers cannot be those of any image, for files of which the images are not known yet.
	unusable error
	// notes say how the file was understood.
	notes []string
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
	t.named, err = newNamedTruth(file, rows)
	if err != nil {
		return nil, err
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

// apply gives each image, in the order of the bytes of their names, its class. The error is a *[ListError] that names the first image without one.
func (t *truth) apply(items []item) error {
	t.numbered = t.named == nil && len(items) > 0 && !slices.ContainsFunc(items, func(it item) bool { return numberOf(it.name) == 0 })
	if err := t.prepare(); err != nil {
		return err
	}
	if t.named == nil && !t.numbered {
		if err := t.checkOrder(items); err != nil {
			return err
		}
	}
	for i := range items {
		class, err := t.of("", items[i].name, i)
		if err != nil {
			return err
		}
		items[i].class = class
	}
	return nil
}

// len returns the number of lines.
func (t *truth) len() int {
	if t.named != nil {
		return len(t.named.rows)
	}
	return len(t.ordered)
}

// checkOrder returns a *[ListError] unless there is a class for each image, and everybody would put the images into the same order.
func (t *truth) checkOrder(items []item) error {
	if len(items) != len(t.ordered) {
		return &ListError{File: t.file, Reason: fmt.Sprintf("%s for %s", text.Count(len(t.ordered), "class", "classes"), text.Count(len(items), "image", "images"))}
	}
	for i := range items[1:] {
		if a, b := items[i].name, items[i+1].name; pictures.Natural(a, b) > 0 {
			return &ListError{
				File: t.file, Reason: fmt.Sprintf("a class a line goes by the order of the images, which is in doubt: %s comes before %s by its bytes, and after it by its numbers",
					text.Quote(a), text.Quote(b)),
				Advice: "give a list of names and classes",
			}
		}
	}
	t.notes = append(t.notes, fmt.Sprintf("%s has no names: its lines are taken for the images in the order of their names, from %s to %s",
		text.Name(t.file), text.Name(items[0].name), text.Name(items[len(items)-1].name)))
	return nil
}

// of returns the class of an image, which is number i from 0 in the order of the names, in a tar file or in none.
func (t *truth) of(tar, name string, i int) (string, error) {
	if t.named != nil {
		return t.named.of(tar, name)
	}
	if t.numbered {
		if i = numberOf(name) - 1; i < 0 {
			return "", &ListError{
				File: t.file, Reason: fmt.Sprintf("it has no names, and nothing says which line is about the image %s in a tar file: only the numbers in names such as "+
					"ILSVRC2012_val_00000001.JPEG do", text.Quote(name)),
				Advice: "give a list of names and classes",
			}
		}
	}
	if t.unusable != nil {
		return "", t.unusable
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
	case t.named != nil:
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
	logitOf, meaning := logitsOf(numbers)
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
	t.notes = append(t.notes, fmt.Sprintf("the numbers of %s are %s, as those of the first images tell", text.Name(t.file), meaning))
	return nil
}

// logitsOf returns what turns the classes of ImageNet's validation set, given as numbers in the order of the images, into places among the logits; -1 for no
// class, and says what the numbers are. It is nil if they are none that are known.
func logitsOf(numbers []int) (logitOf func(number int) int, meaning string) {
	kit := vocabulary.ByName(vocabulary.ImageNet1k).Numbers()
	if len(numbers) < len(firstLogits) {
		return nil, ""
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
		return func(number int) int { return slices.Index(kit, number) }, "those of ImageNet's development kit, which are translated by WordNet id"
	case agree(func(logit int) int { return logit }):
		return func(number int) int { return number }, "those of the logits, from 0"
	case agree(func(logit int) int { return logit + 1 }):
		return func(number int) int { return number - 1 }, "those of the logits, counted from 1"
	}
	return nil, ""
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
