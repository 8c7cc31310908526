package dataset

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Options say how a source is read.
type Options struct {
	// Truth is a file with the right classes of images that lie in one folder, or in tar files without classes: a list with names and classes, such as Kaggle's
	// LOC_val_solution.csv or Caffe's val.txt; or a class a line, in the order of the images, such as ILSVRC2012_validation_ground_truth.txt of ImageNet's
	// development kit, whose numbers are not those of the logits and are translated.
	Truth string
	// Root is the folder from which the paths of a list start; empty is the folder of the list, or the working directory for a list from Stdin.
	Root string
	// Stdin is what the source "-" reads.
	Stdin io.Reader
}

// Kind is what a source is.
type Kind string

// The kinds.
const (
	Folders  Kind = "class folders"
	Flat     Kind = "a folder of images"
	ListFile Kind = "a list"
	Tars     Kind = "tar files"
)

// Collection is what a source has: images, and what it calls their classes.
type Collection struct {
	source string
	kind   Kind
	items  []item
	// names are the classes in the order of their bytes, and empty those of class folders without images.
	names, empty []string
	notes        []string
	// tars are the files of which the images are read when they are needed; then items is empty.
	tars *archives
}

// Source returns the folder, file or pattern that the caller named.
func (c *Collection) Source() string { return c.source }

// Kind returns what the source is.
func (c *Collection) Kind() Kind { return c.kind }

// Open lists a source: a folder, a list file, "-" for a list from Stdin, or tar files, each by its path or as a pattern such as val-{000..146}.tar. Several
// sources have to be tar files. Of images nothing is read but the first bytes of files whose names do not say what they are. Errors are a *[SourceError],
// *[NoImagesError], *[ListError], *[fs.PathError], or the end of ctx.
func Open(ctx context.Context, sources []string, o Options) (*Collection, error) {
	expanded, err := expandAll(sources)
	switch {
	case err != nil:
		return nil, err
	case len(expanded) == 0:
		return nil, &SourceError{Reason: "no data set is named", Advice: "name a folder, a list or tar files"}
	case !slices.ContainsFunc(expanded, func(s string) bool { return !isTar(s) }):
		return openTars(sources, expanded, o)
	case len(expanded) > 1:
		return nil, &SourceError{Reason: fmt.Sprintf("%d sources are named, and not all are tar files", len(expanded)), Advice: "name one folder, one list, or tar files"}
	}
	source := expanded[0]
	if source == "-" {
		return openList(o.Stdin, "-", ".", o)
	}
	info, err := os.Stat(source)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return openFolder(ctx, source, o)
	case !info.Mode().IsRegular():
		return nil, &disk.NotRegularError{Path: source, Mode: info.Mode()}
	}
	file, err := os.Open(source)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return openList(file, source, filepath.Dir(source), o)
}

// openFolder lists class folders or, with a truth, a folder of images.
func openFolder(ctx context.Context, folder string, o Options) (*Collection, error) {
	w, err := walkFolder(ctx, folder, o.Truth != "")
	if err != nil {
		return nil, err
	}
	if o.Truth == "" && len(w.items) == 0 && len(w.tars) > 0 {
		return openTars([]string{folder}, w.tars, o)
	}
	for _, path := range w.tars {
		w.foreign.add(filepath.Base(path))
	}
	c := &Collection{source: folder, kind: Folders, items: w.items, names: namesOf(w.items), empty: w.bare, notes: w.notes()}
	switch {
	case len(w.items) == 0:
		return nil, &NoImagesError{Source: folder, Classes: len(w.bare), Flat: w.beside.count, Truth: nearTruth(folder)}
	case o.Truth == "":
		return c, nil
	}
	right, err := readTruth(o.Truth)
	if err != nil {
		return nil, err
	}
	c.kind = Flat
	slices.SortStableFunc(c.items, func(a, b item) int { return strings.Compare(a.name, b.name) })
	if err := right.apply(c.items); err != nil {
		return nil, err
	}
	c.names = namesOf(c.items)
	c.notes = append(append(c.notes, right.notes...), right.named.notes()...)
	if said := right.len(); said > len(c.items) {
		c.notes = append(c.notes, fmt.Sprintf("%s has the classes of %d images, of which %d are here", text.Name(o.Truth), said, len(c.items)))
	}
	return c, nil
}

// openList reads a list of images.
func openList(r io.Reader, source, folder string, o Options) (*Collection, error) {
	if o.Truth != "" {
		return nil, &SourceError{source, "a list says the classes itself", "leave out the file of right classes"}
	}
	if r == nil {
		return nil, &SourceError{source, "there is nothing to read from", "name a file"}
	}
	rows, err := readTable(r, source)
	if err != nil {
		return nil, err
	}
	if o.Root != "" {
		folder = o.Root
	}
	c := &Collection{source: source, kind: ListFile}
	seen, twice, unsaid := map[string]bool{}, found{}, 0
	for _, r := range rows {
		if r.name == "" {
			return nil, &ListError{File: source, Line: r.line, Reason: "there is no image"}
		}
		it := item{name: r.name, path: r.name, class: r.class}
		if !filepath.IsAbs(it.path) {
			it.path = filepath.Join(folder, filepath.FromSlash(it.path))
		}
		if it.class == "" {
			it.class = filepath.Base(filepath.Dir(it.path))
			unsaid++
		}
		if seen[r.name] {
			twice.add(r.name)
		}
		seen[r.name] = true
		c.items = append(c.items, it)
	}
	if unsaid > 0 && unsaid < len(rows) {
		at := slices.IndexFunc(rows, func(r row) bool { return r.class == "" })
		return nil, &ListError{File: source, Line: rows[at].line, Reason: "there is no class"}
	}
	if unsaid > 0 {
		c.notes = append(c.notes, "the list has no classes: the class of an image is the folder that it is in")
	}
	if note := twice.note("image is named more than once", "images are named more than once"); note != "" {
		c.notes = append(c.notes, note)
	}
	if err := checkThere(source, folder, c.items); err != nil {
		return nil, err
	}
	c.names = namesOf(c.items)
	return c, nil
}

