package segmentation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/pictures"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Pair is a picture and its labels.
type Pair struct {
	// Index is its place in the whole list, from 0, also in a part.
	Index int
	// Image and Labels are the names of the files, below the folders of the data, with slashes.
	Image, Labels string

	imagePath, labelsPath string
}

// Layout is how the files of a data set lie in its folder.
type Layout string

// The layouts.
const (
	// ADE20K is images/SPLIT/x.jpg and annotations/SPLIT/x.png, as ADEChallengeData2016 has them.
	ADE20K Layout = "ADE20K"
	// Cityscapes is leftImg8bit/SPLIT/CITY/x_leftImg8bit.png and gtFine/SPLIT/CITY/x_gtFine_labelTrainIds.png.
	Cityscapes Layout = "Cityscapes"
	// Parallel is two folders whose files have the same names but for their endings.
	Parallel Layout = "two folders"
)

// form is what a layout looks like.
type form struct {
	layout Layout
	// images and labels are the folders in that of the data.
	images, labels string
	// imageEnding and labelsEnding are what names end in, behind what is the same in both; any ending of a picture if empty.
	imageEnding, labelsEnding string
	// reduces says that 0 means unlabelled.
	reduces bool
}

var forms = []form{
	{layout: ADE20K, images: "images", labels: "annotations", reduces: true},
	{layout: Cityscapes, images: "leftImg8bit", labels: "gtFine", imageEnding: "_leftImg8bit.png", labelsEnding: "_gtFine_labelTrainIds.png"},
}

// usualSplits are those of which figures are published, if a data set has several.
var usualSplits = []string{"validation", "val"}

// Options say how a data set is read.
type Options struct {
	// LabelsFolder has the labels; empty if the layout says where they are.
	LabelsFolder string
	// Split is the part of the data set, such as validation; empty for the only one, or the one of which figures are published.
	Split string
	// Unpaired leaves out pictures without labels, and labels without a picture, which are an error otherwise.
	Unpaired bool
}

// Data is a list of pictures with their labels.
type Data struct {
	source, split string
	// imagesFolder and labelsFolder have the files.
	imagesFolder, labelsFolder string
	form                       form
	pairs                      []Pair
	notes                      []string
	digest                     string
}

// Source returns the folder that the caller named.
func (d *Data) Source() string { return d.source }

// Layout returns how the files lie.
func (d *Data) Layout() Layout { return d.form.layout }

// Split returns the split, or an empty text if the layout has none.
func (d *Data) Split() string { return d.split }

// Len returns the number of pictures.
func (d *Data) Len() int { return len(d.pairs) }

// Digest identifies the list: the places and names of all pictures and labels. It is "sha256:" and 64 hexadecimal digits.
func (d *Data) Digest() string { return d.digest }

// Notes returns what else has to be known about the list, each a sentence without a full stop.
func (d *Data) Notes() []string { return d.notes }

// Labelling returns what the samples of labels usually mean in this layout. In two folders they are taken as they are.
func (d *Data) Labelling() Labelling {
	return Labelling{ReduceZeroLabel: d.form.reduces, IgnoreIndex: UsualIgnored}
}

// part returns the pairs of a part: every Of-th.
func (d *Data) part(shard evaluate.Shard) []Pair {
	var pairs []Pair
	for at := shard.Index - 1; at < len(d.pairs); at += shard.Of {
		pairs = append(pairs, d.pairs[at])
	}
	return pairs
}

// Recognise reports whether a folder has one of the layouts that say where the labels are, or is one of their folders of pictures.
func Recognise(source string) bool {
	_, _, _, ok := locate(source)
	return ok
}

// Open lists the pictures of a folder and pairs them with their labels: a folder with one of the layouts, a split of one such as images/validation, or a folder of
// pictures to which the options name that of the labels. Links are followed, and what is hidden is left out. Only names are read. Pictures and labels that have no partner
// are a *[DataError], unless the options leave them out; other errors are a *[LayoutError], a *[pictures.NoneError], one of the system or that of ctx.
func Open(ctx context.Context, source string, o Options) (*Data, error) {
	info, err := os.Stat(source)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, &LayoutError{Source: source, Reason: "pictures and labels are in folders, and this is a file", Advice: layoutAdvice}
	}
	d := &Data{source: source}
	if err := d.place(o); err != nil {
		return nil, err
	}
	return d, d.list(ctx, o)
}

