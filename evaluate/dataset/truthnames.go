package dataset

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/text"
)

// namedTruth has lines with the names of images and their classes.
type namedTruth struct {
	file string
	rows []row
	// byStem has the lines about images of a name, without folder and without extension.
	byStem map[string][]int
	// served has the image that a line was found for: it is about one. Tar files are read by several goroutines.
	mutex  sync.Mutex
	served map[int]string
	// exact says that the line has the name of that image as it is.
	exact map[int]bool
	// rivals has, of lines that fit an image for which another line of another class is, one such image.
	rivals map[int]string
	// strays is the number of images whose line names another folder, and stray says the first.
	strays int
	stray  string
}

func newNamedTruth(file string, rows []row) (*namedTruth, error) {
	n := &namedTruth{file: file, rows: rows, byStem: make(map[string][]int, len(rows)), served: map[int]string{}, exact: map[int]bool{}, rivals: map[int]string{}}
	for i, r := range rows {
		key := stem(r.name)
		for _, other := range n.byStem[key] {
			if before := rows[other]; before.name == r.name && before.class != r.class {
				return nil, &ListError{
					File: file, Line: r.line, Reason: fmt.Sprintf("the image %s has the classes %s and %s", text.Quote(r.name), text.Quote(before.class), text.Quote(r.class)),
				}
			}
		}
		n.byStem[key] = append(n.byStem[key], i)
	}
	return n, nil
}

// of returns the class of an image: that of the only line with its name, whatever the folder and the extension, or of the one of several that has its folder, too.
// The error is a *[ListError] if there is none, if several lines with different classes fit, if the line was found for another image, or if it fits another.
func (n *namedTruth) of(tar, name string) (string, error) {
	alike := n.byStem[stem(name)]
	lines := alike
	if len(lines) > 1 {
		lines = n.fitting(lines, name)
	}
	if len(lines) == 0 {
		return "", &ListError{File: n.file, Reason: fmt.Sprintf("it has no class for the image %s", text.Quote(name))}
	}
	first := n.rows[lines[0]]
	for _, i := range lines[1:] {
		if other := n.rows[i]; other.class != first.class {
			return "", &ListError{
				File: n.file, Line: other.line, Reason: fmt.Sprintf("%s and %s of line %d may both be the image %s, and have different classes",
					text.Quote(other.name), text.Quote(first.name), first.line, text.Quote(name)),
				Advice: "write the names with their folders",
			}
		}
	}
	image := strings.TrimPrefix(tar+": "+name, ": ")
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if before, again := n.served[lines[0]]; again && before != image {
		return "", &ListError{
			File: n.file, Line: first.line, Reason: fmt.Sprintf("%s is one image, and both %s and %s are called so", text.Quote(first.name), text.Quote(before), text.Quote(image)),
			Advice: "write a line for each, with its folder",
		}
	}
	_, again := n.served[lines[0]]
	n.served[lines[0]], n.exact[lines[0]] = image, slices.Equal(parts(first.name), parts(name))
	if line, here := bare(parts(first.name)), bare(parts(name)); !again && !endAlike(line, here) {
		if n.strays++; n.strays == 1 {
			n.stray = fmt.Sprintf("line %d, %s, for the image %s", first.line, text.Quote(first.name), text.Quote(image))
		}
	}
	return first.class, n.checkRivals(alike, lines, name, image)
}

// checkRivals returns a *[ListError] if a line is about an image only because another image that it fits as well has a line of its own: who wrote it may have meant
// that one. alike are all lines with the name of an image, and found those of them that are about it. The caller holds the mutex.
func (n *namedTruth) checkRivals(alike, found []int, name, image string) error {
	class := n.rows[found[0]].class
	for _, i := range alike {
		line := n.rows[i]
		if whole := parts(line.name); line.class != class && !slices.Contains(found, i) &&
			(endAlike(whole, parts(name)) || !preprocess.HasEnding(line.name) && endAlike(whole, bare(parts(name)))) {
			n.rivals[i] = image
		}
		served, taken := n.served[i]
		if rival := n.rivals[i]; rival != "" && taken && !n.exact[i] {
			return &ListError{
				File: n.file, Line: line.line, Reason: fmt.Sprintf("%s may be the image %s and the image %s, for which there is another line, of another class",
					text.Quote(line.name), text.Quote(served), text.Quote(rival)),
				Advice: "write the names with their folders and extensions",
			}
		}
	}
	return nil
}

// notes says how many images were found under a line that names another folder.
func (n *namedTruth) notes() []string {
	if n == nil {
		return nil
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.strays == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s in another folder than the image that was found by the name alone: the first is %s",
		text.Name(n.file), text.Count(n.strays, "line is", "lines are"), n.stray)}
}

// fitting returns those of some lines whose names are that of an image: as it is; if none is, with the folders that one of the two has more; and if none is, with
// another extension.
func (n *namedTruth) fitting(lines []int, name string) []int {
	image := parts(name)
	for _, same := range []func(line []string) bool{
		func(line []string) bool { return slices.Equal(line, image) },
		func(line []string) bool { return endAlike(line, image) },
		func(line []string) bool { return endAlike(bare(line), bare(image)) },
	} {
		var found []int
		for _, i := range lines {
			if same(parts(n.rows[i].name)) {
				found = append(found, i)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// parts returns the folders and the name of a file.
func parts(name string) []string {
	return strings.Split(strings.TrimPrefix(path.Clean(strings.ReplaceAll(name, "\\", "/")), "/"), "/")
}

// bare returns parts with the name without the extension of images.
func bare(parts []string) []string {
	last := len(parts) - 1
	return append(slices.Clone(parts[:last]), stem(parts[last]))
}

// endAlike reports whether the shorter of two lists is the end of the other.
func endAlike(a, b []string) bool {
	shorter := min(len(a), len(b))
	return slices.Equal(a[len(a)-shorter:], b[len(b)-shorter:])
}