// checkThere returns a *[ListError] if none of the first images of a list is there: the paths start elsewhere.
func checkThere(source, folder string, items []item) error {
	const tried = 10
	first := items[:min(tried, len(items))]
	if len(first) == 0 || slices.ContainsFunc(first, func(it item) bool { return !isMissing(it.path) }) {
		return nil
	}
	advice, unrooted := "state the folder from which the paths start", true
	if !preprocess.HasEnding(first[0].name) {
		unrooted = false
		advice = "the names have no extension: name the folder of the images instead, and the list as the file of its right classes"
	}
	reason := "the first images are not there, such as " + text.Name(filepath.Join(folder, first[0].name))
	return &ListError{File: source, Reason: reason, Advice: advice, Unrooted: unrooted}
}

// namesOf returns the classes of images in the order of their bytes.
func namesOf(items []item) []string {
	seen := map[string]bool{}
	var names []string
	for _, it := range items {
		if !seen[it.class] {
			seen[it.class] = true
			names = append(names, it.class)
		}
	}
	slices.Sort(names)
	return names
}

// Names returns the classes of the data, in the order of their bytes, and those of class folders without images. Of tar files all are read through: then errors are
// also those of reading.
func (c *Collection) Names(ctx context.Context) (names, empty []string, err error) {
	if c.tars == nil {
		return slices.Clone(c.names), slices.Clone(c.empty), nil
	}
	seen, _, err := c.tars.classes(ctx, c.tars.files)
	return seen, nil, err
}

// Match returns the data set with the logits of a model. If the classes do not fit, the error is a *[MismatchError] with all of them; if the real labels don't,
// a *[RealError]. Of tar files the first is read through, and all of them for [Matching.OwnClasses]: then errors are also those of reading.
func (c *Collection) Match(ctx context.Context, model Model, o Matching) (Set, error) {
	m := newMatcher(model)
	m.empty = c.empty
	if o.Real != nil {
		if err := o.Real.check(m); err != nil {
			return nil, err
		}
	}
	if c.tars != nil {
		return c.matchTars(ctx, m, o)
	}
	mapping, logits, err := c.mapping(m, c.names, o)
	if err != nil {
		return nil, err
	}
	examples := make([]Example, 0, len(c.items))
	leftOut := 0
	for _, it := range c.items {
		e := Example{Image: classify.Image{Name: it.name, Open: opener(it.path)}, Class: logits[it.class]}
		if e.Class < 0 {
			leftOut++
			continue
		}
		if o.Real != nil {
			if e.Real, err = o.Real.of(it.name); err != nil {
				return nil, err
			}
		}
		examples = append(examples, e)
	}
	notes := append(slices.Clone(c.notes), mapping.notes(o.Way != "")...)
	if leftOut > 0 {
		notes = append(notes, text.Count(leftOut, "image is", "images are")+" left out by the class map")
	}
	if len(examples) == 0 {
		return nil, &NoImagesError{Source: c.source}
	}
	list := NewList(c.source, examples, mapping, notes...)
	list.grounds.Real = o.Real.digestOrNone()
	return list, nil
}

// mapping returns which logits stand for names, also as a table from name to logit.
func (c *Collection) mapping(m *matcher, names []string, o Matching) (Mapping, map[string]int, error) {
	way, logits, err := m.choose(c.source, names, o)
	if err != nil {
		return Mapping{}, nil, err
	}
	candidates, err := m.candidates(c.source, logits, o)
	if err != nil {
		return Mapping{}, nil, err
	}
	mapping, table := Mapping{Way: way, Of: m.model.Classes, Candidates: candidates}, make(map[string]int, len(names))
	fail := &MismatchError{Source: c.source, Names: len(names), Classes: m.model.Classes, Way: way}
	order := counted(len(names))
	slices.SortStableFunc(order, func(a, b int) int { return logits[a] - logits[b] })
	for _, i := range order {
		name, logit := names[i], logits[i]
		if table[name] = logit; logit < 0 {
			continue
		}
		if _, there := slices.BinarySearch(candidates, logit); candidates != nil && !there {
			fail.Mismatches = append(fail.Mismatches, Mismatch{Name: name, Reason: "is not among the classes that are asked for"})
		}
		mapping.Names, mapping.Logits = append(mapping.Names, name), append(mapping.Logits, logit)
	}
	if len(fail.Mismatches) > 0 {
		return Mapping{}, nil, fail
	}
	return mapping, table, nil
}