// LayoutError says that what the caller named is no data set with pictures and labels.
type LayoutError struct {
	Source, Reason, Advice string
	// Unplaced says that nobody says where the labels are, and Unsplit that there are several splits.
	Unplaced, Unsplit bool
}

func (e *LayoutError) Error() string { return fmt.Sprintf("%s: %s", text.Name(e.Source), e.Reason) }

// Is reports that the wrong source was named.
func (e *LayoutError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint returns the advice.
func (e *LayoutError) Hint() string { return e.Advice }

// layoutAdvice says what is looked for.
const layoutAdvice = "name a folder with images/ and annotations/ (ADE20K) or with leftImg8bit/ and gtFine/ (Cityscapes), or a folder of pictures and state that of their labels"

// place finds the two folders.
func (d *Data) place(o Options) error {
	root, form, split, known := locate(d.source)
	switch {
	case o.LabelsFolder != "" && o.Split != "":
		return &LayoutError{Source: d.source, Reason: "a folder of labels and a split are named", Advice: "leave out the split: the two folders say it"}
	case o.LabelsFolder != "":
		d.form, d.imagesFolder, d.labelsFolder = forms[0], d.source, o.LabelsFolder
		d.form.layout, d.form.reduces = Parallel, false
		return nil
	case !known:
		return &LayoutError{Source: d.source, Reason: "it has no layout that says where the labels are", Advice: layoutAdvice, Unplaced: true}
	case split != "" && o.Split != "" && split != o.Split:
		reason := fmt.Sprintf("it is the split %s, and %s is named", split, text.Quote(o.Split))
		return &LayoutError{Source: d.source, Reason: reason, Advice: "leave out the split, or name the folder above"}
	}
	if split = cmp.Or(split, o.Split); split == "" {
		var err error
		if split, err = d.choose(root, form); err != nil {
			return err
		}
	}
	d.form, d.split = form, split
	d.imagesFolder, d.labelsFolder = filepath.Join(root, form.images, split), filepath.Join(root, form.labels, split)
	for _, folder := range []string{d.imagesFolder, d.labelsFolder} {
		if !filepath.IsLocal(split) || !isFolder(folder) {
			return &LayoutError{Source: d.source, Reason: "there is no folder " + text.Name(folder), Advice: "the splits are " + text.List(splits(root, form), 10, "none")}
		}
	}
	return nil
}

// locate returns the root of a data set, its layout, and the split if the source is that of the pictures.
func locate(source string) (root string, f form, split string, known bool) {
	for _, f := range forms {
		if isFolder(filepath.Join(source, f.images)) && isFolder(filepath.Join(source, f.labels)) {
			return source, f, "", true
		}
		full, err := filepath.Abs(source)
		if err != nil {
			continue
		}
		above := filepath.Dir(full)
		if root := filepath.Dir(above); filepath.Base(above) == f.images && isFolder(filepath.Join(root, f.labels, filepath.Base(full))) {
			return filepath.Join(source, "..", ".."), f, filepath.Base(full), true
		}
	}
	return "", form{}, "", false
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// splits returns the names of folders that have pictures and labels.
func splits(root string, f form) []string {
	var names []string
	entries, _ := os.ReadDir(filepath.Join(root, f.images)) // what cannot be read has none
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") && isFolder(filepath.Join(root, f.images, entry.Name())) && isFolder(filepath.Join(root, f.labels, entry.Name())) {
			names = append(names, entry.Name())
		}
	}
	return names
}

// choose returns the split of which figures are published, or the only one.
func (d *Data) choose(root string, f form) (string, error) {
	names := splits(root, f)
	for _, usual := range usualSplits {
		if slices.Contains(names, usual) {
			if len(names) > 1 {
				d.notes = append(d.notes, fmt.Sprintf("of the splits %s, %s is evaluated", text.List(names, 10, ""), usual))
			}
			return usual, nil
		}
	}
	if len(names) != 1 {
		reason := fmt.Sprintf("%s and %s have no folder of the same name in them", f.images, f.labels)
		if len(names) > 1 {
			reason = "it has several splits: " + text.List(names, 10, "")
		}
		const advice = "state which split, or name its folder of pictures and state that of the labels"
		return "", &LayoutError{Source: d.source, Reason: reason, Advice: advice, Unsplit: len(names) > 1, Unplaced: len(names) == 0}
	}
	return names[0], nil
}

// list pairs pictures and labels by their names.
func (d *Data) list(ctx context.Context, o Options) error {
	images, err := d.files(ctx, d.imagesFolder, d.form.imageEnding)
	if err != nil {
		return err
	}
	labels, err := d.files(ctx, d.labelsFolder, cmp.Or(d.form.labelsEnding, ".png"))
	if errors.As(err, new(*pictures.NoneError)) {
		labels, err = nil, nil
	}
	if err != nil {
		return err
	}
	if len(labels) == 0 {
		return &LayoutError{Source: d.labelsFolder, Reason: "it has no labels, which are files *" + cmp.Or(d.form.labelsEnding, ".png"), Advice: d.missingLabels()}
	}
	byKey, twice, several := map[string]string{}, []string{}, []string{}
	for _, file := range labels {
		if _, there := byKey[file.key]; there {
			several = append(several, file.name)
		}
		byKey[file.key] = file.name
	}
	fail, taken := &DataError{Source: d.source}, map[string]bool{}
	var all dataset.Inventory
	for _, file := range images {
		partner, there := byKey[file.key]
		switch {
		case !there:
			fail.add(Unlabelled, file.name)
			continue
		case taken[file.key]:
			twice = append(twice, file.name)
		}
		taken[file.key] = true
		p := Pair{Index: len(d.pairs), Image: file.name, Labels: partner}
		p.imagePath, p.labelsPath = filepath.Join(d.imagesFolder, filepath.FromSlash(p.Image)), filepath.Join(d.labelsFolder, filepath.FromSlash(p.Labels))
		d.pairs = append(d.pairs, p)
		all.Add(p.Index, p.identity(), 0, nil)
	}
	for _, file := range labels {
		if !taken[file.key] {
			fail.add(Unpictured, file.name)
		}
	}
	if len(twice) > 0 {
		fail.Problems = append(fail.Problems, Problem{Kind: SameLabels, Files: twice})
	}
	if len(several) > 0 {
		fail.Problems = append(fail.Problems, Problem{Kind: SeveralLabels, Files: several})
	}
	d.digest = all.Digest()
	return d.unpaired(fail, o)
}

// unpaired returns the error about files without a partner, or notes them.
func (d *Data) unpaired(fail *DataError, o Options) error {
	if len(d.pairs) == 0 || len(fail.Problems) > 0 && (!o.Unpaired || fail.Has(SameLabels) || fail.Has(SeveralLabels)) {
		return fail
	}
	for _, p := range fail.Problems {
		d.notes = append(d.notes, p.String()+"; left out")
	}
	return nil
}

// missingLabels says why there may be none.
func (d *Data) missingLabels() string {
	if d.form.layout == Cityscapes {
		return "cityscapesscripts makes them of the polygons: csCreateTrainIdLabelImgs"
	}
	return "labels are PNG files whose samples are the numbers of classes"
}

// file is one of a folder. key is its name without the ending.
type file struct{ name, key string }

// files lists a folder to the bottom: the pictures in it, or those whose names end in ending.
func (d *Data) files(ctx context.Context, folder, ending string) ([]file, error) {
	found, err := pictures.Find(ctx, folder)
	if err != nil {
		return nil, err
	}
	d.notes = append(d.notes, found.Notes()...)
	var files []file
	for _, path := range found.Paths {
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return nil, &fs.PathError{Op: "list", Path: path, Err: err}
		}
		name = filepath.ToSlash(name)
		used := cmp.Or(ending, filepath.Ext(name))
		if strings.EqualFold(name[max(0, len(name)-len(used)):], used) {
			files = append(files, file{name: name, key: name[:len(name)-len(used)]})
		}
	}
	return files, nil
}

// identity is what a list is identified by.
func (p Pair) identity() string { return text.Valid(p.Image) + "\x00" + text.Valid(p.Labels) }
